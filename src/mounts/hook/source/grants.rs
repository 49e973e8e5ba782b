//! Grants: the files with which an owner lets one derivation have directories of theirs.
use crate::*;

pub struct Granted {
    pub id: String,
    pub ro: bool,
    /// The hook takes the lock file beside the directory; else the owner's process has it for as long as the build takes.
    pub lock: bool,
    pub device: u64,
    pub inode: u64,
    pub directory: String,
}

pub struct Mounted {
    pub point: String,
    /// What the sandbox is to show of it: target, and place in it.
    pub shown: Vec<(String, String)>,
    /// Held for as long as the build takes.
    pub _lock: Option<OwnedFd>,
}

/// The place of grants, and in it the grant for this derivation: both the owner's alone.
pub fn open_grant(request: &Request, drv: &str) -> Outcome<(File, File)> {
    let place = open_without_links(&request.grants, O_PATH | O_DIRECTORY)?;
    let meta = stat(&place)?;
    if meta.uid() != request.owner || meta.mode() & 0o022 != 0 {
        return Err(format!("{} is not the owner's alone to write", request.grants));
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

pub fn hash_of(drv: &str) -> Outcome<&str> {
    let base = drv.rsplit('/').next().unwrap_or("");
    let hash = base.get(..32).filter(|hash| hash.bytes().all(|b| b.is_ascii_alphanumeric()));
    hash.ok_or_else(|| "not a derivation's path".into())
}

/// Leaves the outcome beside the grant, with the rights of the owner. Without a grant there is nobody to tell: a stranger's
/// derivation must not make files in the owner's directory.
pub fn tell_owner(request: &Request, drv: &str, outcome: Result<&Option<String>, &String>) {
    let told = as_user(request.owner, || {
        let (place, _) = open_grant(request, drv)?;
        let name = format!("{}.answer", hash_of(drv)?);
        let mut file = open_at(place.as_raw_fd(), &name, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK, 0o600)?;
        let text = match outcome {
            Ok(None) => "mounted\n".into(),
            Ok(Some(no_view)) => format!("mounted\nno view {no_view}\n"),
            Err(reason) => format!("refused {reason}\n"),
        };
        file.write_all(text.as_bytes()).map_err(|e| e.to_string())
    });
    // The daemon's log has the reason anyway.
    drop(told);
}

/// Lines: `drydock-grant 1`, `drv PATH`, `scope HEX`, `expires SECONDS`, and for each directory
/// `mount ID rw|ro lock|held DEVICE:INODE DIRECTORY`; for a derivation that has only views none. Several of one id: for
/// sharing `private`, the first free one counts.
pub fn read_grant(request: &Request, drv: &str) -> Outcome<Vec<Granted>> {
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

pub fn granted_line(line: &str) -> Option<Granted> {
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
