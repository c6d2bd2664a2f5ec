//! What the enforcer answers at its desk, and the same done once from the saved state where none runs.

use super::{Ended, EnforceError, Gate, Outlets, rtnetlink};
use crate::enforcement::desk::{self, Asked, Done, HOLD_SECONDS_MAX, Question, Reply, Status};
use crate::enforcement::difference::{Difference, of_sets};
use crate::enforcement::kernel::{Finding, Kernel};
use crate::enforcement::resolver::Garden;
use crate::enforcement::saved;
use crate::enforcement::settings::Settings;
use crate::enforcement::wanted::diff;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Classes that are mended before the answer; the others follow.
const CLASSES_MAX: usize = 256;

/// What the enforcer was started with, for those who ask.
#[derive(Clone, Debug, Default)]
pub(super) struct Started {
    configuration: BTreeMap<String, String>,
    ports_only: bool,
}

impl Started {
    pub fn with(settings: &Settings) -> Started {
        Started { configuration: desk::configuration(settings), ports_only: settings.ports_only }
    }
}

/// Whether the kernel is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hold {
    #[default]
    None,
    Until(Instant),
    /// Until it is started again.
    Rest,
}

impl Gate {
    /// True: the kernel is not to be touched now.
    pub fn stands_still(&mut self) -> bool {
        match self.hold {
            Hold::None => false,
            Hold::Rest => true,
            Hold::Until(end) if Instant::now() < end => true,
            Hold::Until(_) => {
                tracing::warn!("was held too long; goes on");
                self.let_go();
                false
            }
        }
    }

    /// Whoever held it is gone.
    pub fn let_go(&mut self) {
        if self.hold != Hold::Rest {
            self.hold = Hold::None;
            self.next_look = Instant::now();
            self.shaping.look_soon();
        }
    }

    pub fn answer(&mut self, asked: &Asked) {
        let reply = match self.reply(asked.question) {
            Ok(reply) => reply,
            Err(error) => Reply::refused(error),
        };
        // Whoever asked may have gone.
        let _ = asked.reply.try_send(reply);
    }

    fn reply(&mut self, question: Question) -> Result<Reply, EnforceError> {
        match question {
            Question::Status => return Ok(Reply { status: Some(self.status()), ..Reply::default() }),
            Question::Hold { seconds } => {
                if matches!(self.hold, Hold::Until(_)) {
                    return Ok(Reply::refused("somebody else holds the enforcer"));
                }
                self.count_now()?;
                let seconds = Duration::from_secs(seconds.min(HOLD_SECONDS_MAX));
                self.hold = Hold::Until(Instant::now() + seconds);
                tracing::warn!("asked to stand still for {} s at most", seconds.as_secs());
            }
            Question::Count => self.count_now()?,
            Question::Rest => {
                self.hold = Hold::Rest;
                tracing::error!(
                    "the configuration was not confirmed: the kernel is left alone until a restart"
                );
            }
            Question::Restart => self.ended = Some(Ended::Restart),
            Question::Diff | Question::Apply if !self.known => {
                return Ok(Reply::refused("the enforcer knows no state yet: no server has answered it"));
            }
            Question::Diff => {
                return Ok(Reply { difference: Some(self.difference()?), ..Reply::default() });
            }
            Question::Apply if self.stands_still() => {
                return Ok(Reply::refused("the enforcer stands still: another configuration is being tried"));
            }
            Question::Apply => {
                return Ok(Reply { done: Some(self.apply_now(CLASSES_MAX, true)?), ..Reply::default() });
            }
        }
        Ok(Reply::default())
    }

    fn status(&mut self) -> Status {
        Status {
            pid: std::process::id(),
            namespace: desk::namespace(),
            configuration: self.started.configuration.clone(),
            ports_only: self.started.ports_only,
            known: self.known,
            still: self.stands_still(),
            cursor: self.wanted.cursor.clone(),
            addresses: self.wanted.entries().count(),
        }
    }

    fn count_now(&mut self) -> Result<(), EnforceError> {
        let book = &mut self.book;
        if self.kernel.counters(|reading| book.take(&reading))? {
            self.book.end_round();
        }
        self.tell_counted();
        Ok(())
    }

    /// Compares and changes nothing.
    fn difference(&mut self) -> Result<Difference, EnforceError> {
        let skeleton = self.skeleton();
        let mut difference = Difference::default();
        if skeleton.is_empty() {
            if self.kernel.is_there()? {
                difference.table = Some("it is there, and nothing is to be filtered or guarded".to_owned());
            }
        } else {
            let present = match self.kernel.inspect(&skeleton)? {
                Finding::Absent => None,
                Finding::Whole(present) => Some(present),
                Finding::Damaged(damage) => {
                    difference.table = Some(damage);
                    Some(self.kernel.contents(&skeleton.sets)?)
                }
            };
            match present {
                None => difference.table = Some("there is none".to_owned()),
                Some(present) => difference.sets = of_sets(&diff(self.wanted.sets(), &present), &present),
            }
        }
        difference.devices = self.shaping.differences().map_err(rtnetlink)?;
        Ok(difference)
    }

    /// Mends table and classes now. `remove`: classes that nobody wants too.
    fn apply_now(&mut self, classes_max: usize, remove: bool) -> Result<Done, EnforceError> {
        let (mut done, mut left) = self.shaping.mend(classes_max, false).map_err(rtnetlink)?;
        let table = self.reconcile()?;
        self.looked = Instant::now();
        if remove {
            let (removed, others) = self.shaping.mend(classes_max, true).map_err(rtnetlink)?;
            done.add(removed);
            left = others;
            self.shaping.after_elements().map_err(rtnetlink)?;
        }
        let mut classes = Some(done.to_string()).filter(|_| !done.is_nothing());
        if left > 0 {
            classes = Some(format!("{done}, {left} follow"));
        }
        if let Some(table) = &table {
            tracing::warn!("applied at the desk's wish: {table}");
        }
        Ok(Done { table, classes })
    }

    /// The saved state, taken up with nobody following; an error where there is none of use.
    fn from_saved(settings: &Settings) -> Result<Gate, EnforceError> {
        settings.check()?;
        let mut gate = Gate::open(settings, Outlets::default(), None)?;
        let directory = settings.state_dir.display();
        let saved =
            saved::read_file(&settings.state_dir, &gate.purpose, &mut gate.shaping).map_err(|why| {
                EnforceError::System(format!("the saved state in {directory} is of no use: {why}"))
            })?;
        gate.wanted = saved.ok_or_else(|| {
            EnforceError::System(format!("no enforcer runs, and there is no saved state in {directory}"))
        })?;
        gate.known = true;
        let garden = Garden::new(&settings.walled_garden, gate.wanted.walled());
        gate.wanted.take_walled(&garden.nets());
        Ok(gate)
    }
}

/// The saved state against the kernel, in the calling thread's network namespace; changes nothing.
pub fn compare_saved(settings: &Settings) -> Result<Difference, EnforceError> {
    Gate::from_saved(settings)?.difference()
}

/// Makes the kernel as the saved state says. `keep_classes`: none is removed.
pub fn apply_saved(settings: &Settings, keep_classes: bool) -> Result<Done, EnforceError> {
    Gate::from_saved(settings)?.apply_now(usize::MAX, !keep_classes)
}

/// Whether this process may change nf_tables here.
pub fn may_enforce() -> Result<(), EnforceError> {
    Kernel::open()?.is_there().map(drop).map_err(EnforceError::from)
}
