//! Chooses the granted directories, and mounts them.
use crate::*;

pub fn mount_all(request: &Request, limits: &Limits, worker: c_int, drv: &str, builder: &Builder) -> Outcome<Vec<Mounted>> {
    let deadline = Instant::now() + Duration::from_secs(limits.wait.into());
    let busy = mount_points();
    // With the rights of the owner and no others: what they cannot open is not opened for them.
    let mut chosen = as_user(request.owner, || {
        let granted = read_grant(request, drv)?;
        let mut chosen = Vec::new();
        for mount in &request.mounts {
            check_unmade(&mount.target)?;
            let fitting: Vec<&Granted> = granted.iter().filter(|one| one.id == mount.id).collect();
            chosen.push((mount, choose(mount, &fitting, request.owner, limits, worker, &busy, deadline)?));
        }
        Ok(chosen)
    })?;
    // Else a builder could make files of a group that is none of the owner's.
    if let Some((mount, _)) = chosen.iter().find(|(_, choice)| !is_member(request.owner, choice.gid)) {
        return Err(format!("the directory of {} belongs to a group that uid {} is not in", mount.id, request.owner));
    }
    prepare_place()?;
    let mut mounted: Vec<Mounted> = Vec::new();
    for (mount, choice) in chosen.drain(..) {
        let point = format!("{PLACE}/{}", mark_of(worker, choice.device, choice.inode) + &std::process::id().to_string());
        match attach_as(&choice, request.owner, builder, &point) {
            Ok(()) => mounted.push(Mounted { shown: vec![(mount.target.clone(), point.clone())], point, _lock: choice.lock }),
            Err(reason) => {
                for one in &mounted {
                    unmount(&one.point);
                    remove(&one.point);
                }
                return Err(reason);
            }
        }
    }
    Ok(mounted)
}

/// The daemon makes the target, as root, in the root of the sandbox. Where the sandbox shows a directory of the host
/// (`sandbox-paths`), it would be made there, so the host must have all of it or nothing.
fn check_unmade(target: &str) -> Outcome<()> {
    if top_is_free(target) {
        return Ok(());
    }
    open_without_links(target, O_PATH | O_DIRECTORY).map(drop).map_err(|e| format!("the host has a part of the target only: {e}"))
}

