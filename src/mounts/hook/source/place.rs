//! Where in a sandbox something may appear.
use crate::*;

/// First components that a place may not have: it could cover what the sandbox consists of.
const RESERVED: [&str; 16] = [
    "nix", "etc", "build", "proc", "dev", "sys", "bin", "sbin", "usr", "lib", "lib32", "lib64", "libx32", "run", "boot",
    "root",
];

/// `taken`: places, and what appears there. The daemon makes places, as root, in the root of the sandbox. Where the sandbox shows
/// a directory of the host (`sandbox-paths`) it would make them there; so either the host has nothing of the name of the first
/// component (None), or all of it: that is what the owner's process has opened under `number`.
pub fn judge_place(place: &str, taken: &[(String, String)], owner: &Child, number: &str) -> Outcome<Option<fs::Metadata>> {
    // `=` and `?` mean something to the daemon.
    if !is_plain(place) || place.contains('=') || place.ends_with('?') {
        return Err(format!("{place:?} is not a place in a sandbox"));
    }
    if RESERVED.contains(&top(place)) || place == "/tmp" {
        return Err(format!("{place} would cover a part of the sandbox"));
    }
    let lies_in = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let Some((other, _)) = taken.iter().find(|(other, _)| lies_in(other, place) || lies_in(place, other)) {
        return Err(format!("{place} and {other} cover each other"));
    }
    if top_is_free(place) {
        return Ok(None);
    }
    let (_, meta, path) = opened(owner, number)?;
    if path == place { Ok(Some(meta)) } else { Err(format!("{place} is not what was opened")) }
}

/// An absolute path, spelled in the one way that says where it leads.
pub fn is_plain(path: &str) -> bool {
    let components = |inner: &str| inner.split('/').all(|part| !["", ".", ".."].contains(&part));
    path.strip_prefix('/').is_some_and(components) && path.len() < 4000 && !path.contains(|c: char| c.is_control())
}

fn top(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or("")
}

pub fn top_is_free(path: &str) -> bool {
    fs::symlink_metadata(format!("/{}", top(path))).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// What the owner's process has open under a number. It may be anything that its owner can open; the kernel says what and where.
pub fn opened(owner: &Child, number: &str) -> Outcome<(File, fs::Metadata, String)> {
    let number: u32 = number.parse().map_err(|_| number.to_string())?;
    let place = format!("/proc/{}/fd/{number}", owner.id);
    let file = File::options().read(true).custom_flags(O_PATH | O_DIRECTORY).open(&place).map_err(|e| format!("{place}: {e}"))?;
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|e| e.to_string())?;
    let meta = stat(&file)?;
    Ok((file, meta, path.into_os_string().into_string().map_err(|_| "a path is not UTF-8")?))
}
