//! Reads the derivation, as nobody.
use super::formats::*;
use crate::*;
use std::collections::HashSet;

const LARGEST_DERIVATION: u64 = 16 << 20;
pub const MOST_MOUNTS: usize = 16;
pub const MOST_VIEWS: usize = 512;

/// What `Request::of` takes. `directory`: the store's, open.
pub fn read(text: File, store: &Store, directory: &File) -> Outcome<Vec<String>> {
    let derivation = Derivation::of(&read_bounded(text, LARGEST_DERIVATION, "derivation")?)?;
    let variable = |name: &str| derivation.variables.get(name.as_bytes()).cloned();
    // A zero byte ends a field of the answer.
    let said = |name: &str| variable(name).filter(|text| !text.contains('\0')).ok_or(format!("the derivation has no `{name}`"));
    let (owner, scope, grants) = (said("owner")?, said("scope")?, said("cacheGrants")?);
    let mounts = variable("cacheMounts").map_or(Ok(Vec::new()), |text| declared_mounts(&text))?;
    let (views, no_view) = match declared_views(&variable("storeViews").unwrap_or_default()) {
        Ok(views) => only_inputs(views, &derivation, store, directory),
        Err(reason) => (Vec::new(), reason),
    };
    let mut fields = vec![owner, scope, grants, no_view];
    fields.extend(mounts.into_iter().flat_map(|[target, id, sharing, ro]| ["mount".into(), target, id, sharing, ro]));
    fields.extend(views.into_iter().flat_map(|(place, name)| ["view".into(), place, name, String::new(), String::new()]));
    Ok(fields)
}

/// The attribute `cacheMounts`: a JSON list of { id, target, sharing, ro }, each key once and no other.
fn declared_mounts(text: &str) -> Outcome<Vec<[String; 4]>> {
    let mut at = Scanner { text: text.as_bytes(), at: 0 };
    let mut mounts = Vec::new();
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
        if !is_plain(&format!("/{id}")) || !in_characters(&id) {
            return Err(format!("{id:?} is not an id of a mount"));
        }
        // Places that a view may have: the owner's below /tmp, and names with other characters.
        if !in_characters(&target) || target.starts_with("/tmp/") {
            return Err(format!("{target:?} is not a place for a mount"));
        }
        if !["locked", "private", "shared"].contains(&sharing.as_str()) {
            return Err("`cacheMounts`: unknown sharing".into());
        }
        if mounts.iter().any(|[_, other, ..]: &[String; 4]| *other == id) || mounts.len() == MOST_MOUNTS {
            return Err("`cacheMounts`: too many mounts, or two of one id".into());
        }
        mounts.push([target, id, sharing, if ro { "ro".into() } else { String::new() }]);
        at.space();
        if !at.take(b",") {
            break;
        }
    }
    at.expect(b"]")?;
    at.end("`cacheMounts`: text after the list")?;
    Ok(mounts)
}

fn in_characters(text: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-@/".contains(&b))
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
        let place = at.json_string()?;
        at.space();
        at.expect(b":")?;
        at.space();
        views.push((place, at.json_string()?));
        if views.len() > MOST_VIEWS {
            return Err("`storeViews`: too many views".into());
        }
        at.space();
    }
    at.end("`storeViews`: text after the object")?;
    Ok(views)
}

/// Of what is wanted (place, store path) what is a source of the derivation, or an output of an input derivation, by its name
/// in the store; and why not all.
fn only_inputs(
    wanted: Vec<(String, String)>,
    derivation: &Derivation,
    store: &Store,
    directory: &File,
) -> (Vec<(String, String)>, String) {
    let paths: HashSet<&str> = wanted.iter().map(|(_, path)| path.as_str()).collect();
    let mut inputs: HashSet<String> = derivation.input_srcs.iter().filter(|path| paths.contains(path.as_str())).cloned().collect();
    let names: Vec<&str> = paths.iter().filter_map(|path| Some(&base(path, store)?[33..])).collect();
    for drv in &derivation.input_drvs {
        let Some(file) = base(drv, store) else { continue };
        // What it makes begins with its name.
        if !file[33..].strip_suffix(".drv").is_some_and(|of| names.iter().any(|name| name.starts_with(of))) {
            continue;
        }
        let text = open_at(directory.as_raw_fd(), file, O_RDONLY | O_NONBLOCK, 0)
            .and_then(|text| read_bounded(text, LARGEST_DERIVATION, file));
        // What cannot be read has no outputs.
        drop(text.and_then(|text| {
            outputs(&text, |path| {
                if paths.contains(path.as_str()) {
                    inputs.insert(path);
                }
            })
        }));
    }
    let (mut views, mut no_view) = (Vec::new(), String::new());
    for (place, path) in &wanted {
        match base(path, store).filter(|_| inputs.contains(path)) {
            Some(name) => views.push((place.clone(), name.to_string())),
            None if no_view.is_empty() => no_view = format!("{path:?} is not an input of the derivation"),
            None => {}
        }
    }
    (views, no_view)
}

fn base<'a>(path: &'a str, store: &Store) -> Option<&'a str> {
    let base = path.strip_prefix(store.name)?.strip_prefix('/')?;
    (!base.contains('/') && base.len() > 33 && base.is_ascii()).then_some(base)
}
