//! The daemon's worker: the user that it builds as, and its mount namespace.
use crate::*;

pub struct Builder {
    pub uid: u32,
    pub gid: u32,
}

/// A build user that this worker holds the lock of (`userpool/<uid>`), and of those the owner of the newest build directory.
/// Others can make directories that look so in /tmp, but none that belongs to such a user.
pub fn build_user(worker: c_int, drv: &str) -> Outcome<Builder> {
    let locked = locked_users(worker);
    let hash_and_name = drv.rsplit('/').next().unwrap_or("");
    let name = hash_and_name.split_once('-').map_or("", |(_, name)| name);
    let mut newest: Option<(SystemTime, Builder)> = None;
    let mut places: Vec<String> = vec!["/nix/var/nix/builds".into(), "/nix/var/nix/b".into(), "/tmp".into()];
    places.extend(build_directories(worker));
    let root = format!("/proc/{worker}/root");
    for place in places {
        let Ok(entries) = fs::read_dir(format!("{root}{place}")) else { continue };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let file = file.to_string_lossy();
            let ours = file.starts_with(&format!("nix-{worker}-")) || file.starts_with(&format!("nix-build-{name}-"));
            if !ours {
                continue;
            }
            let Ok(outer) = fs::symlink_metadata(entry.path()) else { continue };
            let inner = fs::symlink_metadata(entry.path().join("build"));
            let owned = if outer.uid() == 0 { inner } else { Ok(outer) };
            let Ok(owned) = owned else { continue };
            if !owned.is_dir() || !locked.contains(&owned.uid()) {
                continue;
            }
            let made = owned.created().or_else(|_| owned.modified()).unwrap_or(UNIX_EPOCH);
            if newest.as_ref().is_none_or(|(when, _)| made > *when) {
                newest = Some((made, Builder { uid: owned.uid(), gid: owned.gid() }));
            }
        }
    }
    match (newest, locked.as_slice()) {
        (Some((_, user)), _) => Ok(user),
        // It builds in some other place, but only one build.
        (None, [uid]) => {
            let gid = told_by_id("-g", &uid.to_string()).first().and_then(|gid| gid.parse().ok());
            gid.map(|gid| Builder { uid: *uid, gid }).ok_or("the build user has no group".into())
        }
        (None, _) => Err(format!("the build user is not to be found (locked by the worker: {locked:?})")),
    }
}

pub fn locked_users(worker: c_int) -> Vec<u32> {
    let mut users = Vec::new();
    for entry in fs::read_dir(format!("/proc/{worker}/fd")).into_iter().flatten().flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let mut parts = target.to_str().unwrap_or("").rsplit('/');
        if let (Some(Ok(uid)), Some("userpool")) = (parts.next().map(str::parse), parts.next()) {
            users.push(uid);
        }
    }
    users
}

/// Where else this daemon may build: TMPDIR of its environment, and the state directory whose userpool it has open.
pub fn build_directories(worker: c_int) -> Vec<String> {
    let mut places = Vec::new();
    let variables = fs::read(format!("/proc/{worker}/environ")).unwrap_or_default();
    for variable in variables.split(|&b| b == 0) {
        if let Some(place) = variable.strip_prefix(b"TMPDIR=") {
            places.push(String::from_utf8_lossy(place).into_owned());
        }
    }
    for entry in fs::read_dir(format!("/proc/{worker}/fd")).into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        if let Some(state) = target.to_str().and_then(|text| text.split_once("/userpool/")).map(|(state, _)| state) {
            places.push(format!("{state}/builds"));
        }
        // The build directory itself: Nix 2.30 and later keep it open.
        if let Some(parent) = target.to_str().and_then(|text| text.split_once(&format!("/nix-{worker}-"))).map(|(p, _)| p) {
            places.push(parent.to_string());
        }
    }
    places.sort();
    places.dedup();
    places
}


/// Joins it. It has to be the daemon's own: a mount must never be seen by the rest of the machine.
pub fn enter(worker: c_int) -> Outcome<()> {
    let place = format!("/proc/{worker}/ns/mnt");
    let space = File::open(&place).map_err(|e| format!("{place}: {e}"))?;
    let inode = |file: &str| fs::metadata(file).map(|meta| meta.ino()).map_err(|e| format!("{file}: {e}"));
    let its = space.metadata().map_err(|e| format!("{place}: {e}"))?.ino();
    let own = inode("/proc/self/ns/mnt")?;
    // The daemon runs hooks in the namespace that it was started in. In a container the first process may not be looked at.
    if its == own || inode("/proc/1/ns/mnt").is_ok_and(|first| first == its) {
        return Err("the daemon's worker has no mount namespace of its own".into());
    }
    checked(unsafe { setns(space.as_raw_fd(), CLONE_NEWNS) } as c_long, "joining the worker's mount namespace").map(drop)
}

/// The directory below which mounts appear. It is root's alone, since a build without a sandbox runs in the worker's namespace;
/// and what is mounted there stays in this namespace.
pub fn prepare_place() -> Outcome<()> {
    match fs::DirBuilder::new().mode(0o700).create(PLACE) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(format!("{PLACE}: {error}")),
        _ => {}
    }
    let meta = fs::symlink_metadata(PLACE).map_err(|e| format!("{PLACE}: {e}"))?;
    if !meta.is_dir() || meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err(format!("{PLACE} is not root's alone to write"));
    }
    fs::set_permissions(PLACE, fs::Permissions::from_mode(0o700)).map_err(|e| format!("{PLACE}: {e}"))?;
    forget_the_dead();
    // Of the lines of mountinfo that hold PLACE the last of the longest mount points counts.
    let table = fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
    let mut holder: Option<(&str, bool)> = None;
    for line in table.lines() {
        let mut fields = line.split(' ').skip(4);
        let Some(point) = fields.next() else { continue };
        let shared = fields.skip(1).take_while(|&field| field != "-").any(|field| field.starts_with("shared:"));
        let holds = point == "/" || covers(point, PLACE);
        if holds && holder.is_none_or(|(known, _)| point.len() >= known.len()) {
            holder = Some((point, shared));
        }
    }
    if let Some((point, true)) = holder {
        let point = c_string(point)?;
        let nothing = std::ptr::null();
        let slave = unsafe { mount(nothing, point.as_ptr(), nothing, MS_SLAVE, std::ptr::null()) };
        checked(slave as c_long, "keeping mounts in the worker's namespace")?;
    }
    Ok(())
}

/// Removes what is left of hooks that were killed: the mount points of workers that are no more.
fn forget_the_dead() {
    for name in mount_points() {
        let worker = name.split('-').next().unwrap_or("");
        if !Path::new(&format!("/proc/{worker}")).exists() {
            let point = format!("{PLACE}/{name}");
            unmount(&point);
            remove(&point);
        }
    }
}
