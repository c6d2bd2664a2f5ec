//! Asks a running enforcer.

use super::{Question, Reply, Status, socket_path};
use crate::enforcement::EnforceError;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Later than the enforcer's own patience with itself.
const PATIENCE: Duration = Duration::from_secs(70);
const REPLY_OCTETS_MAX: u64 = 1 << 20;

/// A connection; a hold asked for over it ends with it.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// None: no enforcer runs with this state directory.
    pub fn connect(state_dir: &Path) -> Result<Option<Client>, EnforceError> {
        let path = socket_path(state_dir);
        let system = |error: io::Error| EnforceError::System(format!("{}: {error}", path.display()));
        match UnixStream::connect(&path) {
            Ok(stream) => {
                let patience = Some(PATIENCE);
                stream.set_read_timeout(patience).and(stream.set_write_timeout(patience)).map_err(system)?;
                Ok(Some(Client { stream: BufReader::new(stream) }))
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(system(error)),
        }
    }

    /// Asks and waits for the answer; a refusal is an error with the enforcer's words.
    pub fn ask(&mut self, question: Question) -> Result<Reply, EnforceError> {
        let reply = self
            .exchange(question)
            .map_err(|error| EnforceError::System(format!("the enforcer does not answer: {error}")))?;
        match reply.error {
            Some(text) => Err(EnforceError::System(text)),
            None => Ok(reply),
        }
    }

    pub fn status(&mut self) -> Result<Status, EnforceError> {
        let status = self.ask(Question::Status)?.status;
        status.ok_or_else(|| EnforceError::System("the enforcer's answer is not understood".to_owned()))
    }

    /// Whether the enforcer is still at the other end.
    pub fn is_there(&self) -> bool {
        let stream = self.stream.get_ref();
        if stream.set_nonblocking(true).is_err() {
            return false;
        }
        let read = { stream }.read(&mut [0; 1]);
        let there = matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).is_ok() && there
    }

    fn exchange(&mut self, question: Question) -> io::Result<Reply> {
        let mut text = serde_json::to_vec(&question)?;
        text.push(b'\n');
        self.stream.get_mut().write_all(&text)?;
        let mut line = String::new();
        if self.stream.by_ref().take(REPLY_OCTETS_MAX).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}
