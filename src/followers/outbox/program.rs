//! One run of a program for each event, with the event's JSON on standard input and nothing of it in the arguments,
//! which every user of the machine can read.
//!
//! Exit code 0: done. 75 (EX_TEMPFAIL of sysexits.h): try again. Any other: never. Killed at the time limit: try again.

use super::{Attempt, Parcel, Way};
use std::io::{Read, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

const EX_TEMPFAIL: i32 = 75;
/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(10);
/// What a program says is kept up to this; the rest is read and thrown away, so that it does not wait.
const SAID_OCTETS_MAX: usize = 1_024;
/// A grandchild may hold standard error open for longer than the program ran.
const SAID_WAIT: Duration = Duration::from_millis(200);

pub struct Program {
    words: Vec<String>,
    timeout: Duration,
}

impl Program {
    pub fn new(words: &[String], timeout: Duration) -> Program {
        Program { words: words.to_vec(), timeout }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let mut words = self.words.iter();
        let path = words.next().map_or("", String::as_str);
        // Credentials of the service are not for its helpers.
        Command::new(path)
            .args(words)
            .env_remove("CREDENTIALS_DIRECTORY")
            .env_remove("NOTIFY_SOCKET")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// None: it was killed at the time limit.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let until = Instant::now() + self.timeout;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Way for Program {
    fn deliver(&self, parcel: &Parcel<'_>) -> Attempt {
        let again = |why: String| Attempt::Again { why, trouble: true, after: None };
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => {
                return again(format!("{}: {error}", self.words.first().map_or("", String::as_str)));
            }
        };
        let said = child.stderr.take().map(listen);
        // A program that reads nothing leaves it in the pipe, or closes that: what counts is how it ends. The thread ends
        // with the program.
        if let Some(mut stdin) = child.stdin.take() {
            let body = format!("{}\n", parcel.body);
            std::thread::spawn(move || drop(stdin.write_all(body.as_bytes())));
        }
        let status = match self.wait(&mut child) {
            Ok(Some(status)) => status,
            Ok(None) => return again(format!("killed after {} s", self.timeout.as_secs())),
            Err(error) => return again(error.to_string()),
        };
        let said = said.and_then(|said| said.recv_timeout(SAID_WAIT).ok()).unwrap_or_default();
        judged(status.code(), &said)
    }
}

fn judged(code: Option<i32>, said: &str) -> Attempt {
    let why = |how: String| if said.is_empty() { how } else { format!("{how}: {said}") };
    match code {
        Some(0) => Attempt::Done,
        Some(EX_TEMPFAIL) => {
            Attempt::Again { why: why(format!("exit code {EX_TEMPFAIL}")), trouble: true, after: None }
        }
        Some(code) => Attempt::Refused(why(format!("exit code {code}"))),
        None => Attempt::Again { why: why("ended by a signal".to_owned()), trouble: true, after: None },
    }
}

/// Reads standard error to its end in a thread of its own; gives its start.
fn listen(mut stderr: ChildStderr) -> Receiver<String> {
    let (sender, said) = sync_channel(1);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0u8; 4_096];
        while let Ok(length @ 1..) = stderr.read(&mut buffer) {
            let room = SAID_OCTETS_MAX.saturating_sub(kept.len());
            kept.extend(buffer.iter().take(length.min(room)));
        }
        let text = String::from_utf8_lossy(&kept);
        let line: Vec<&str> = text.split_whitespace().collect();
        // Nobody may be waiting any more.
        let _ = sender.try_send(line.join(" "));
    });
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn ran(script: &str, timeout: u64) -> Attempt {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let parcel = Parcel { id: "evt_1", now: Timestamp::default(), body: r#"{"a":1}"# };
        Program::new(&words, Duration::from_millis(timeout)).deliver(&parcel)
    }

    fn why(attempt: Attempt) -> String {
        match attempt {
            Attempt::Again { why, .. } | Attempt::Refused(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_event_comes_on_standard_input_and_nothing_in_the_arguments() {
        let script = r#"read line; test "$line" = '{"a":1}' && test $# = 0"#;
        assert_eq!(ran(script, 5_000), Attempt::Done);
    }

    #[test]
    fn exit_codes_say_done_again_and_never() {
        assert_eq!(ran("exit 0", 5_000), Attempt::Done);
        let again = ran("echo no gateway >&2; exit 75", 5_000);
        assert!(matches!(again, Attempt::Again { trouble: true, .. }), "{again:?}");
        assert_eq!(why(again), "exit code 75: no gateway");
        let never = ran("echo  bad   number >&2; exit 3", 5_000);
        assert_eq!(never, Attempt::Refused("exit code 3: bad number".into()));
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_its_time_limit() {
        let before = Instant::now();
        assert_eq!(why(ran("exec sleep 60", 100)), "killed after 0 s");
        assert!(before.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_is_not_there_or_talks_too_much_is_survived() {
        let words = ["/nowhere/send".to_owned()];
        let parcel = Parcel { id: "evt_1", now: Timestamp::default(), body: "{}" };
        let said = why(Program::new(&words, Duration::from_secs(1)).deliver(&parcel));
        assert!(said.starts_with("/nowhere/send: "), "{said}");
        let said = why(ran("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 4", 5_000));
        assert!(said.len() < SAID_OCTETS_MAX + 100, "{}", said.len());
    }
}
