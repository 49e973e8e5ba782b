//! drydock's privileged program: mounts a developer's directory into one build of a Nix daemon, and shows inputs of that
//! build at further places.
//!
//!     drydock-hook WORKER DRV FILE CONF
//!
//! WORKER is the daemon's process that builds, DRV the derivation's path, FILE where its text lies, CONF the
//! administrator's limits. Run as root by `pre-build-hook`. What it believes, and whom:
//!   the derivation    anybody can write one. It names an owner (uid), their scope, their directory of grants, mounts, views
//!   the grant         a file of that owner, for exactly this derivation. Nobody else can write one
//!   the kernel        who owns a file, which file it is (device and inode), which uid the worker has locked
//! Every path of the owner is opened with the owner's rights and without following symlinks; what is mounted is the open
//! directory, not its name. Nothing of the owner's is changed; beside the grant the outcome is noted. On any doubt nothing is
//! printed, and the build runs without.
//!
//! The files of this directory, the standard library and the C library: `rustc -O hook.rs`.
#![deny(unused_must_use)]
use std::collections::HashSet;
use std::ffi::{c_char, c_int, c_long, c_uint, c_void, CString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod formats;
mod grants;
mod kernel;
mod limits;
mod mount;
mod request;
mod views;
mod watch;
mod worker;
use formats::*;
use grants::*;
use kernel::*;
use limits::*;
use mount::*;
use request::*;
use views::*;
use watch::*;
use worker::*;

type Outcome<T> = Result<T, String>;

const PLACE: &str = "/run/drydock";
const LARGEST_DERIVATION: u64 = 16 << 20;
const LARGEST_GRANT: u64 = 64 << 10;
const MOST_MOUNTS: usize = 16;
const MOST_VIEWS: usize = 512;
/// For all that is looked at, waiting for a lock aside. A file system of the owner's may never answer.
const SECONDS_TO_LOOK: u32 = 10;
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
    unsafe { alarm(SECONDS_TO_LOOK) };
    match answer(worker, drv, file, conf) {
        Ok(text) => drop(std::io::stdout().write_all(text.as_bytes())),
        Err(reason) => log("cache mount", drv, &reason),
    }
}

/// The whole of it, in order. The text is what the daemon reads.
fn answer(worker: &str, drv: &str, file: &str, conf: &str) -> Outcome<String> {
    let worker: c_int = worker.parse().map_err(|_| "the worker's id is no number")?;
    let text = read_bounded(File::open(file).map_err(|e| format!("{file}: {e}"))?, LARGEST_DERIVATION, "derivation")?;
    let derivation = Derivation::of(&text)?;
    let request = Request::of(&derivation)?;
    let limits = Limits::read(conf)?;
    unsafe { alarm(SECONDS_TO_LOOK.saturating_add(limits.wait)) };
    let outcome = limits.check(&request).and_then(|()| enter(worker)).and_then(|()| {
        let builder = build_user(worker, drv)?;
        let mut mounted = mount_all(&request, &limits, worker, drv, &builder)?;
        let no_view = show_views(&derivation, &request, &limits, worker, drv, file, &mut mounted);
        Ok((mounted, no_view, builder))
    });
    tell_owner(&request, drv, outcome.as_ref().map(|(_, no_view, _)| no_view));
    let (mounted, no_view, builder) = outcome?;
    if let Some(reason) = no_view {
        log("view", drv, &reason);
    }
    if mounted.is_empty() {
        return Ok(String::new());
    }
    let lines = mounted.iter().flat_map(|one| &one.shown).map(|(target, place)| format!("{target}={place}\n"));
    let text = format!("extra-sandbox-paths\n{}\n", lines.collect::<String>());
    watch_in_background(mounted, worker, builder.uid);
    Ok(text)
}

fn log(what: &str, drv: &str, reason: &str) {
    eprintln!("drydock: no {what} for {drv}: {}", reason.replace(|c: char| c.is_control(), "?"));
}
