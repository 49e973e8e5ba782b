//! Formats: a derivation's ATerm, and the JSON in it.
use crate::*;

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
    /// No escapes: nothing that a mount may be called needs one (`\/` is what some writers make of a slash).
    pub fn json_string(&mut self) -> Outcome<String> {
        self.expect(b"\"")?;
        let mut text = String::new();
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' if self.take(b"\\/") => text.push('/'),
                byte @ 0x20..=0x7e if byte != b'\\' => {
                    text.push(byte as char);
                    self.at += 1;
                }
                _ => return Err("`cacheMounts`: a string with other than plain characters".into()),
            }
        }
        self.at += 1;
        Ok(text)
    }
    pub fn json_bool(&mut self) -> Outcome<bool> {
        if self.take(b"true") { Ok(true) } else { self.expect(b"false").map(|()| false) }
    }
}

/// The variables of `Derive(outputs,inputDrvs,inputSrcs,system,builder,args,env)`.
pub fn environment(text: &[u8]) -> Outcome<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut at = Scanner { text, at: 0 };
    at.expect(b"Derive(")?;
    for _ in 0..6 {
        at.skip(0)?;
        at.expect(b",")?;
    }
    let mut variables = Vec::new();
    at.expect(b"[")?;
    if !at.take(b"]") {
        loop {
            at.expect(b"(")?;
            let name = at.string(true)?;
            at.expect(b",")?;
            let wanted = matches!(name.as_slice(), b"owner" | b"scope" | b"cacheGrants" | b"cacheMounts");
            let value = at.string(wanted)?;
            at.expect(b")")?;
            variables.push((name, value));
            if !at.take(b",") {
                break;
            }
        }
        at.expect(b"]")?;
    }
    at.expect(b")")?;
    Ok(variables)
}
