//! Formats: a derivation's ATerm, and the JSON in it.
use crate::Outcome;
use std::collections::{HashMap, HashSet};

pub struct Scanner<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl Scanner<'_> {
    pub fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }
    pub fn take(&mut self, token: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }
    pub fn expect(&mut self, token: &[u8]) -> Outcome<()> {
        if self.take(token) { Ok(()) } else { Err(format!("`{}` expected at byte {}", String::from_utf8_lossy(token), self.at)) }
    }
    /// Nothing but white space follows.
    pub fn end(&mut self, otherwise: &str) -> Outcome<()> {
        self.space();
        if self.at < self.text.len() { Err(otherwise.into()) } else { Ok(()) }
    }
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }
    /// A string of an ATerm; `keep` says whether its text is wanted.
    pub fn string(&mut self, keep: bool) -> Outcome<Vec<u8>> {
        self.expect(b"\"")?;
        let mut text = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else { return Err("the derivation ends in a string".into()) };
            self.at += 1;
            let byte = match byte {
                b'"' => return Ok(text),
                b'\\' => {
                    self.at += 1;
                    match self.text.get(self.at - 1) {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(&other) => other,
                        None => return Err("the derivation ends in a string".into()),
                    }
                }
                other => other,
            };
            if keep {
                text.push(byte);
            }
        }
    }
    /// Skips a string, a list or a tuple.
    pub fn skip(&mut self, depth: u32) -> Outcome<()> {
        let end: &[u8] = match self.peek() {
            b'"' => return self.string(false).map(drop),
            b'[' if depth < 8 => b"]",
            b'(' if depth < 8 => b")",
            _ => return Err(format!("not a derivation: byte {}", self.at)),
        };
        self.at += 1;
        if self.take(end) {
            return Ok(());
        }
        loop {
            self.skip(depth + 1)?;
            if !self.take(b",") {
                return self.expect(end);
            }
        }
    }
    /// A list; `each` reads one element.
    fn list(&mut self, mut each: impl FnMut(&mut Self) -> Outcome<()>) -> Outcome<()> {
        self.expect(b"[")?;
        if self.take(b"]") {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.take(b",") {
                return self.expect(b"]");
            }
        }
    }
    fn text(&mut self) -> Outcome<String> {
        String::from_utf8(self.string(true)?).map_err(|_| "a path of the derivation is not UTF-8".into())
    }
    /// No escapes: nothing that a mount or a view may be called needs one (`\/` is what some writers make of a slash).
    pub fn json_string(&mut self) -> Outcome<String> {
        self.expect(b"\"")?;
        let mut text = Vec::new();
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' if self.take(b"\\/") => text.push(b'/'),
                byte @ (0x20..=0x7e | 0x80..) if byte != b'\\' => {
                    text.push(byte);
                    self.at += 1;
                }
                _ => return Err("a string of the JSON has other than plain characters".into()),
            }
        }
        self.at += 1;
        String::from_utf8(text).map_err(|_| "a string of the JSON is not UTF-8".into())
    }
    pub fn json_bool(&mut self) -> Outcome<bool> {
        if self.take(b"true") { Ok(true) } else { self.expect(b"false").map(|()| false) }
    }
}

/// What of `Derive(outputs,inputDrvs,inputSrcs,system,builder,args,env)` is looked at.
pub struct Derivation {
    pub input_drvs: HashSet<String>,
    pub input_srcs: HashSet<String>,
    /// The variables of mounts and views.
    pub variables: HashMap<Vec<u8>, String>,
}

const WANTED: [&[u8]; 5] = [b"owner", b"scope", b"cacheGrants", b"cacheMounts", b"storeViews"];

impl Derivation {
    pub fn of(text: &[u8]) -> Outcome<Derivation> {
        let mut at = Scanner { text, at: 0 };
        at.expect(b"Derive(")?;
        at.skip(0)?;
        at.expect(b",")?;
        let mut input_drvs = HashSet::new();
        at.list(|at| {
            at.expect(b"(")?;
            input_drvs.insert(at.text()?);
            at.expect(b",")?;
            at.skip(0)?;
            at.expect(b")")
        })?;
        at.expect(b",")?;
        let mut input_srcs = HashSet::new();
        at.list(|at| {
            input_srcs.insert(at.text()?);
            Ok(())
        })?;
        at.expect(b",")?;
        for _ in 0..3 {
            at.skip(0)?;
            at.expect(b",")?;
        }
        let mut variables = HashMap::new();
        at.list(|at| {
            at.expect(b"(")?;
            let name = at.string(true)?;
            at.expect(b",")?;
            let wanted = WANTED.contains(&name.as_slice());
            let value = at.string(wanted)?;
            let value = String::from_utf8(value).map_err(|_| "a variable of the mount is not UTF-8")?;
            if wanted && variables.insert(name, value).is_some() {
                return Err("a variable of the mount stands there twice".into());
            }
            at.expect(b")")
        })?;
        at.expect(b")")?;
        Ok(Derivation { input_drvs, input_srcs, variables })
    }
}

/// Hands out the paths of a derivation's outputs.
pub fn outputs(text: &[u8], mut each: impl FnMut(String)) -> Outcome<()> {
    let mut at = Scanner { text, at: 0 };
    at.expect(b"Derive(")?;
    at.list(|at| {
        at.expect(b"(")?;
        at.skip(0)?;
        at.expect(b",")?;
        each(at.text()?);
        for _ in 0..2 {
            at.expect(b",")?;
            at.skip(0)?;
        }
        at.expect(b")")
    })
}
