//! Two deliberate faults, so that the test which kills the server is known to find such faults (docs/development.md).
//!
//! Only development builds have them: this module and every line that names it stand behind `cfg(debug_assertions)`,
//! which a release build has not; a test of the sources looks at that. A server has a fault only when it is started with
//! `HEADGATE_MUTANT` in its environment, and says so in its log.

use super::queue::{Job, Rejected};
use crate::model::{Change, Outcome, Refusal};

type Ruling = Result<Outcome, Refusal>;

/// The fault that this process was started with; in earnest: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutant {
    None,
    /// Callers are answered when their commands are decided, not when they are committed.
    ReplyBeforeCommit,
    /// What was paid is not remembered and not looked up. The test takes the key from the table itself.
    NoUniqueKey,
}

impl Mutant {
    pub fn of_this_process() -> Mutant {
        let mutant = match std::env::var("HEADGATE_MUTANT").as_deref() {
            Ok("reply-before-commit") => Mutant::ReplyBeforeCommit,
            Ok("no-unique-key") => Mutant::NoUniqueKey,
            _ => return Mutant::None,
        };
        tracing::error!(?mutant, "this server has a deliberate fault; it is for a test");
        mutant
    }

    /// Answers the callers now, if that is the fault; what is left to answer after the commit.
    pub fn answer_early(self, jobs: Vec<Job>, answers: Vec<Ruling>) -> (Vec<Job>, Vec<Ruling>) {
        if self != Mutant::ReplyBeforeCommit {
            return (jobs, answers);
        }
        for (job, answer) in jobs.into_iter().zip(answers) {
            let _ = job.reply.send(answer.map_err(Rejected::Refused));
        }
        // Long enough for some of the kills to fall in between.
        std::thread::sleep(std::time::Duration::from_millis(5));
        (Vec::new(), Vec::new())
    }

    /// Whether the state is not told of this change.
    pub fn forgets(self, change: &Change) -> bool {
        self == Mutant::NoUniqueKey && matches!(change, Change::Payment(_))
    }

    /// Whether the store is not asked what was paid before.
    pub fn asks_nobody(self) -> bool {
        self == Mutant::NoUniqueKey
    }
}
