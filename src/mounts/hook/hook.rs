//! drydock's privileged program: mounts a developer's directory into one build of a Nix daemon.
//!
//!     drydock-hook WORKER DRV FILE CONF
//!
//! WORKER is the daemon's process that builds, DRV the derivation's path, FILE where its text lies, CONF the
//! administrator's limits. Run as root by `pre-build-hook`. What it believes, and whom:
//!   the derivation    anybody can write one. It names an owner (uid), their scope, their directory of grants, and mounts
//!   the grant         a file of that owner, for exactly this derivation. Nobody else can write one
//!   the kernel        who owns a file, which file it is (device and inode), which uid the worker has locked
//! Every path of the owner is opened with the owner's rights and without following symlinks; what is mounted is the open
//! directory, not its name. Nothing of the owner's is changed; beside the grant the outcome is noted. On any doubt nothing is printed, and the build runs without.
//!
//! One file, the standard library and the C library: `rustc -O hook.rs`.
#![deny(unused_must_use)]
use std::ffi::{c_char, c_int, c_long, c_uint, c_void, CString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Outcome<T> = Result<T, String>;

const PLACE: &str = "/run/drydock";
const LARGEST_DERIVATION: u64 = 16 << 20;
const LARGEST_GRANT: u64 = 64 << 10;
const MOST_MOUNTS: usize = 16;
/// First components that a target may not have: a mount there could cover what the sandbox consists of.
const RESERVED: [&str; 17] = [
    "nix", "etc", "build", "proc", "dev", "sys", "bin", "sbin", "usr", "lib", "lib32", "lib64", "libx32", "run", "tmp",
    "boot", "root",
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [worker, drv, file, conf] = words.as_slice() else {
        eprintln!("drydock-hook: WORKER DRV FILE CONF");
        return;
    };
    match answer(worker, drv, file, conf) {
        Ok(text) => drop(std::io::stdout().write_all(text.as_bytes())),
        Err(reason) => eprintln!("drydock: no cache mount for {drv}: {}", reason.replace(|c: char| c.is_control(), "?")),
    }
}

/// The whole of it, in order. The text is what the daemon reads.
fn answer(worker: &str, drv: &str, file: &str, conf: &str) -> Outcome<String> {
    let worker: c_int = worker.parse().map_err(|_| "the worker's id is no number")?;
    let text = read_bounded(File::open(file).map_err(|e| format!("{file}: {e}"))?, LARGEST_DERIVATION, "derivation")?;
    let request = Request::of(&text)?;
    let limits = Limits::read(conf)?;
    limits.check_owner(request.owner)?;
    for mount in &request.mounts {
        limits.check_id(&mount.id)?;
    }
    enter(worker)?;
    let mounted = build_user(worker, drv).and_then(|builder| {
        let mounted = mount_all(&request, &limits, worker, drv, &builder)?;
        Ok((mounted, builder))
    });
    tell_owner(&request, drv, mounted.as_ref().map(drop).err());
    let (mounted, builder) = mounted?;
    let mut text = String::from("extra-sandbox-paths\n");
    for one in &mounted {
        text += &format!("{}={}\n", one.target, one.point);
    }
    watch_in_background(mounted, worker, builder.uid);
    Ok(text + "\n")
}

// ---- what the derivation asks for -------------------------------------------------------------------------------------

struct Declared {
    id: String,
    target: String,
    sharing: String,
    ro: bool,
}

struct Request {
    owner: u32,
    scope: String,
    grants: String,
    mounts: Vec<Declared>,
}

impl Request {
    fn of(text: &[u8]) -> Outcome<Request> {
        let (mut owner, mut scope, mut grants, mut mounts) = (None, None, None, None);
        for (name, value) in environment(text)? {
            let slot = match name.as_slice() {
                b"owner" => &mut owner,
                b"scope" => &mut scope,
                b"cacheGrants" => &mut grants,
                b"cacheMounts" => &mut mounts,
                _ => continue,
            };
            let value = String::from_utf8(value).map_err(|_| "a variable of the mount is not UTF-8")?;
            if slot.replace(value).is_some() {
                return Err("a variable of the mount stands there twice".into());
            }
        }
        let said = |slot: Option<String>, name: &str| slot.ok_or(format!("the derivation has no `{name}`"));
        let owner = said(owner, "owner")?;
        let number: u32 = owner.parse().map_err(|_| "`owner` is no uid")?;
        if number == 0 || number == u32::MAX || number.to_string() != owner {
            return Err("`owner` is not the uid of a user".into());
        }
        let scope = said(scope, "scope")?;
        if scope.len() != 32 || !scope.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("`scope` is not 32 hex digits".into());
        }
        let grants = said(grants, "cacheGrants")?;
        check_path(&grants)?;
        let mounts = declared(&said(mounts, "cacheMounts")?)?;
        Ok(Request { owner: number, scope, grants, mounts })
    }
}

