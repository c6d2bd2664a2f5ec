//! Sessions that their NAS has stopped speaking of (facts on RADIUS, 3.3: stale sessions).

use super::Operations;
use super::authorize::STALE_INTERVALS;
use crate::engine::session::CAUSE_LOST_SERVICE;
use crate::model::*;

/// Sessions ended in one look at most; the rest in the next one.
const ENDED_MAX: usize = 1_000;

impl Operations {
    /// Ends sessions whose NAS sent Interim-Updates and has been silent for three intervals. Silence before this
    /// server's start does not count, nor that of a NAS which sends none: there only a Stop, On or Off ends a session.
    /// A later record opens the session again. Gives how many were ended.
    pub fn end_silent_sessions(&self) -> usize {
        let now = self.clock.now();
        let silent_since = now.saturating_sub(self.rules.interim * STALE_INTERVALS);
        if silent_since < self.started {
            return 0;
        }
        let silent: Vec<SessionKey> = {
            let inner = self.directory.read();
            let sessions = inner.open_sessions().filter(|session| is_silent(session, silent_since));
            sessions.take(ENDED_MAX).map(|session| session.key.clone()).collect()
        };
        for key in &silent {
            tracing::info!(login = key.login, session = key.acct_session_id, "a silent session is ended");
            self.close_session(key, CAUSE_LOST_SERVICE);
        }
        silent.len()
    }
}

/// What a sighting opened is ended by its enforcer, which asks the subscriber.
fn is_silent(session: &Session, since: Timestamp) -> bool {
    session.key.origin() == SessionOrigin::Nas && session.session_seconds > 0 && session.updated < since
}
