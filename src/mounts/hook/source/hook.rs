//! drydock's privileged program: mounts a developer's directory into one build of a Nix daemon, and shows inputs of that
//! build at further places.
//!
//!     drydock-hook WORKER DRV FILE CONF
//!
//! WORKER is the daemon's process that builds, DRV the derivation's path, FILE where its text lies, CONF the
//! administrator's limits. Run as root by `pre-build-hook`. What root does is in the files of this directory, in the order in
//! which they are best read: hook, request, limits, worker, child, place, mount, views, watch, kernel. What others have written is
//! read by processes without any of root's rights (`unprivileged/`), and what those say is judged here:
//!   nobody      reads the derivation, which anybody can write. It names an owner (uid), mounts and views
//!   the owner   reads the grant for exactly this derivation, which nobody else can write, and opens the directories
//!   root        believes the administrator's limits and the kernel: who owns what was opened, where it lies, which uid the
//!               worker has locked. What is mounted is the open directory, not its name
//! Nothing of the owner's is changed; beside the grant the outcome is noted. On any doubt nothing is printed, and the build
//! runs without.
//!
//! The files of this directory, the standard library and the C library: `rustc -O hook.rs`.
#![deny(unused_must_use)]
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_long, c_uint, c_void, CString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod child;
mod kernel;
mod limits;
mod mount;
mod place;
mod request;
mod unprivileged;
mod views;
mod watch;
mod worker;
use child::*;
use kernel::*;
use limits::*;
use mount::*;
use place::*;
use request::*;
use unprivileged::{owner, reader};
use views::*;
use watch::*;
use worker::*;

type Outcome<T> = Result<T, String>;

const PLACE: &str = "/run/drydock";
/// For each process that looks at what others have written. A file system of the owner's may never answer.
const SECONDS_TO_LOOK: u32 = 10;
const SECONDS_TO_TELL: u32 = 2;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [worker, drv, file, conf] = words.as_slice() else {
        eprintln!("drydock-hook: WORKER DRV FILE CONF");
        return;
    };
    // What the daemon has open is nothing for the processes below.
    unsafe { syscall(SYS_CLOSE_RANGE, 3 as c_long, c_uint::MAX as c_long, 0 as c_long) };
    match answer(worker, drv, file, conf) {
        Ok(text) => drop(std::io::stdout().write_all(text.as_bytes())),
        Err(reason) => log("cache mount", drv, &reason),
    }
}

/// The whole of it, in order. The text is what the daemon reads.
fn answer(worker: &str, drv: &str, file: &str, conf: &str) -> Outcome<String> {
    let worker: c_int = worker.parse().map_err(|_| "the worker's id is no number")?;
    let limits = Limits::read(conf)?;
    let wait = limits.wait()?;
    // The processes below have clocks of their own; this one is for what the kernel itself might wait for.
    unsafe { alarm((3 * SECONDS_TO_LOOK).saturating_add(wait)) };
    let text = File::open(file).map_err(|e| format!("{file}: {e}"))?;
    let store = Store::of(drv, file)?;
    let directory = store.open()?;
    let read = Child::without_rights(NOBODY, SECONDS_TO_LOOK, || reader::read(text, &store, &directory))?.answer()?;
    let request = Request::of(read)?;
    let outcome = limits.check(&request).and_then(|()| enter(worker)).and_then(|()| {
        let builder = build_user(worker, drv)?;
        let busy = mount_points();
        // In the worker's namespace: only what is opened there can be mounted there.
        let mut owner = Child::without_rights(request.owner, SECONDS_TO_LOOK.saturating_add(wait), || {
            owner::open(&request, drv, worker, &busy, wait)
        })?;
        let mut opened = owner.answer()?.into_iter();
        let mut mounts = mount_all(&request, &limits, &mut opened, &owner, &builder, worker)?;
        let mut no_view = None;
        if !request.views.is_empty() || !request.no_view.is_empty() {
            let shown = show_views(&request, &limits, &mut opened, &owner, &store, worker, &mut mounts);
            no_view = shown.unwrap_or_else(Some);
        }
        Ok((mounts, no_view, builder, owner))
    });
    let told = outcome.as_ref().map(|(_, no_view, ..)| no_view);
    drop(Child::without_rights(request.owner, SECONDS_TO_TELL, || owner::tell(&request, drv, told))?.answer());
    let (mounts, no_view, builder, owner) = outcome?;
    if let Some(reason) = no_view {
        log("view", drv, &reason);
    }
    let lines: String = mounts.shown.iter().map(|(target, place)| format!("{target}={place}\n")).collect();
    if !lines.is_empty() {
        watch_in_background(mounts, worker, builder.uid, owner)?;
    }
    Ok(if lines.is_empty() { lines } else { format!("extra-sandbox-paths\n{lines}\n") })
}

fn log(what: &str, drv: &str, reason: &str) {
    let reason: String = reason.chars().take(4096).map(|c| if c.is_control() { '?' } else { c }).collect();
    eprintln!("drydock: no {what} for {drv}: {reason}");
}