/// The attribute `cacheMounts`: a JSON list of { id, target, sharing, ro }, each key once and no other.
fn declared(text: &str) -> Outcome<Vec<Declared>> {
    let mut at = Scanner { text: text.as_bytes(), at: 0 };
    let mut mounts: Vec<Declared> = Vec::new();
    at.space();
    at.expect(b"[")?;
    loop {
        at.space();
        at.expect(b"{")?;
        let (mut id, mut target, mut sharing, mut ro) = (None, None, None, None);
        loop {
            at.space();
            let key = at.json_string()?;
            at.space();
            at.expect(b":")?;
            at.space();
            let fresh = match key.as_str() {
                "id" => id.replace(at.json_string()?).is_none(),
                "target" => target.replace(at.json_string()?).is_none(),
                "sharing" => sharing.replace(at.json_string()?).is_none(),
                "ro" => ro.replace(at.json_bool()?).is_none(),
                _ => false,
            };
            if !fresh {
                return Err(format!("`cacheMounts`: unexpected key {key:?}"));
            }
            at.space();
            if !at.take(b",") {
                break;
            }
        }
        at.expect(b"}")?;
        let (Some(id), Some(target), Some(sharing), Some(ro)) = (id, target, sharing, ro) else {
            return Err("`cacheMounts`: a mount lacks id, target, sharing or ro".into());
        };
        check_id(&id)?;
        check_target(&target)?;
        if !["locked", "private", "shared"].contains(&sharing.as_str()) {
            return Err("`cacheMounts`: unknown sharing".into());
        }
        if mounts.iter().any(|other| covers(&other.target, &target) || covers(&target, &other.target) || other.id == id) {
            return Err("`cacheMounts`: two mounts cover each other".into());
        }
        mounts.push(Declared { id, target, sharing, ro });
        if mounts.len() > MOST_MOUNTS {
            return Err("`cacheMounts`: too many mounts".into());
        }
        at.space();
        if !at.take(b",") {
            break;
        }
    }
    at.expect(b"]")?;
    at.space();
    if at.at < at.text.len() {
        return Err("`cacheMounts`: text after the list".into());
    }
    Ok(mounts)
}

fn plain(text: &str, also: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.as_bytes().contains(&b))
}

