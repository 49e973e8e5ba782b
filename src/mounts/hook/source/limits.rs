//! What the administrator allows.
use crate::*;

#[derive(Default)]
pub struct Limits {
    pub users: Vec<String>,
    pub groups: Vec<String>,
    pub paths: Vec<String>,
    pub ids: Vec<String>,
    pub wait: u32,
}

impl Limits {
    /// Lines `key = words`, `#` starts a comment. No file: no limits. A file that others can write: no mounts.
    pub fn read(file: &str) -> Outcome<Limits> {
        let mut limits = Limits { wait: 60, ..Limits::default() };
        let open = match File::open(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(limits),
            other => other.map_err(|e| format!("{file}: {e}"))?,
        };
        let meta = open.metadata().map_err(|e| format!("{file}: {e}"))?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 || !meta.is_file() {
            return Err(format!("{file} is not root's alone to write"));
        }
        let text = String::from_utf8(read_bounded(open, LARGEST_GRANT, file)?).map_err(|_| format!("{file}: not UTF-8"))?;
        for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty()) {
            let (key, words) = line.split_once('=').ok_or(format!("{file}: a line without `=`"))?;
            let words = words.split_whitespace().map(String::from);
            match key.trim() {
                "users" => limits.users.extend(words),
                "groups" => limits.groups.extend(words),
                "paths" => limits.paths.extend(words),
                "ids" => limits.ids.extend(words),
                "wait" => limits.wait = words.collect::<String>().parse().map_err(|_| format!("{file}: wait is no number"))?,
                other => return Err(format!("{file}: unknown key {other:?}")),
            }
        }
        Ok(limits)
    }

    pub fn check(&self, request: &Request) -> Outcome<()> {
        self.check_owner(request.owner)?;
        request.mounts.iter().try_for_each(|mount| self.check_id(&mount.id))
    }

    fn check_owner(&self, uid: u32) -> Outcome<()> {
        if self.users.is_empty() && self.groups.is_empty() {
            return Ok(());
        }
        let number = uid.to_string();
        let user = told_by_id("-un", &number);
        let groups = told_by_id("-Gn", &number);
        let allowed = self.users.iter().any(|one| *one == number || user.contains(one))
            || self.groups.iter().any(|one| groups.contains(one));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow uid {uid}")) }
    }

    fn check_id(&self, id: &str) -> Outcome<()> {
        let allowed = self.ids.is_empty() || self.ids.iter().any(|pattern| matches(pattern.as_bytes(), id.as_bytes()));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow the id {id}")) }
    }

    pub fn check_path(&self, path: &str) -> Outcome<()> {
        let allowed = self.paths.is_empty() || self.paths.iter().any(|pattern| matches(pattern.as_bytes(), path.as_bytes()));
        if allowed { Ok(()) } else { Err(format!("the administrator's limits do not allow {path}")) }
    }
}

pub fn told_by_id(flag: &str, uid: &str) -> Vec<String> {
    let told = std::process::Command::new("id").args([flag, "--", uid]).output();
    told.map(|out| String::from_utf8_lossy(&out.stdout).split_whitespace().map(String::from).collect()).unwrap_or_default()
}

/// By the first line of /etc/passwd, which costs nothing; else as `id` says.
pub fn is_member(uid: u32, gid: u32) -> bool {
    let (uid, gid) = (uid.to_string(), gid.to_string());
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user.get(2) == Some(&uid.as_str()));
    user.is_some_and(|user| user.get(3) == Some(&gid.as_str())) || told_by_id("-G", &uid).contains(&gid)
}

/// `*` stands for anything but a slash, `**` for anything.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|n| matches(rest, &text[n..])),
        [b'*', rest @ ..] => {
            let reach = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
            (0..=reach).any(|n| matches(rest, &text[n..]))
        }
        [first, rest @ ..] => text.first() == Some(first) && matches(rest, &text[1..]),
    }
}
