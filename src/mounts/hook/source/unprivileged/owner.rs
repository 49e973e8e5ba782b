//! The owner's side, with their rights: what they have granted is found, opened and locked, and they are told what came of it.
use crate::*;
use std::os::fd::IntoRawFd;

const LARGEST_GRANT: u64 = 64 << 10;

struct Granted {
    id: String,
    ro: bool,
    /// The hook takes the lock file beside the directory; else the owner's process has it for as long as the build takes.
    lock: bool,
    device: u64,
    inode: u64,
    directory: String,
}

/// Numbers of open files, for `mount_all`: of each mount the directory, `ro` or nothing, the target. Of each view the place.
/// `busy`: names of mount points.
pub fn open(request: &Request, drv: &str, worker: c_int, busy: &[String], wait: u32) -> Outcome<Vec<String>> {
    let deadline = SystemTime::now() + Duration::from_secs(wait.into());
    let granted = read_grant(request, drv)?;
    let mut said = Vec::new();
    for mount in &request.mounts {
        let target = open_place(&mount.target).map_err(|e| format!("the host has a part of the target only: {e}"))?;
        let fitting: Vec<&Granted> = granted.iter().filter(|one| one.id == mount.id).collect();
        let (directory, ro) = choose(mount, &fitting, request.owner, worker, busy, deadline)?;
        said.extend([directory, ro, target]);
    }
    // A reason is no number.
    said.extend(request.views.iter().map(|view| open_place(&view.place).unwrap_or_else(|reason| reason)));
    Ok(said)
}

/// Leaves the outcome beside the grant. Without a grant there is nobody to tell: a stranger's derivation must not make files
/// in the owner's directory. `outcome`: why a view is missing, or why all is.
pub fn tell(request: &Request, drv: &str, outcome: Result<&Option<String>, &String>) -> Outcome<Vec<String>> {
    let (place, _) = open_grant(request, drv)?;
    let name = format!("{}.answer", hash_of(drv)?);
    let mut file = open_at(place.as_raw_fd(), &name, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK, 0o600)?;
    let text = match outcome {
        Ok(None) => "mounted\n".into(),
        Ok(Some(no_view)) => format!("mounted\nno view {no_view}\n"),
        Err(reason) => format!("refused {reason}\n"),
    };
    file.write_all(text.as_bytes()).map_err(|e| e.to_string())?;
    Ok(Vec::new())
}

/// The place of grants, and in it the grant for this derivation: both the owner's alone.
fn open_grant(request: &Request, drv: &str) -> Outcome<(File, File)> {
    let place = open_without_links(&request.grants, O_PATH | O_DIRECTORY)?;
    let meta = stat(&place)?;
    if meta.uid() != request.owner || meta.mode() & 0o022 != 0 {
        return Err(format!("{} is not the owner's alone to write", request.grants));
    }
    // Whoever mounts a FUSE can have it say of a file that it is anybody's.
    let mut facts = [0 as c_uint; 64];
    checked(unsafe { fstatfs(place.as_raw_fd(), facts.as_mut_ptr()) } as c_long, &request.grants)?;
    if facts[0] == FUSE_SUPER_MAGIC {
        return Err(format!("{} lies in a FUSE, of which the kernel does not know whose its files are", request.grants));
    }
    let name = format!("{}.grant", hash_of(drv)?);
    let file = open_at(place.as_raw_fd(), &name, O_RDONLY | O_NONBLOCK, 0)
        .map_err(|e| format!("no grant of uid {}: {e}", request.owner))?;
    let meta = stat(&file)?;
    if !meta.is_file() || meta.uid() != request.owner || meta.mode() & 0o022 != 0 || meta.nlink() != 1 {
        return Err(format!("{name} is not the owner's own file"));
    }
    Ok((place, file))
}

fn hash_of(drv: &str) -> Outcome<&str> {
    let base = drv.rsplit('/').next().unwrap_or("");
    let hash = base.get(..32).filter(|hash| hash.bytes().all(|b| b.is_ascii_alphanumeric()));
    hash.ok_or_else(|| "not a derivation's path".into())
}