fn components(text: &str) -> bool {
    text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn check_id(id: &str) -> Outcome<()> {
    if plain(id, "._+-@/") && components(id) { Ok(()) } else { Err(format!("{id:?} is not an id of a mount")) }
}

fn check_target(target: &str) -> Outcome<()> {
    let inner = target.strip_prefix('/').ok_or("a target is not absolute")?;
    if !plain(inner, "._+-@/") || !components(inner) {
        return Err(format!("{target:?} is not a place for a mount"));
    }
    if RESERVED.contains(&inner.split('/').next().unwrap_or("")) {
        return Err(format!("{target} would cover a part of the sandbox"));
    }
    Ok(())
}

/// An absolute path, spelled in the one way that says where it leads.
fn check_path(path: &str) -> Outcome<()> {
    let good = path.strip_prefix('/').is_some_and(components) && path.len() < 4000 && !path.contains(|c: char| c.is_control());
    if good { Ok(()) } else { Err(format!("{path:?} is not a plain absolute path")) }
}

fn covers(outer: &str, inner: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

// ---- formats: a derivation's ATerm, and the JSON in it ---------------------------------------------------------------

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }
    fn take(&mut self, token: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
    fn expect(&mut self, token: &[u8]) -> Outcome<()> {
        if self.take(token) { Ok(()) } else { Err(format!("`{}` expected at byte {}", String::from_utf8_lossy(token), self.at)) }
    }
    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }
    /// A string of an ATerm; `keep` says whether its text is wanted.
    fn string(&mut self, keep: bool) -> Outcome<Vec<u8>> {
        self.expect(b"\"")?;
        let mut text = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else { return Err("the derivation ends in a string".into()) };
            self.at += 1;
            let byte = match byte {
                b'"' => return Ok(text),
                b'\\' => {
                    self.at += 1;
                    match self.text.get(self.at - 1) {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(&other) => other,
                        None => return Err("the derivation ends in a string".into()),
                    }
                }
                other => other,
            };
            if keep {
                text.push(byte);
            }
        }
    }
    /// Skips a string, a list or a tuple.
    fn skip(&mut self, depth: u32) -> Outcome<()> {
        let end: &[u8] = match self.peek() {
            b'"' => return self.string(false).map(drop),
            b'[' if depth < 8 => b"]",
            b'(' if depth < 8 => b")",
            _ => return Err(format!("not a derivation: byte {}", self.at)),
        };
        self.at += 1;
        if self.take(end) {
            return Ok(());
        }
        loop {
            self.skip(depth + 1)?;
            if !self.take(b",") {
                return self.expect(end);
            }
        }
    }
    /// No escapes: nothing that a mount may be called needs one (`\/` is what some writers make of a slash).
    fn json_string(&mut self) -> Outcome<String> {
        self.expect(b"\"")?;
        let mut text = String::new();
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' if self.take(b"\\/") => text.push('/'),
                byte @ 0x20..=0x7e if byte != b'\\' => {
                    text.push(byte as char);
                    self.at += 1;
                }
                _ => return Err("`cacheMounts`: a string with other than plain characters".into()),
            }
        }
        self.at += 1;
        Ok(text)
    }
    fn json_bool(&mut self) -> Outcome<bool> {
        if self.take(b"true") { Ok(true) } else { self.expect(b"false").map(|()| false) }
    }
}

/// The variables of `Derive(outputs,inputDrvs,inputSrcs,system,builder,args,env)`.
fn environment(text: &[u8]) -> Outcome<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut at = Scanner { text, at: 0 };
    at.expect(b"Derive(")?;
    for _ in 0..6 {
        at.skip(0)?;
        at.expect(b",")?;
    }
    let mut variables = Vec::new();
    at.expect(b"[")?;
    if !at.take(b"]") {
        loop {
            at.expect(b"(")?;
            let name = at.string(true)?;
            at.expect(b",")?;
            let wanted = matches!(name.as_slice(), b"owner" | b"scope" | b"cacheGrants" | b"cacheMounts");
            let value = at.string(wanted)?;
            at.expect(b")")?;
            variables.push((name, value));
            if !at.take(b",") {
                break;
            }
        }
        at.expect(b"]")?;
    }
    at.expect(b")")?;
    Ok(variables)
}

// ---- what the administrator allows -----------------------------------------------------------------------------------

#[derive(Default)]
struct Limits {
    users: Vec<String>,
    groups: Vec<String>,
    paths: Vec<String>,
    ids: Vec<String>,
    wait: u64,
}

