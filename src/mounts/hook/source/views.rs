//! Views: inputs of the derivation, shown at one more place of its sandbox. They show nothing that the sandbox does not show
//! below /nix/store anyway, and nobody, root neither, can write through them.
use crate::*;

/// The daemon's store: as paths name it, and where it lies.
pub struct Store<'a> {
    pub name: &'a str,
    place: &'a str,
}

impl<'a> Store<'a> {
    pub fn of(drv: &'a str, file: &'a str) -> Outcome<Store<'a>> {
        let parent = |path: &'a str| path.rsplit_once('/').map(|(parent, _)| parent).ok_or(format!("{path:?} lies nowhere"));
        Ok(Store { name: parent(drv)?, place: parent(file)? })
    }

    /// In the mount namespace of now.
    pub fn open(&self) -> Outcome<File> {
        File::open(self.place).map_err(|e| format!("{}: {e}", self.place))
    }
}

/// Adds what can be shown to `mounts`; each is judged by itself. Ok: the first reason why one could not be, if any.
/// `numbers`: of the places.
pub fn show_views(
    request: &Request,
    limits: &Limits,
    numbers: &mut impl Iterator<Item = String>,
    owner: &Child,
    store: &Store,
    worker: c_int,
    mounts: &mut Mounts,
) -> Outcome<Option<String>> {
    let mut refused = Some(request.no_view.clone()).filter(|reason| !reason.is_empty());
    let store = store.open()?;
    let point = format!("{PLACE}/{worker}-store-{}", std::process::id());
    // Read-only: what the daemon might make at a place below a view, it must not make in the store.
    attach(&store, None, true, &point)?;
    mounts.points.push(point.clone());
    for View { place, name } in &request.views {
        let judged = judge_place(place, &mounts.shown, owner, &numbers.next().unwrap_or_default()).and_then(|host| match host {
            Some(meta) if meta.uid() != request.owner => Err(format!("{place} is not a directory of uid {}", request.owner)),
            Some(_) => limits.check_path(place),
            None => Ok(()),
        });
        match judged.and_then(|()| check_input(name, &store)) {
            Ok(()) => mounts.shown.push((place.clone(), format!("{point}/{name}"))),
            Err(reason) => drop(refused.get_or_insert(reason)),
        }
    }
    Ok(refused)
}

/// What is valid in a store is root's and stays as it is. The name is nothing that the daemon could take for more.
fn check_input(name: &str, store: &File) -> Outcome<()> {
    let plain = name.len() > 33 && !name.ends_with('?') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-?=".contains(&b));
    if !plain {
        return Err(format!("{name:?} is not the name of an input"));
    }
    let meta = stat(&open_at(store.as_raw_fd(), name, O_PATH | O_DIRECTORY, 0)?)?;
    if meta.uid() != 0 || meta.mode() & 0o022 != 0 { Err(format!("{name} is not root's alone to write")) } else { Ok(()) }
}
