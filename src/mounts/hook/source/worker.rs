//! The daemon's worker: the user that it builds as, and its mount namespace.
use crate::*;

pub struct Builder {
    pub uid: u32,
    pub gid: u32,
}

/// A build user that this worker holds the lock of (`userpool/<uid>`), and of those the owner of the newest build directory.
/// Others can make directories that look so in /tmp, but none that belongs to such a user.
pub fn build_user(worker: c_int, drv: &str) -> Outcome<Builder> {
    let open = open_files(worker);
    let locked = locked_users(&open);
    let hash_and_name = drv.rsplit('/').next().unwrap_or("");
    let name = hash_and_name.split_once('-').map_or("", |(_, name)| name);
    let ours = [format!("nix-{worker}-"), format!("nix-build-{name}-")];
    let mut candidates: Vec<fs::Metadata> = Vec::new();
    for place in build_places(worker, &open) {
        for entry in fs::read_dir(format!("/proc/{worker}/root{place}")).into_iter().flatten().flatten() {
            if !ours.iter().any(|start| entry.file_name().to_string_lossy().starts_with(start)) {
                continue;
            }
            let Ok(outer) = fs::symlink_metadata(entry.path()) else { continue };
            // Newer Nix builds in a directory of root's. In one of a build user's a builder may call something `build`, too.
            candidates.extend(if outer.uid() == 0 { fs::symlink_metadata(entry.path().join("build")) } else { Ok(outer) });
        }
    }
    let made = |meta: &fs::Metadata| meta.created().or_else(|_| meta.modified()).unwrap_or(UNIX_EPOCH);
    let newest = candidates.into_iter().filter(|meta| meta.is_dir() && locked.contains(&meta.uid())).max_by_key(made);
    match (newest, locked.as_slice()) {
        (Some(meta), _) => Ok(Builder { uid: meta.uid(), gid: meta.gid() }),
        // It builds in some other place, but only one build.
        (None, [uid]) => {
            let gid = told_by_id("-g", &uid.to_string()).first().and_then(|gid| gid.parse().ok());
            gid.map(|gid| Builder { uid: *uid, gid }).ok_or("the build user has no group".into())
        }
        (None, _) => Err(format!("the build user is not to be found (locked by the worker: {locked:?})")),
    }
}

/// Paths of what a process has open.
pub fn open_files(process: c_int) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok()?.into_os_string().into_string().ok()).collect()
}

pub fn locked_users(open: &[String]) -> Vec<u32> {
    open.iter().filter_map(|file| file.rsplit_once("/userpool/")?.1.parse().ok()).collect()
}

/// Where a daemon may build: /tmp, TMPDIR of its environment, beside the userpool that it has open, and around a build directory
/// that it has open (Nix 2.30 and later).
fn build_places(worker: c_int, open: &[String]) -> Vec<String> {
    let mut places: Vec<String> = vec!["/tmp".into()];
    let variables = fs::read(format!("/proc/{worker}/environ")).unwrap_or_default();
    let directory = variables.split(|&b| b == 0).find_map(|variable| variable.strip_prefix(b"TMPDIR="));
    places.extend(directory.map(|place| String::from_utf8_lossy(place).into_owned()));
    for file in open {
        places.extend(file.split_once("/userpool/").map(|(state, _)| format!("{state}/builds")));
        places.extend(file.split_once(&format!("/nix-{worker}-")).map(|(parent, _)| parent.to_string()));
    }
    places.sort();
    places.dedup();
    places
}

/// Joins it. It has to be the daemon's own: a mount must never be seen by the rest of the machine.
pub fn enter(worker: c_int) -> Outcome<()> {
    let place = format!("/proc/{worker}/ns/mnt");
    let space = File::open(&place).map_err(|e| format!("{place}: {e}"))?;
    // Else the worker may be gone, and its number some user's process's. Who has lost its parent gets another.
    if parent_of(std::os::unix::process::parent_id()) != Some(worker) {
        return Err("the worker does not run this hook (any more)".into());
    }
    let inode = |file: &str| fs::metadata(file).map(|meta| meta.ino()).map_err(|e| format!("{file}: {e}"));
    let its = stat(&space)?.ino();
    // The daemon runs hooks in the namespace that it was started in. In a container the first process may not be looked at.
    if its == inode("/proc/self/ns/mnt")? || inode("/proc/1/ns/mnt").is_ok_and(|first| first == its) {
        return Err("the daemon's worker has no mount namespace of its own".into());
    }
    checked(unsafe { setns(space.as_raw_fd(), CLONE_NEWNS) } as c_long, "joining the worker's mount namespace")?;
    // Where mounts are shared, as systemd has it, the machine would see what is mounted here.
    let nothing = std::ptr::null();
    let kept = unsafe { mount(nothing, c"/".as_ptr(), nothing, MS_REC | MS_SLAVE, std::ptr::null()) };
    checked(kept as c_long, "keeping mounts in the worker's namespace").map(drop)
}

fn parent_of(process: u32) -> Option<c_int> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The directory below which mounts appear. It is root's alone: a build without a sandbox runs in the worker's namespace.
pub fn prepare_place() -> Outcome<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(PLACE).map_err(|e| format!("{PLACE}: {e}"))?;
    fs::set_permissions(PLACE, fs::Permissions::from_mode(0o700)).map_err(|e| format!("{PLACE}: {e}"))?;
    // What hooks have left that were killed: mount points of workers that are no more.
    for name in mount_points() {
        let worker = name.split('-').next().unwrap_or("");
        if !Path::new(&format!("/proc/{worker}")).exists() {
            drop(Mounts { points: vec![format!("{PLACE}/{name}")], shown: Vec::new() });
        }
    }
    Ok(())
}