impl Limits {
    /// Lines `key = words`, `#` starts a comment. No file: no limits. A file that others can write: no mounts.
    fn read(file: &str) -> Outcome<Limits> {
        let mut limits = Limits { wait: 60, ..Limits::default() };
        let open = match File::open(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(limits),
            other => other.map_err(|e| format!("{file}: {e}"))?,
        };
        let meta = open.metadata().map_err(|e| format!("{file}: {e}"))?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 || !meta.is_file() {
            return Err(format!("{file} is not root's alone to write"));
        }
        let text = String::from_utf8(read_bounded(open, LARGEST_GRANT, file)?).map_err(|_| format!("{file}: not UTF-8"))?;
        for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty()) {
            let (key, words) = line.split_once('=').ok_or(format!("{file}: a line without `=`"))?;
            let words = words.split_whitespace().map(String::from);
            match key.trim() {
                "users" => limits.users.extend(words),
                "groups" => limits.groups.extend(words),
                "paths" => limits.paths.extend(words),
                "ids" => limits.ids.extend(words),
                "wait" => limits.wait = words.collect::<String>().parse().map_err(|_| format!("{file}: wait is no number"))?,
                other => return Err(format!("{file}: unknown key {other:?}")),
            }
        }
        Ok(limits)
    }

    fn check_owner(&self, uid: u32) -> Outcome<()> {
        if self.users.is_empty() && self.groups.is_empty() {
            return Ok(());
        }
        let number = uid.to_string();
        let user = told_by_id("-un", &number);
        let groups = told_by_id("-Gn", &number);
        let allowed = self.users.iter().any(|one| *one == number || user.contains(one))
            || self.groups.iter().any(|one| groups.contains(one));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow uid {uid}")) }
    }

    fn check_id(&self, id: &str) -> Outcome<()> {
        let allowed = self.ids.is_empty() || self.ids.iter().any(|pattern| matches(pattern.as_bytes(), id.as_bytes()));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow the id {id}")) }
    }

    fn check_path(&self, path: &str) -> Outcome<()> {
        let allowed = self.paths.is_empty() || self.paths.iter().any(|pattern| matches(pattern.as_bytes(), path.as_bytes()));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow {path}")) }
    }
}

fn told_by_id(flag: &str, uid: &str) -> Vec<String> {
    let told = std::process::Command::new("id").args([flag, "--", uid]).output();
    told.map(|out| String::from_utf8_lossy(&out.stdout).split_whitespace().map(String::from).collect()).unwrap_or_default()
}

/// `*` stands for anything but a slash, `**` for anything.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|n| matches(rest, &text[n..])),
        [b'*', rest @ ..] => {
            let reach = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
            (0..=reach).any(|n| matches(rest, &text[n..]))
        }
        [first, rest @ ..] => text.first() == Some(first) && matches(rest, &text[1..]),
    }
}

// ---- the user that the daemon builds as ------------------------------------------------------------------------------

struct Builder {
    uid: u32,
    gid: u32,
}

