//! Processes beside this one: without rights, to look at what others have written; or in a user namespace, to hold it.
use crate::*;

const LARGEST_ANSWER: u64 = 4 << 20;

pub struct Child {
    pub id: c_int,
    line: UnixStream,
}

impl Child {
    /// `work` answers; then the process stays, with all that it has opened, until this value is dropped. A copy of this
    /// program, which can do nothing for root but answer.
    pub fn start(work: impl FnOnce() -> Outcome<Vec<String>>) -> Outcome<Child> {
        let (line, mut its) = UnixStream::pair().map_err(|e| e.to_string())?;
        let id = checked(unsafe { fork() } as c_long, "fork")? as c_int;
        if id != 0 {
            return Ok(Child { id, line });
        }
        drop(line);
        silence();
        let fields = work().map_or_else(|reason| vec!["no".into(), reason], |answer| [vec!["ok".into()], answer].concat());
        drop(its.write_all(fields.join("\0").as_bytes()));
        drop(its.shutdown(std::net::Shutdown::Write));
        drop(its.read(&mut [0]));
        unsafe { _exit(0) }
    }

    /// With the rights of `uid` and the group of nobody, for good. `seconds`: for the work.
    pub fn without_rights(uid: u32, seconds: u32, work: impl FnOnce() -> Outcome<Vec<String>>) -> Outcome<Child> {
        let child = Child::start(|| {
            unsafe { alarm(seconds) };
            checked(unsafe { setgroups(0, std::ptr::null()) } as c_long, "giving up groups")?;
            checked(unsafe { setresgid(NOBODY, NOBODY, NOBODY) } as c_long, "giving up root's group")?;
            checked(unsafe { setresuid(uid, uid, uid) } as c_long, "giving up root's rights")?;
            // Nobody can look into it, its user neither.
            checked(unsafe { prctl(PR_SET_DUMPABLE, 0 as c_long) } as c_long, "closing the process")?;
            let answer = work();
            unsafe { alarm(0) };
            answer
        })?;
        // Its user may have stopped it, and what waits for a file system may not be ended by any signal.
        child.line.set_read_timeout(Some(Duration::from_secs(u64::from(seconds) + 1))).map_err(|e| e.to_string())?;
        Ok(child)
    }

    pub fn answer(&mut self) -> Outcome<Vec<String>> {
        let text = read_bounded(&self.line, LARGEST_ANSWER, "no whole answer")?;
        let text = String::from_utf8(text).map_err(|_| "an answer is not UTF-8")?;
        let mut fields = text.split('\0').map(String::from);
        match fields.next().as_deref() {
            Some("ok") => Ok(fields.collect()),
            Some("no") => Err(fields.next().unwrap_or_default()),
            _ => Err("what there is to look at did not answer in time".into()),
        }
    }
}

/// The daemon reads until nobody has its ends open any more.
pub fn silence() {
    match File::options().read(true).write(true).open("/dev/null") {
        Ok(null) => (0..3).for_each(|fd| { unsafe { dup2(null.as_raw_fd(), fd) }; }),
        Err(_) => unsafe { _exit(1) },
    }
}
