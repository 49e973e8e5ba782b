//! What the administrator allows.
use crate::*;

const LARGEST_LIMITS: u64 = 64 << 10;

const KEYS: [&str; 5] = ["users", "groups", "paths", "ids", "wait"];

/// The words of each key. A key that is missing limits nothing.
pub struct Limits(HashMap<String, Vec<String>>);

impl Limits {
    /// Lines `key = words`, `#` starts a comment. No file: no limits. A file that others can write: no mounts.
    pub fn read(file: &str) -> Outcome<Limits> {
        let mut limits = Limits(HashMap::new());
        let open = match File::open(file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(limits),
            other => other.map_err(|e| format!("{file}: {e}"))?,
        };
        let meta = stat(&open)?;
        if meta.uid() != 0 || meta.mode() & 0o022 != 0 || !meta.is_file() {
            return Err(format!("{file} is not root's alone to write"));
        }
        let text = String::from_utf8(read_bounded(open, LARGEST_LIMITS, file)?).map_err(|_| format!("{file}: not UTF-8"))?;
        for line in text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty()) {
            let (key, words) = line.split_once('=').ok_or(format!("{file}: a line without `=`"))?;
            if !KEYS.contains(&key.trim()) {
                return Err(format!("{file}: unknown key {:?}", key.trim()));
            }
            limits.0.entry(key.trim().into()).or_default().extend(words.split_whitespace().map(String::from));
        }
        Ok(limits)
    }

    fn of(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Seconds that a build waits for a locked mount.
    pub fn wait(&self) -> Outcome<u32> {
        self.of("wait").last().map_or(Ok(60), |seconds| seconds.parse().map_err(|_| "`wait` of the limits is no number".into()))
    }

    pub fn check(&self, request: &Request) -> Outcome<()> {
        let uid = request.owner.to_string();
        let (users, groups) = (self.of("users"), self.of("groups"));
        let named = |names: &[String], flag: &str| !names.is_empty() && told_by_id(flag, &uid).iter().any(|name| names.contains(name));
        let anybody = users.is_empty() && groups.is_empty();
        if !anybody && !users.contains(&uid) && !named(users, "-un") && !named(groups, "-Gn") {
            return Err(format!("the administrator's limits do not allow uid {uid}"));
        }
        request.mounts.iter().try_for_each(|mount| allowed(self.of("ids"), &mount.id))
    }

    pub fn check_path(&self, path: &str) -> Outcome<()> {
        allowed(self.of("paths"), path)
    }
}

fn allowed(patterns: &[String], what: &str) -> Outcome<()> {
    let good = patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern.as_bytes(), what.as_bytes()));
    if good { Ok(()) } else { Err(format!("the administrator's limits do not allow {what}")) }
}

/// `*` stands for anything but a slash, `**` for anything.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
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

pub fn told_by_id(flag: &str, uid: &str) -> Vec<String> {
    let told = std::process::Command::new("id").args([flag, "--", uid]).output();
    told.map(|out| String::from_utf8_lossy(&out.stdout).split_whitespace().map(String::from).collect()).unwrap_or_default()
}
