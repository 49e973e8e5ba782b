//! Views: inputs of the derivation, shown at one more place of its sandbox. They show nothing that the sandbox does not show
//! below /nix/store anyway, and nobody, root neither, can write through them.
use crate::*;

/// Adds what can be shown to `mounted`. Why one could not be; each is judged by itself.
pub fn show_views(
    derivation: &Derivation,
    request: &Request,
    limits: &Limits,
    worker: c_int,
    drv: &str,
    file: &str,
    mounted: &mut Vec<Mounted>,
) -> Option<String> {
    let mut refused = None;
    let shown = declared_views(&request.views).and_then(|wanted| {
        if wanted.is_empty() {
            return Ok(());
        }
        let store = Store::of(drv, file)?;
        let inputs = store.inputs(derivation, &wanted);
        let taken: Vec<&String> = mounted.iter().flat_map(|one| &one.shown).map(|(target, _)| target).collect();
        let point = format!("{PLACE}/{worker}-store-{}", std::process::id());
        let mut shown: Vec<(String, String)> = Vec::new();
        for (target, source) in wanted {
            let others = taken.iter().copied().chain(shown.iter().map(|(target, _)| target));
            let judged = check_place(&target, others)
                .and_then(|()| check_owned(&target, request, limits))
                .and_then(|()| store.check_input(&source, &inputs));
            match judged {
                Ok(name) => shown.push((target, format!("{point}/{name}"))),
                Err(reason) => drop(refused.get_or_insert(reason)),
            }
        }
        if !shown.is_empty() {
            // Read-only: what the daemon might make at a place below a view, it must not make in the store.
            attach(&store.directory, None, true, &point)?;
            mounted.push(Mounted { point, shown, _lock: None });
        }
        Ok(())
    });
    shown.err().or(refused)
}

/// The attribute `storeViews`: a JSON object, place -> store path.
fn declared_views(text: &str) -> Outcome<Vec<(String, String)>> {
    let mut views = Vec::new();
    if text.is_empty() {
        return Ok(views);
    }
    let mut at = Scanner { text: text.as_bytes(), at: 0 };
    at.space();
    at.expect(b"{")?;
    at.space();
    while !at.take(b"}") {
        if !views.is_empty() {
            at.expect(b",")?;
            at.space();
        }
        let target = at.json_string()?;
        at.space();
        at.expect(b":")?;
        at.space();
        views.push((target, at.json_string()?));
        if views.len() > MOST_VIEWS {
            return Err("`storeViews`: too many views".into());
        }
        at.space();
    }
    at.space();
    if at.at < at.text.len() { Err("`storeViews`: text after the object".into()) } else { Ok(views) }
}

/// `=` and `?` mean something to the daemon.
fn check_place<'a>(target: &str, mut others: impl Iterator<Item = &'a String>) -> Outcome<()> {
    check_path(target)?;
    if target.contains('=') || target.ends_with('?') {
        return Err(format!("{target:?} is not a place for a view"));
    }
    let top = target.split('/').nth(1).unwrap_or("");
    // What an owner has below /tmp is theirs; /tmp is not.
    if RESERVED.contains(&top) && top != "tmp" {
        return Err(format!("{target} would cover a part of the sandbox"));
    }
    match others.find(|other| covers(other, target) || covers(target, other)) {
        Some(other) => Err(format!("{target} and {other} cover each other")),
        None => Ok(()),
    }
}

/// Either the host has nothing of that name at its root, or it is a directory of the owner's.
fn check_owned(target: &str, request: &Request, limits: &Limits) -> Outcome<()> {
    if top_is_free(target) {
        return Ok(());
    }
    limits.check_path(target)?;
    as_user(request.owner, || {
        let meta = stat(&open_without_links(target, O_PATH | O_DIRECTORY)?)?;
        if meta.uid() == request.owner { Ok(()) } else { Err(format!("{target} is not a directory of uid {}", request.owner)) }
    })
}

/// The daemon's store: as paths name it, and the directory in which it lies.
struct Store<'a> {
    name: &'a str,
    place: &'a str,
    directory: OwnedFd,
}

impl<'a> Store<'a> {
    fn of(drv: &'a str, file: &'a str) -> Outcome<Store<'a>> {
        let parent = |path: &'a str| path.rsplit_once('/').map(|(parent, _)| parent).ok_or(format!("{path:?} lies nowhere"));
        let place = parent(file)?;
        let directory = File::open(place).map_err(|e| format!("{place}: {e}"))?.into();
        Ok(Store { name: parent(drv)?, place, directory })
    }

    fn base<'b>(&self, path: &'b str) -> Option<&'b str> {
        let base = path.strip_prefix(self.name)?.strip_prefix('/')?;
        (!base.contains('/') && base.len() > 33 && base.is_ascii()).then_some(base)
    }

    /// Of what is wanted: sources, and outputs of those input derivations by whose name it may be called.
    fn inputs(&self, derivation: &Derivation, wanted: &[(String, String)]) -> HashSet<String> {
        let names: HashSet<&str> = wanted.iter().map(|(_, path)| path.as_str()).collect();
        let sources = derivation.input_srcs.iter().filter(|path| names.contains(path.as_str()));
        let mut inputs: HashSet<String> = sources.cloned().collect();
        for drv in &derivation.input_drvs {
            let Some(base) = self.base(drv) else { continue };
            let Some(name) = base[33..].strip_suffix(".drv") else { continue };
            if !wanted.iter().any(|(_, path)| self.base(path).is_some_and(|base| base[33..].starts_with(name))) {
                continue;
            }
            let text = open_at(self.directory.as_raw_fd(), base, O_RDONLY | O_NONBLOCK, 0)
                .and_then(|file| read_bounded(file, LARGEST_DERIVATION, base));
            let mut keep = |path: String| {
                if names.contains(path.as_str()) {
                    inputs.insert(path);
                }
            };
            // What cannot be read has no outputs.
            drop(text.and_then(|text| outputs(&text, &mut keep)));
        }
        inputs
    }

    /// The path's name in the store's directory. An input is valid, so it is root's and stays as it is.
    fn check_input<'b>(&self, path: &'b str, inputs: &HashSet<String>) -> Outcome<&'b str> {
        let name = self.base(path).filter(|name| !name.ends_with('?') && inputs.contains(path));
        let name = name.ok_or(format!("{path:?} is not an input of the derivation"))?;
        let meta = stat(&open_at(self.directory.as_raw_fd(), name, O_PATH | O_DIRECTORY, 0)?)?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 {
            return Err(format!("{}/{name} is not root's alone to write", self.place));
        }
        Ok(name)
    }
}
