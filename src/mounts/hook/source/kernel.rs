//! The kernel's calls. Everything that touches memory by hand is here or calls what is here.
use crate::*;

/// openat2(2), no component a symlink.
pub fn open_at(directory: c_int, path: &str, flags: c_int, mode: u64) -> Outcome<File> {
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

pub fn stat(file: &File) -> Outcome<fs::Metadata> {
    file.metadata().map_err(|e| e.to_string())
}

pub fn read_bounded(file: impl Read, most: u64, what: &str) -> Outcome<Vec<u8>> {
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text).map_err(|e| format!("{what}: {e}"))?;
    if text.len() as u64 > most { Err(format!("{what}: larger than {most} bytes")) } else { Ok(text) }
}

pub fn c_string(text: &str) -> Outcome<CString> {
    CString::new(text).map_err(|_| "a path with a zero byte".into())
}

pub fn checked(result: c_long, what: &str) -> Outcome<c_long> {
    if result < 0 { Err(format!("{what}: {}", std::io::Error::last_os_error())) } else { Ok(result) }
}

pub const NOBODY: u32 = 65534;
pub const AT_FDCWD: c_int = -100;
pub const AT_EMPTY_PATH: c_int = 0x1000;
pub const CLONE_NEWNS: c_int = 0x2_0000;
pub const CLONE_NEWUSER: c_int = 0x1000_0000;
pub const MNT_DETACH: c_int = 2;
pub const MOUNT_ATTR_RDONLY: u64 = 1;
pub const MOUNT_ATTR_NOSUID: u64 = 2;
pub const MOUNT_ATTR_NODEV: u64 = 4;
pub const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;
pub const MOVE_MOUNT_F_EMPTY_PATH: c_long = 4;
pub const MS_PRIVATE: u64 = 1 << 18;
pub const MS_REC: u64 = 1 << 14;
pub const MS_SLAVE: u64 = 1 << 19;
pub const O_RDONLY: c_int = 0;
pub const O_NOCTTY: c_int = 0o400;
pub const O_NONBLOCK: c_int = 0o4000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
pub const O_DIRECTORY: c_int = 0o40000;
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
pub const O_NOFOLLOW: c_int = 0o100000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
pub const O_DIRECTORY: c_int = 0o200000;
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
pub const O_NOFOLLOW: c_int = 0o400000;
pub const O_CLOEXEC: c_int = 0o2000000;
pub const O_PATH: c_int = 0o10000000;
pub const OPEN_TREE_CLONE: c_int = 1;
pub const OPEN_TREE_CLOEXEC: c_int = O_CLOEXEC;
pub const POLLIN: i16 = 1;
pub const PR_SET_DUMPABLE: c_int = 4;
pub const RESOLVE_NO_MAGICLINKS: u64 = 2;
pub const RESOLVE_NO_SYMLINKS: u64 = 4;
// System calls from 424 on have one number on every architecture that Nix is built for.
pub const SYS_OPEN_TREE: c_long = 428;
pub const SYS_MOVE_MOUNT: c_long = 429;
pub const SYS_PIDFD_OPEN: c_long = 434;
pub const SYS_CLOSE_RANGE: c_long = 436;
pub const SYS_OPENAT2: c_long = 437;
pub const SYS_MOUNT_SETATTR: c_long = 442;

#[repr(C)]
pub struct OpenHow {
    pub flags: u64,
    pub mode: u64,
    pub resolve: u64,
}

#[repr(C)]
pub struct MountAttributes {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
    pub user_namespace: u64,
}

#[repr(C)]
pub struct PollFd {
    pub fd: c_int,
    pub events: i16,
    pub revents: i16,
}

extern "C" {
    pub fn alarm(seconds: c_uint) -> c_uint;
    pub fn _exit(code: c_int) -> !;
    pub fn dup2(from: c_int, to: c_int) -> c_int;
    pub fn fork() -> c_int;
    pub fn mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: u64, data: *const c_void) -> c_int;
    pub fn poll(fds: *mut PollFd, count: u64, milliseconds: c_int) -> c_int;
    pub fn prctl(option: c_int, ...) -> c_int;
    pub fn setgroups(count: usize, groups: *const c_uint) -> c_int;
    pub fn setresgid(real: u32, effective: u32, saved: u32) -> c_int;
    pub fn setresuid(real: u32, effective: u32, saved: u32) -> c_int;
    pub fn setns(fd: c_int, kind: c_int) -> c_int;
    pub fn setsid() -> c_int;
    pub fn syscall(number: c_long, ...) -> c_long;
    pub fn umount2(target: *const c_char, flags: c_int) -> c_int;
    pub fn unshare(flags: c_int) -> c_int;
}