/// A build user that this worker holds the lock of (`userpool/<uid>`), and of those the owner of the newest build directory.
/// Others can make directories that look so in /tmp, but none that belongs to such a user.
fn build_user(worker: c_int, drv: &str) -> Outcome<Builder> {
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

fn locked_users(worker: c_int) -> Vec<u32> {
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
fn build_directories(worker: c_int) -> Vec<String> {
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

// ---- the worker's mount namespace -------------------------------------------------------------------------------------

/// Joins it. It has to be the daemon's own: a mount must never be seen by the rest of the machine.
fn enter(worker: c_int) -> Outcome<()> {
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

/// The directory below which mounts appear. It is root's, and what is mounted there stays in this namespace.
fn prepare_place() -> Outcome<()> {
    match fs::DirBuilder::new().mode(0o755).create(PLACE) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(format!("{PLACE}: {error}")),
        _ => {}
    }
    let meta = fs::symlink_metadata(PLACE).map_err(|e| format!("{PLACE}: {e}"))?;
    if !meta.is_dir() || meta.uid() != 0 || meta.mode() & 0o022 != 0 {
        return Err(format!("{PLACE} is not root's alone to write"));
    }
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

// ---- grants -----------------------------------------------------------------------------------------------------------

struct Granted {
    id: String,
    ro: bool,
    /// The hook takes the lock file beside the directory; else the owner's process has it for as long as the build takes.
    lock: bool,
    device: u64,
    inode: u64,
    directory: String,
}

struct Mounted {
    target: String,
    point: String,
    /// Held for as long as the build takes.
    _lock: Option<OwnedFd>,
}

/// The place of grants, and in it the grant for this derivation: both the owner's alone.
fn open_grant(request: &Request, drv: &str) -> Outcome<(File, File)> {
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

fn hash_of(drv: &str) -> Outcome<&str> {
    let base = drv.rsplit('/').next().unwrap_or("");
    let hash = base.get(..32).filter(|hash| hash.bytes().all(|b| b.is_ascii_alphanumeric()));
    hash.ok_or_else(|| "not a derivation's path".into())
}

/// Leaves the outcome beside the grant, with the rights of the owner. Without a grant there is nobody to tell: a stranger's
/// derivation must not make files in the owner's directory.
fn tell_owner(request: &Request, drv: &str, refused: Option<&String>) {
    let told = as_user(request.owner, || {
        let (place, _) = open_grant(request, drv)?;
        let name = format!("{}.answer", hash_of(drv)?);
        let mut file = open_at(place.as_raw_fd(), &name, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK, 0o600)?;
        let text = refused.map_or("mounted\n".into(), |reason| format!("refused {reason}\n"));
        file.write_all(text.as_bytes()).map_err(|e| e.to_string())
    });
    // The daemon's log has the reason anyway.
    drop(told);
}

/// Lines: `drydock-grant 1`, `drv PATH`, `scope HEX`, `expires SECONDS`, and for each directory
/// `mount ID rw|ro lock|held DEVICE:INODE DIRECTORY`. Several of one id: for sharing `private`, the first free one counts.
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

fn mount_all(request: &Request, limits: &Limits, worker: c_int, drv: &str, builder: &Builder) -> Outcome<Vec<Mounted>> {
    let deadline = Instant::now() + Duration::from_secs(limits.wait);
    // With the rights of the owner and no others: what they cannot open is not opened for them.
    let mut chosen = as_user(request.owner, || {
        let granted = read_grant(request, drv)?;
        let mut chosen = Vec::new();
        for mount in &request.mounts {
            let fitting: Vec<&Granted> = granted.iter().filter(|one| one.id == mount.id).collect();
            chosen.push((mount, choose(mount, &fitting, request.owner, limits, worker, deadline)?));
        }
        Ok(chosen)
    })?;
    prepare_place()?;
    let mut mounted: Vec<Mounted> = Vec::new();
    for (mount, choice) in chosen.drain(..) {
        let point = format!("{PLACE}/{}", mark_of(worker, choice.device, choice.inode) + &std::process::id().to_string());
        match attach(&choice, request.owner, builder, &point) {
            Ok(()) => mounted.push(Mounted { target: mount.target.clone(), point, _lock: choice.lock }),
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

struct Choice {
    directory: OwnedFd,
    gid: u32,
    device: u64,
    inode: u64,
    ro: bool,
    lock: Option<OwnedFd>,
}

/// Opens the directory that is granted and, where the hook is to lock, the first that is free or the one that gets free.
fn choose(mount: &Declared, granted: &[&Granted], owner: u32, limits: &Limits, worker: c_int, deadline: Instant) -> Outcome<Choice> {
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
        if granted.iter().any(|one| held_by(worker, one)) {
            return Err(format!("{} is in use by another build of the same command", mount.id));
        }
        if Instant::now() >= deadline || unsafe { kill(worker, 0) } != 0 && !Path::new(&format!("/proc/{worker}")).exists() {
            return Err(format!("{} is in use, and was for as long as the hook waits", mount.id));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn mark_of(worker: c_int, device: u64, inode: u64) -> String {
    format!("{worker}-{device}-{inode}-")
}

fn held_by(worker: c_int, granted: &Granted) -> bool {
    let mark = mark_of(worker, granted.device, granted.inode);
    fs::read_dir(PLACE).into_iter().flatten().flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(&mark))
}

/// Of the lock file beside the directory; of the directory itself where the owner's process has that one.
fn try_lock(granted: &Granted, owner: u32) -> Outcome<Option<OwnedFd>> {
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

// ---- the mount ---------------------------------------------------------------------------------------------------------

/// A copy of the directory's mount, without what is mounted below, in which the owner's files are the build user's.
fn attach(choice: &Choice, owner: u32, builder: &Builder, point: &str) -> Outcome<()> {
    let users = user_namespace(&format!("{owner} {} 1\n", builder.uid), &format!("{} {} 1\n", choice.gid, builder.gid))?;
    let flags = (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH) as c_long;
    let empty = c"".as_ptr();
    let tree = unsafe { syscall(SYS_OPEN_TREE, choice.directory.as_raw_fd() as c_long, empty, flags) };
    let tree = unsafe { OwnedFd::from_raw_fd(checked(tree, "open_tree")? as RawFd) };
    let attributes = MountAttributes {
        set: MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | if choice.ro { MOUNT_ATTR_RDONLY } else { 0 },
        clear: 0,
        propagation: MS_PRIVATE,
        user_namespace: users.as_raw_fd() as u64,
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

fn unmount(point: &str) {
    if let Ok(path) = c_string(point) {
        unsafe { umount2(path.as_ptr(), MNT_DETACH) };
    }
}

/// The mount point, never what is mounted there: rmdir takes empty directories only, and only root's.
fn remove(point: &str) {
    if fs::symlink_metadata(point).is_ok_and(|meta| meta.uid() == 0) {
        drop(fs::remove_dir(point));
    }
}

/// A user namespace with these maps and no process in it.
fn user_namespace(users: &str, groups: &str) -> Outcome<File> {
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

// ---- afterwards --------------------------------------------------------------------------------------------------------

/// Leaves a process behind that takes the mount out of the worker's namespace as soon as the builder runs (the sandbox has
/// its own copy), and keeps the locks until the builder is gone. Killed, it leaves a mount that ends with the namespace: the
/// worker's, or (Nix 2.8) the daemon's.
fn watch_in_background(mounted: Vec<Mounted>, worker: c_int, uid: u32) {
    if unsafe { fork() } != 0 {
        return std::mem::forget(mounted);
    }
    unsafe {
        setsid();
        let null = open(c"/dev/null".as_ptr(), O_RDWR);
        for fd in 0..3 {
            dup2(null, fd);
        }
    }
    drop(std::env::set_current_dir("/"));
    let worker_fd = unsafe { syscall(SYS_PIDFD_OPEN, worker as c_long, 0 as c_long) } as c_int;
    let builder = loop {
        if let Some(found) = builder_of(worker, uid) {
            break found;
        }
        if worker_fd < 0 || ended(worker_fd, 5) || !locked_users(worker).contains(&uid) {
            break -1;
        }
    };
    for one in &mounted {
        unmount(&one.point);
    }
    if builder >= 0 {
        while !ended(builder, 60_000) {}
    }
    for one in &mounted {
        remove(&one.point);
    }
    std::process::exit(0);
}

/// The worker's child that has become the build user: its sandbox is complete. A pidfd.
fn builder_of(worker: c_int, uid: u32) -> Option<c_int> {
    for task in fs::read_dir(format!("/proc/{worker}/task")).ok()?.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            let is = status.lines().any(|line| {
                line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().all(|id| id == uid.to_string()))
            });
            if is {
                let fd = unsafe { syscall(SYS_PIDFD_OPEN, child.parse::<c_long>().ok()?, 0 as c_long) } as c_int;
                return (fd >= 0).then_some(fd);
            }
        }
    }
    None
}

fn ended(pidfd: c_int, milliseconds: c_int) -> bool {
    let mut one = PollFd { fd: pidfd, events: POLLIN, revents: 0 };
    unsafe { poll(&mut one, 1, milliseconds) > 0 }
}

// ---- the kernel --------------------------------------------------------------------------------------------------------

/// Runs `work` with the file rights of `uid`, whose groups are those of nobody: owner's files only.
fn as_user<T>(uid: u32, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let groups = unsafe { setgroups(0, std::ptr::null()) };
    checked(groups as c_long, "giving up groups")?;
    checked(unsafe { setegid(NOBODY) } as c_long, "giving up the group")?;
    checked(unsafe { seteuid(uid) } as c_long, "taking the owner's rights")?;
    let result = work();
    checked(unsafe { seteuid(0) } as c_long, "taking root's rights")?;
    checked(unsafe { setegid(0) } as c_long, "taking root's group")?;
    result
}

fn open_without_links(path: &str, flags: c_int) -> Outcome<File> {
    check_path(path)?;
    open_at(AT_FDCWD, path, flags, 0).map_err(|e| format!("{path}: {e}"))
}

/// openat2(2), no component a symlink.
fn open_at(directory: c_int, path: &str, flags: c_int, mode: u64) -> Outcome<File> {
    let name = c_string(path)?;
    let terminal = if flags & O_PATH == 0 { O_NOCTTY } else { 0 };
    let flags = (flags | O_CLOEXEC | O_NOFOLLOW | terminal) as u64;
    let how = OpenHow { flags, mode, resolve: RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
    let size = std::mem::size_of::<OpenHow>() as c_long;
    let fd = unsafe { syscall(SYS_OPENAT2, directory as c_long, name.as_ptr(), &how, size) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    Ok(unsafe { File::from_raw_fd(fd as RawFd) })
}

fn stat(file: &File) -> Outcome<fs::Metadata> {
    file.metadata().map_err(|e| e.to_string())
}

fn read_bounded(file: File, most: u64, what: &str) -> Outcome<Vec<u8>> {
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text).map_err(|e| format!("{what}: {e}"))?;
    if text.len() as u64 > most { Err(format!("{what}: larger than {most} bytes")) } else { Ok(text) }
}

fn c_string(text: &str) -> Outcome<CString> {
    CString::new(text).map_err(|_| "a path with a zero byte".into())
}

fn checked(result: c_long, what: &str) -> Outcome<c_long> {
    if result < 0 { Err(format!("{what}: {}", std::io::Error::last_os_error())) } else { Ok(result) }
}

const NOBODY: u32 = 65534;
const AT_FDCWD: c_int = -100;
const AT_EMPTY_PATH: c_int = 0x1000;
const CLONE_NEWNS: c_int = 0x2_0000;
const CLONE_NEWUSER: c_int = 0x1000_0000;
const LOCK_EX: c_int = 2;
const LOCK_NB: c_int = 4;
const MNT_DETACH: c_int = 2;
const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;
const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;
const MOVE_MOUNT_F_EMPTY_PATH: c_long = 4;
const MS_PRIVATE: u64 = 1 << 18;
const MS_SLAVE: u64 = 1 << 19;
const O_RDONLY: c_int = 0;
const O_WRONLY: c_int = 1;
const O_RDWR: c_int = 2;
const O_CREAT: c_int = 0o100;
const O_EXCL: c_int = 0o200;
const O_NOCTTY: c_int = 0o400;
const O_NONBLOCK: c_int = 0o4000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_DIRECTORY: c_int = 0o40000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_NOFOLLOW: c_int = 0o100000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_DIRECTORY: c_int = 0o200000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_NOFOLLOW: c_int = 0o400000;
const O_CLOEXEC: c_int = 0o2000000;
const O_PATH: c_int = 0o10000000;
const OPEN_TREE_CLONE: c_int = 1;
const OPEN_TREE_CLOEXEC: c_int = O_CLOEXEC;
const POLLIN: i16 = 1;
const RESOLVE_NO_MAGICLINKS: u64 = 2;
const RESOLVE_NO_SYMLINKS: u64 = 4;
// System calls from 424 on have one number on every architecture that Nix is built for.
const SYS_OPEN_TREE: c_long = 428;
const SYS_MOVE_MOUNT: c_long = 429;
const SYS_PIDFD_OPEN: c_long = 434;
const SYS_OPENAT2: c_long = 437;
const SYS_MOUNT_SETATTR: c_long = 442;

#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

extern "C" {
    fn _exit(code: c_int) -> !;
    fn close(fd: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn flock(fd: c_int, operation: c_int) -> c_int;
    fn fork() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: u64, data: *const c_void) -> c_int;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: u64, milliseconds: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> isize;
    fn setegid(gid: u32) -> c_int;
    fn seteuid(uid: u32) -> c_int;
    fn setgroups(count: usize, groups: *const c_uint) -> c_int;
    fn setns(fd: c_int, kind: c_int) -> c_int;
    fn setsid() -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn umount2(target: *const c_char, flags: c_int) -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn write(fd: c_int, buffer: *const c_void, count: usize) -> isize;
}
