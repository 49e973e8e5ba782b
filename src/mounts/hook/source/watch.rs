//! What stays behind while the build runs.
use crate::*;

/// Leaves a process behind that takes the mount out of the worker's namespace as soon as the builder runs (the sandbox has
/// its own copy), and keeps the locks until the builder is gone. Killed, it leaves a mount that ends with the namespace: the
/// worker's, or (Nix 2.8) the daemon's.
pub fn watch_in_background(mounted: Vec<Mounted>, worker: c_int, uid: u32) {
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
pub fn builder_of(worker: c_int, uid: u32) -> Option<c_int> {
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

pub fn ended(pidfd: c_int, milliseconds: c_int) -> bool {
    let mut one = PollFd { fd: pidfd, events: POLLIN, revents: 0 };
    unsafe { poll(&mut one, 1, milliseconds) > 0 }
}
