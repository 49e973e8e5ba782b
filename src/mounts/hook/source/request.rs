//! What the derivation asks for.
use crate::*;

pub struct Declared {
    pub id: String,
    pub target: String,
    pub sharing: String,
    pub ro: bool,
}

pub struct Request {
    pub owner: u32,
    pub scope: String,
    pub grants: String,
    pub mounts: Vec<Declared>,
    /// The attribute `storeViews`, empty where there is none.
    pub views: String,
}

impl Request {
    pub fn of(derivation: &Derivation) -> Outcome<Request> {
        let (mut owner, mut scope, mut grants, mut mounts, mut views) = (None, None, None, None, None);
        for (name, value) in &derivation.variables {
            let slot = match name.as_slice() {
                b"owner" => &mut owner,
                b"scope" => &mut scope,
                b"cacheGrants" => &mut grants,
                b"cacheMounts" => &mut mounts,
                b"storeViews" => &mut views,
                _ => continue,
            };
            let value = String::from_utf8(value.clone()).map_err(|_| "a variable of the mount is not UTF-8")?;
            *slot = Some(value);
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
        let mounts = mounts.map_or(Ok(Vec::new()), |text| declared(&text))?;
        Ok(Request { owner: number, scope, grants, mounts, views: views.unwrap_or_default() })
    }
}

/// The attribute `cacheMounts`: a JSON list of { id, target, sharing, ro }, each key once and no other.
pub fn declared(text: &str) -> Outcome<Vec<Declared>> {
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

pub fn plain(text: &str, also: &str) -> bool {
    text.len() <= 200 && text.bytes().all(|b| b.is_ascii_alphanumeric() || also.as_bytes().contains(&b))
}

pub fn components(text: &str) -> bool {
    text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

pub fn check_id(id: &str) -> Outcome<()> {
    if plain(id, "._+-@/") && components(id) { Ok(()) } else { Err(format!("{id:?} is not an id of a mount")) }
}

pub fn check_target(target: &str) -> Outcome<()> {
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
pub fn check_path(path: &str) -> Outcome<()> {
    let good = path.strip_prefix('/').is_some_and(components) && path.len() < 4000 && !path.contains(|c: char| c.is_control());
    if good { Ok(()) } else { Err(format!("{path:?} is not a plain absolute path")) }
}

pub fn covers(outer: &str, inner: &str) -> bool {
    inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}
