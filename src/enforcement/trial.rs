//! A changed configuration tried out: the present table is kept aside, the new one applied, and unless somebody
//! confirms in time the table that was there before comes back.
//!
//! A running enforcer stands still meanwhile. If it dies, the trial goes on without it, and holds the one that comes
//! after it. Confirmations come over a socket, `trial.sock` in the state directory.

use super::desk::{Client, Done, HOLD_SECONDS_MAX, Question, configuration};
use super::kernel::{Aside, Kernel};
use super::settings::Settings;
use super::{EnforceError, apply_saved};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FILE_NAME: &str = "trial.sock";
/// Longest trial, seconds: the enforcer is held a little longer.
pub const SECONDS_MAX: u64 = 3_600;
/// How often it looks for a confirmation, and whether the enforcer is there.
const LOOK_UP: Duration = Duration::from_millis(100);
/// How long one who comes to confirm may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The old table is tried to be put back this often, a second apart.
const PUT_BACK_TRIES_MAX: u32 = 120;
const CONFIRM: &[u8] = b"confirm\n";
const CONFIRMED: &[u8] = b"confirmed\n";

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Confirmed {
        /// A running enforcer starts again with the new configuration.
        enforcer: bool,
    },
    Reverted {
        /// A running enforcer has the configuration that was not confirmed, and stands still.
        resting: bool,
    },
}

/// A trial that is on.
pub struct Trial {
    door: Door,
    kernel: Kernel,
    aside: Option<Aside>,
    enforcer: Option<Client>,
    tried: BTreeMap<String, String>,
    state_dir: PathBuf,
    end: Instant,
}

/// The socket for confirmations; taken away when dropped.
struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Door {
    fn open(state_dir: &Path) -> Result<Door, EnforceError> {
        let path = state_dir.join(FILE_NAME);
        if UnixStream::connect(&path).is_ok() {
            return Err(EnforceError::System(
                "another configuration is being tried; `headgate fw apply --confirmed` keeps it".to_owned(),
            ));
        }
        let _ = std::fs::remove_file(&path);
        let bound = UnixListener::bind(&path).and_then(|listener| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => Ok(Door { listener, path }),
            Err(error) => Err(EnforceError::System(format!("{}: {error}", path.display()))),
        }
    }

    /// One who came to confirm.
    fn confirming(&self) -> Option<UnixStream> {
        let (mut stream, _) = self.listener.accept().ok()?;
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let mut said = [0; CONFIRM.len()];
        stream.read_exact(&mut said).ok()?;
        (said == CONFIRM).then_some(stream)
    }
}

impl Trial {
    /// Applies the new configuration, in the calling thread's network namespace. After an error everything is as it
    /// was.
    pub fn begin(settings: &Settings, seconds: u64) -> Result<(Trial, Done), EnforceError> {
        let door = Door::open(&settings.state_dir)?;
        let mut trial = Trial {
            door,
            kernel: Kernel::open()?,
            aside: None,
            enforcer: None,
            tried: configuration(settings),
            state_dir: settings.state_dir.clone(),
            end: Instant::now() + Duration::from_secs(seconds.clamp(1, SECONDS_MAX)),
        };
        if let Some(mut client) = Client::connect(&trial.state_dir)? {
            client.ask(Question::Hold { seconds: HOLD_SECONDS_MAX })?;
            trial.enforcer = Some(client);
        }
        trial.aside = trial.kernel.keep_aside()?;
        // Classes of the old table stay, for its return.
        match apply_saved(settings, true) {
            Ok(done) => Ok((trial, done)),
            Err(error) => {
                trial.kernel.put_back(trial.aside.as_ref())?;
                Err(error)
            }
        }
    }

    /// Waits for the end, and brings the old table back if nobody confirmed.
    pub fn finish(mut self) -> Result<Outcome, EnforceError> {
        while Instant::now() < self.end {
            if let Some(mut stream) = self.door.confirming() {
                let outcome = self.confirmed();
                let _ = stream.write_all(CONFIRMED);
                return Ok(outcome);
            }
            self.keep_holding();
            std::thread::sleep(LOOK_UP);
        }
        self.revert()
    }

    /// An enforcer that came after the first one is held too.
    fn keep_holding(&mut self) {
        if self.enforcer.as_ref().is_some_and(Client::is_there) {
            return;
        }
        self.enforcer = None;
        if let Ok(Some(mut client)) = Client::connect(&self.state_dir)
            && client.ask(Question::Hold { seconds: HOLD_SECONDS_MAX }).is_ok()
        {
            self.enforcer = Some(client);
        }
    }

    fn confirmed(&mut self) -> Outcome {
        let Some(client) = &mut self.enforcer else { return Outcome::Confirmed { enforcer: false } };
        let same = client.status().is_ok_and(|status| status.configuration == self.tried);
        if !same {
            // It may be gone before its answer comes.
            let _ = client.ask(Question::Restart);
        }
        Outcome::Confirmed { enforcer: true }
    }

    fn revert(&mut self) -> Result<Outcome, EnforceError> {
        let mut resting = false;
        if let Some(client) = &mut self.enforcer {
            let _ = client.ask(Question::Count);
            resting = client.status().is_ok_and(|status| status.configuration == self.tried)
                && client.ask(Question::Rest).is_ok();
        }
        for _ in 1..PUT_BACK_TRIES_MAX {
            match self.kernel.put_back(self.aside.as_ref()) {
                Ok(()) => return Ok(Outcome::Reverted { resting }),
                Err(_) => std::thread::sleep(Duration::from_secs(1)),
            }
        }
        self.kernel.put_back(self.aside.as_ref())?;
        Ok(Outcome::Reverted { resting })
    }
}

/// Confirms the trial that is on. False: there is none.
pub fn confirm(state_dir: &Path) -> Result<bool, EnforceError> {
    let exchange = |mut stream: UnixStream| -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(CONFIRM)?;
        let mut said = [0; CONFIRMED.len()];
        stream.read_exact(&mut said)
    };
    match UnixStream::connect(state_dir.join(FILE_NAME)) {
        Ok(stream) => exchange(stream)
            .map(|()| true)
            .map_err(|error| EnforceError::System(format!("the trial does not answer: {error}"))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(false),
        Err(error) => Err(EnforceError::System(format!("the trial cannot be reached: {error}"))),
    }
}