pub fn top_is_free(target: &str) -> bool {
    let top = format!("/{}", target.split('/').nth(1).unwrap_or(""));
    fs::symlink_metadata(top).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

pub struct Choice {
    pub directory: OwnedFd,
    pub gid: u32,
    pub device: u64,
    pub inode: u64,
    pub ro: bool,
    pub lock: Option<OwnedFd>,
}

/// Opens the directory that is granted and, where the hook is to lock, the first that is free or the one that gets free.
pub fn choose(
    mount: &Declared,
    granted: &[&Granted],
    owner: u32,
    limits: &Limits,
    worker: c_int,
    busy: &[String],
    deadline: Instant,
) -> Outcome<Choice> {
    if granted.is_empty() {
        return Err(format!("the grant does not name {}", mount.id));
    }
    loop {
        for one in granted {
            check_path(&one.directory)?;
            limits.check_path(&one.directory)?;
            let directory = open_without_links(&one.directory, O_PATH | O_DIRECTORY)?;
            let meta = stat(&directory)?;
            if meta.uid() != owner || !meta.is_dir() {
                return Err(format!("{} is not a directory of uid {owner}", one.directory));
            }
            if (meta.dev(), meta.ino()) != (one.device, one.inode) {
                return Err(format!("{} is not the directory that was granted", one.directory));
            }
            // `held`: the owner's process keeps others away, but cannot see when a builder that it gave up is gone.
            let lock = match mount.sharing.as_str() {
                "shared" => None,
                _ => match try_lock(one, owner)? {
                    None => continue,
                    taken => taken,
                },
            };
            let (gid, device, inode) = (meta.gid(), meta.dev(), meta.ino());
            return Ok(Choice { directory: directory.into(), gid, device, inode, ro: mount.ro || one.ro, lock });
        }
        if mount.sharing == "private" {
            return Err(format!("all directories of {} are in use", mount.id));
        }
        // A worker reads what its builders say only after this hook has ended: waiting for one of them could take forever.
        let by_worker = |one: &&Granted| busy.iter().any(|name| name.starts_with(&mark_of(worker, one.device, one.inode)));
        if granted.iter().any(by_worker) {
            return Err(format!("{} is in use by another build of the same command", mount.id));
        }
        if Instant::now() >= deadline || unsafe { kill(worker, 0) } != 0 && !Path::new(&format!("/proc/{worker}")).exists() {
            return Err(format!("{} is in use, and was for as long as the hook waits", mount.id));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn mark_of(worker: c_int, device: u64, inode: u64) -> String {
    format!("{worker}-{device}-{inode}-")
}

/// Of all builds now. This worker's become fewer only: it starts no other build while this hook runs.
pub fn mount_points() -> Vec<String> {
    let entries = fs::read_dir(PLACE).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Of the lock file beside the directory; of the directory itself where the owner's process has that one.
pub fn try_lock(granted: &Granted, owner: u32) -> Outcome<Option<OwnedFd>> {
    let (path, flags) = match granted.lock {
        true => (format!("{}.lock", granted.directory), O_RDONLY | O_NONBLOCK),
        false => (granted.directory.clone(), O_RDONLY | O_DIRECTORY),
    };
    let file = open_without_links(&path, flags)?;
    let meta = stat(&file)?;
    if meta.is_file() != granted.lock || meta.uid() != owner {
        return Err(format!("{path} is not the owner's lock"));
    }
    let free = unsafe { flock(file.as_raw_fd(), LOCK_EX | LOCK_NB) } == 0;
    Ok(free.then(|| file.into()))
}

/// In which the owner's files are the build user's.
fn attach_as(choice: &Choice, owner: u32, builder: &Builder, point: &str) -> Outcome<()> {
    let users = user_namespace(&format!("{owner} {} 1\n", builder.uid), &format!("{} {} 1\n", choice.gid, builder.gid))?;
    attach(&choice.directory, Some(&users), choice.ro, point)
}

/// A copy of the directory's mount, without what is mounted below.
pub fn attach(directory: &OwnedFd, users: Option<&File>, ro: bool, point: &str) -> Outcome<()> {
    let flags = (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH) as c_long;
    let empty = c"".as_ptr();
    let tree = unsafe { syscall(SYS_OPEN_TREE, directory.as_raw_fd() as c_long, empty, flags) };
    let tree = unsafe { OwnedFd::from_raw_fd(checked(tree, "open_tree")? as RawFd) };
    let attributes = MountAttributes {
        set: MOUNT_ATTR_NOSUID
            | MOUNT_ATTR_NODEV
            | if users.is_some() { MOUNT_ATTR_IDMAP } else { 0 }
            | if ro { MOUNT_ATTR_RDONLY } else { 0 },
        clear: 0,
        propagation: MS_PRIVATE,
        user_namespace: users.map_or(0, |users| users.as_raw_fd() as u64),
    };
    let size = std::mem::size_of::<MountAttributes>() as c_long;
    let tree_fd = tree.as_raw_fd() as c_long;
    let set = unsafe { syscall(SYS_MOUNT_SETATTR, tree_fd, empty, AT_EMPTY_PATH as c_long, &attributes, size) };
    checked(set, "this file system cannot be mounted with other owners")?;
    fs::DirBuilder::new().mode(0o711).create(point).map_err(|e| format!("{point}: {e}"))?;
    let path = c_string(point)?;
    let moved = unsafe { syscall(SYS_MOVE_MOUNT, tree_fd, empty, AT_FDCWD as c_long, path.as_ptr(), MOVE_MOUNT_F_EMPTY_PATH) };
    checked(moved, "move_mount").map(drop).inspect_err(|_| drop(fs::remove_dir(point)))
}

pub fn unmount(point: &str) {
    if let Ok(path) = c_string(point) {
        unsafe { umount2(path.as_ptr(), MNT_DETACH) };
    }
}

/// The mount point, never what is mounted there: rmdir takes empty directories only, and only root's.
pub fn remove(point: &str) {
    if fs::symlink_metadata(point).is_ok_and(|meta| meta.uid() == 0) {
        drop(fs::remove_dir(point));
    }
}

/// A user namespace with these maps and no process in it.
pub fn user_namespace(users: &str, groups: &str) -> Outcome<File> {
    let mut ready = [0 as c_int; 2];
    let mut done = [0 as c_int; 2];
    checked(unsafe { pipe2(ready.as_mut_ptr(), O_CLOEXEC) } as c_long, "pipe")?;
    checked(unsafe { pipe2(done.as_mut_ptr(), O_CLOEXEC) } as c_long, "pipe")?;
    let child = checked(unsafe { fork() } as c_long, "fork")? as c_int;
    let mut byte = [0u8];
    if child == 0 {
        unsafe {
            close(done[1]);
            let made = unshare(CLONE_NEWUSER) == 0;
            byte[0] = made as u8;
            write(ready[1], byte.as_ptr().cast(), 1);
            read(done[0], byte.as_mut_ptr().cast(), 1);
            _exit(0)
        }
    }
    let [mut from_child, _] = ready.map(|fd| Some(unsafe { File::from_raw_fd(fd) }));
    let [_, to_child] = done.map(|fd| Some(unsafe { File::from_raw_fd(fd) }));
    let opened = (|| -> std::io::Result<File> {
        from_child.take().map_or(Ok(()), |mut pipe| pipe.read_exact(&mut byte))?;
        if byte[0] == 0 {
            return Err(std::io::Error::other("the kernel makes no user namespaces"));
        }
        fs::write(format!("/proc/{child}/uid_map"), users)?;
        fs::write(format!("/proc/{child}/gid_map"), groups)?;
        File::open(format!("/proc/{child}/ns/user"))
    })();
    drop(to_child);
    unsafe { waitpid(child, std::ptr::null_mut(), 0) };
    opened.map_err(|e| format!("a user namespace: {e}"))
}
