//! Mounts what the owner's process has opened.
use crate::*;

/// All of one build. Dropped, they are unmounted.
pub struct Mounts {
    pub points: Vec<String>,
    /// What the sandbox is to show: place, and where it is.
    pub shown: Vec<(String, String)>,
}

impl Mounts {
    pub fn unmount(&self) {
        for path in self.points.iter().filter_map(|point| c_string(point).ok()) {
            unsafe { umount2(path.as_ptr(), MNT_DETACH) };
        }
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        self.unmount();
        // The mount point, never what may still be mounted there: rmdir takes empty directories only, and only root's.
        for point in self.points.iter().filter(|point| fs::symlink_metadata(point).is_ok_and(|meta| meta.uid() == 0)) {
            drop(fs::remove_dir(point));
        }
    }
}

/// Names in PLACE. This worker's become fewer only: it starts no other build while this hook runs.
pub fn mount_points() -> Vec<String> {
    let entries = fs::read_dir(PLACE).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// How the name of a mount point begins.
pub fn mark_of(worker: c_int, device: u64, inode: u64) -> String {
    format!("{worker}-{device}-{inode}-")
}

/// All or nothing. `numbers`: for each mount its directory's, `ro` or nothing, its target's.
pub fn mount_all(
    request: &Request,
    limits: &Limits,
    numbers: &mut impl Iterator<Item = String>,
    owner: &Child,
    builder: &Builder,
    worker: c_int,
) -> Outcome<Mounts> {
    let groups = told_by_id("-G", &request.owner.to_string());
    // What any user's builder has left would count as a grant, and the directory of a build that runs as granted.
    if groups.contains(&builder.gid.to_string()) {
        return Err(format!("uid {} is a build user", request.owner));
    }
    prepare_place()?;
    let mut next = || numbers.next().ok_or("the owner's process said too little");
    let mut mounts = Mounts { points: Vec::new(), shown: Vec::new() };
    for Mount { target, ro, .. } in &request.mounts {
        let (directory, meta, path) = opened(owner, &next()?)?;
        let ro = *ro || !next()?.is_empty();
        judge_place(target, &mounts.shown, owner, &next()?)?;
        limits.check_path(&path)?;
        if meta.uid() != request.owner {
            return Err(format!("{path} is not a directory of uid {}", request.owner));
        }
        // Else a builder could make files of a group that is none of the owner's.
        if !groups.contains(&meta.gid().to_string()) {
            return Err(format!("{path} belongs to a group that uid {} is not in", request.owner));
        }
        let users = user_namespace(&format!("{} {} 1\n", meta.uid(), builder.uid), &format!("{} {} 1\n", meta.gid(), builder.gid))?;
        let point = format!("{PLACE}/{}{}", mark_of(worker, meta.dev(), meta.ino()), std::process::id());
        attach(&directory, Some(&users), ro, &point)?;
        mounts.points.push(point.clone());
        mounts.shown.push((target.clone(), point));
    }
    Ok(mounts)
}

/// A copy of the directory's mount, without what is mounted below, with the owners of the user namespace.
pub fn attach(directory: &File, users: Option<&File>, ro: bool, point: &str) -> Outcome<()> {
    let empty = c"".as_ptr();
    let flags = (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH) as c_long;
    let tree = checked(unsafe { syscall(SYS_OPEN_TREE, directory.as_raw_fd() as c_long, empty, flags) }, "open_tree")?;
    let tree = unsafe { File::from_raw_fd(tree as RawFd) };
    let with = |wanted: bool, attribute: u64| if wanted { attribute } else { 0 };
    let attributes = MountAttributes {
        set: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | with(users.is_some(), MOUNT_ATTR_IDMAP) | with(ro, MOUNT_ATTR_RDONLY),
        clear: 0,
        propagation: MS_PRIVATE,
        user_namespace: users.map_or(0, |users| users.as_raw_fd() as u64),
    };
    let (fd, size) = (tree.as_raw_fd() as c_long, std::mem::size_of::<MountAttributes>() as c_long);
    let set = unsafe { syscall(SYS_MOUNT_SETATTR, fd, empty, AT_EMPTY_PATH as c_long, &attributes, size) };
    checked(set, "this file system cannot be mounted with other owners")?;
    fs::DirBuilder::new().mode(0o711).create(point).map_err(|e| format!("{point}: {e}"))?;
    let path = c_string(point)?;
    let moved = unsafe { syscall(SYS_MOVE_MOUNT, fd, empty, AT_FDCWD as c_long, path.as_ptr(), MOVE_MOUNT_F_EMPTY_PATH) };
    checked(moved, "move_mount").map(drop).inspect_err(|_| drop(fs::remove_dir(point)))
}

/// A user namespace with these maps and no process that stays in it.
fn user_namespace(users: &str, groups: &str) -> Outcome<File> {
    let unshared = || checked(unsafe { unshare(CLONE_NEWUSER) } as c_long, "the kernel makes no user namespaces").map(|_| vec![]);
    let mut child = Child::start(unshared)?;
    child.answer()?;
    let place = format!("/proc/{}", child.id);
    let mapped = fs::write(format!("{place}/uid_map"), users).and_then(|()| fs::write(format!("{place}/gid_map"), groups));
    mapped.and_then(|()| File::open(format!("{place}/ns/user"))).map_err(|e| format!("a user namespace: {e}"))
}
