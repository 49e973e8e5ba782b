//! What the derivation asks for, as a process without rights has read it. Places and names are judged where they are used.
use crate::*;

pub struct Request {
    pub owner: u32,
    pub scope: String,
    /// The directory of grants. Only the owner's process looks there.
    pub grants: String,
    pub mounts: Vec<Mount>,
    pub views: Vec<View>,
    /// Why a view that is asked for is not among `views`; or nothing.
    pub no_view: String,
}

pub struct Mount {
    pub target: String,
    pub id: String,
    pub sharing: String,
    pub ro: bool,
}

/// An input of the derivation, by its name in the store, and where else it is to be seen.
pub struct View {
    pub place: String,
    pub name: String,
}

impl Request {
    /// `owner`, `scope`, `grants`, `no_view`, and five for each mount (`mount`, `target`, `id`, `sharing`, `ro` or nothing) and
    /// each view (`view`, `place`, `name`, nothing, nothing).
    pub fn of(fields: Vec<String>) -> Outcome<Request> {
        let [owner, scope, grants, no_view, things @ ..] = fields.as_slice() else { return Err("too little was read".into()) };
        // As nobody's appears what is of an owner that a mount does not know.
        let uid = owner.parse().ok().filter(|uid: &u32| ![0, NOBODY, u32::MAX].contains(uid) && uid.to_string() == *owner);
        let owner = uid.ok_or("`owner` is not the uid of a user")?;
        if things.len() > 5 * (reader::MOST_MOUNTS + reader::MOST_VIEWS) {
            return Err("too much was read".into());
        }
        let (mut mounts, mut views) = (Vec::new(), Vec::new());
        for thing in things.chunks_exact(5) {
            let [kind, place, name, sharing, ro] = [0, 1, 2, 3, 4].map(|at| thing[at].clone());
            match kind.as_str() {
                "mount" => mounts.push(Mount { target: place, id: name, sharing, ro: !ro.is_empty() }),
                _ => views.push(View { place, name }),
            }
        }
        Ok(Request { owner, scope: scope.clone(), grants: grants.clone(), mounts, views, no_view: no_view.clone() })
    }
}
