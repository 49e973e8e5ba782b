//! What stays behind while the build runs.
use crate::*;

/// Leaves a process behind that takes the mounts out of the worker's namespace as soon as the builder runs (the sandbox has
/// its own copy), and the owner's process, which has the locks, until the builder is gone. Killed, it leaves mounts that end
/// with the namespace: the worker's, or (Nix 2.8) the daemon's.
pub fn watch_in_background(mounts: Mounts, worker: c_int, uid: u32, owner: Child) -> Outcome<()> {
    if checked(unsafe { fork() } as c_long, "fork")? != 0 {
        return Ok(std::mem::forget(mounts));
    }
    silence();
    unsafe { setsid() };
    drop(std::env::set_current_dir("/"));
    let worker_fd = unsafe { syscall(SYS_PIDFD_OPEN, worker as c_long, 0 as c_long) } as c_int;
    let builder = loop {
        if let Some(found) = builder_of(worker, uid) {
            break found;
        }
        if worker_fd < 0 || ended(worker_fd, 5) || !locked_users(&open_files(worker)).contains(&uid) {
            break -1;
        }
    };
    mounts.unmount();
    while builder >= 0 && !ended(builder, 60_000) {}
    drop((mounts, owner));
    std::process::exit(0);
}

/// The worker's child that has become the build user: its sandbox is complete. A pidfd.
fn builder_of(worker: c_int, uid: u32) -> Option<c_int> {
    let uid = uid.to_string();
    for task in fs::read_dir(format!("/proc/{worker}/task")).ok()?.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
            let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or("0");
            if ids.split_whitespace().all(|id| id == uid) {
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