/// Lines: `drydock-grant 1`, `drv PATH`, `scope HEX`, `expires SECONDS`, and for each directory
/// `mount ID rw|ro lock|held DEVICE:INODE DIRECTORY`; for a derivation that has only views none. Several of one id: for
/// sharing `private`, the first free one counts.
fn read_grant(request: &Request, drv: &str) -> Outcome<Vec<Granted>> {
    let (_, file) = open_grant(request, drv)?;
    let text = read_bounded(file, LARGEST_GRANT, "grant")?;
    let text = String::from_utf8(text).map_err(|_| "the grant is not UTF-8")?;
    let mut lines = text.lines();
    if lines.next() != Some("drydock-grant 1") || !text.ends_with("\nend\n") {
        return Err("the grant is not one, or not all of it".into());
    }
    let mut field = |name: &str| -> Outcome<String> {
        let line = lines.next().unwrap_or("");
        Ok(line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).ok_or(format!("the grant has no `{name}`"))?.to_string())
    };
    if field("drv")? != drv {
        return Err("the grant is for another derivation".into());
    }
    if field("scope")? != request.scope {
        return Err("the grant is for another scope".into());
    }
    let expires: u64 = field("expires")?.parse().map_err(|_| "the grant's end is no number")?;
    if SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |now| now.as_secs()) >= expires {
        return Err("the grant is no longer valid".into());
    }
    let mut granted = Vec::new();
    for line in lines.take_while(|&line| line != "end") {
        granted.push(granted_line(line).ok_or(format!("the grant has a line that is none: {line:?}"))?);
    }
    Ok(granted)
}

fn granted_line(line: &str) -> Option<Granted> {
    let mut words = line.strip_prefix("mount ")?.splitn(5, ' ');
    let id = words.next()?.to_string();
    let ro = match words.next()? {
        "ro" => true,
        "rw" => false,
        _ => return None,
    };
    let lock = match words.next()? {
        "lock" => true,
        "held" => false,
        _ => return None,
    };
    let (device, inode) = words.next()?.split_once(':')?;
    let directory = words.next()?.to_string();
    Some(Granted { id, ro, lock, device: device.parse().ok()?, inode: inode.parse().ok()?, directory })
}

/// Empty where the host has nothing of the name of the first component.
fn open_place(place: &str) -> Outcome<String> {
    if top_is_free(place) { Ok(String::new()) } else { open_without_links(place, O_PATH | O_DIRECTORY).map(keep) }
}

/// Open, and locked, until this process ends.
fn keep(file: File) -> String {
    file.into_raw_fd().to_string()
}

/// Opens the directory that is granted and, where the hook is to lock, the first that is free or the one that gets free.
fn choose(
    mount: &Mount,
    granted: &[&Granted],
    owner: u32,
    worker: c_int,
    busy: &[String],
    deadline: SystemTime,
) -> Outcome<(String, String)> {
    if granted.is_empty() {
        return Err(format!("the grant does not name {}", mount.id));
    }
    loop {
        for one in granted {
            let directory = open_without_links(&one.directory, O_PATH | O_DIRECTORY)?;
            let meta = stat(&directory)?;
            if meta.uid() != owner {
                return Err(format!("{} is not a directory of uid {owner}", one.directory));
            }
            if (meta.dev(), meta.ino()) != (one.device, one.inode) {
                return Err(format!("{} is not the directory that was granted", one.directory));
            }
            // `held`: the owner's process keeps others away, but cannot see when a builder that it gave up is gone.
            if mount.sharing == "shared" || try_lock(one, owner)? {
                return Ok((keep(directory), if one.ro { "ro".into() } else { String::new() }));
            }
        }
        if mount.sharing == "private" {
            return Err(format!("all directories of {} are in use", mount.id));
        }
        // A worker reads what its builders say only after this hook has ended: waiting for one of them could take forever.
        let by_worker = |one: &&Granted| busy.iter().any(|name| name.starts_with(&mark_of(worker, one.device, one.inode)));
        if granted.iter().any(by_worker) {
            return Err(format!("{} is in use by another build of the same command", mount.id));
        }
        // Of other users' processes /proc may show nothing (`hidepid`).
        let gone = unsafe { kill(worker, 0) } != 0 && std::io::Error::last_os_error().raw_os_error() == Some(ESRCH);
        if gone || SystemTime::now() >= deadline {
            return Err(format!("{} is in use, and was for as long as the hook waits", mount.id));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The lock file beside the directory; the directory itself where the owner's process has that one.
fn try_lock(granted: &Granted, owner: u32) -> Outcome<bool> {
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
    Ok(free && !keep(file).is_empty())
}

/// Of an absolute path no component is a symlink.
fn open_without_links(path: &str, flags: c_int) -> Outcome<File> {
    if !is_plain(path) {
        return Err(format!("{path:?} is not a plain absolute path"));
    }
    open_at(AT_FDCWD, path, flags, 0).map_err(|e| format!("{path}: {e}"))
}

const O_WRONLY: c_int = 1;
const O_CREAT: c_int = 0o100;
const O_EXCL: c_int = 0o200;
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;
const ESRCH: c_int = 3;
const FUSE_SUPER_MAGIC: c_uint = 0x6573_5546;

extern "C" {
    fn flock(fd: c_int, operation: c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
    /// The first word that it writes is the kind of the file system.
    fn fstatfs(fd: c_int, facts: *mut c_uint) -> c_int;
}
