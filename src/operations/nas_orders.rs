//! Orders to NASes: cut a session, tell it the speed again.

use super::Operations;
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

/// Acct-Terminate-Cause (RFC 2866 section 5.10: Admin Reset).
const CAUSE_ADMIN_RESET: u32 = 6;

/// What the CoA follower is asked to send.
#[derive(Debug)]
pub struct NasOrder {
    pub session: SessionKey,
    pub kind: NasOrderKind,
    pub reply: oneshot::Sender<NasAnswer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NasOrderKind {
    Disconnect,
    /// CoA with the attributes of the subscriber's standing now.
    Refresh,
}

/// How one order ended.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct NasAnswer {
    pub login: String,
    pub nas: String,
    pub session: String,
    /// The NAS acknowledged it.
    pub acknowledged: bool,
    pub result: String,
}

impl Operations {
    /// Ends a session that its NAS says it does not have: at once in presence, and in the ledger without waiting.
    pub fn close_session(&self, session: &SessionKey, terminate_cause: u32) {
        let at = self.clock.now();
        self.directory.close_session(session, at, terminate_cause);
        let command = Command::CloseSession { session: session.clone(), at, terminate_cause };
        if let Err(rejected) = self.writer.submit(command, Actor::system()) {
            tracing::warn!(%rejected, ?session, "a session was not ended in the ledger");
        }
    }

    /// Remembers over restarts that a NAS signs its requests; does not wait.
    pub fn nas_signs_requests(&self, nas: NasId) {
        if let Err(rejected) = self.writer.submit(Command::NasSignsRequests(nas), Actor::system()) {
            tracing::warn!(%rejected, %nas, "it is not remembered that this NAS sends Message-Authenticator");
        }
    }

    /// Sends Disconnect for every session of a subscriber, or CoA with what it should have.
    pub async fn order(&self, who: &str, kind: NasOrderKind) -> Result<Vec<NasAnswer>, Rejected> {
        let entry = self.subscriber(who)?;
        let sessions: Vec<SessionKey> =
            self.directory.read().sessions_of(entry.id()).map(|session| session.key.clone()).collect();
        if sessions.is_empty() {
            let login = &entry.view.subscriber.login;
            return Err(Refusal::new("no-session", format!("{login} has no open session")).into());
        }
        let mut answers = Vec::with_capacity(sessions.len());
        let mut results = Vec::with_capacity(sessions.len());
        for session in sessions {
            if session.origin() == SessionOrigin::Sighting {
                results.push(self.order_here(&session, kind));
                continue;
            }
            let (reply, answer) = oneshot::channel();
            let order = NasOrder { session, kind, reply };
            self.nas_orders
                .try_send(order)
                .map_err(|_| Rejected::Later("too many orders to NASes are waiting".into()))?;
            answers.push(answer);
        }
        for answer in answers {
            results.push(answer.await.map_err(|_| Rejected::Unknown)?);
        }
        Ok(results)
    }

    /// A session that an enforcer's sighting opened is ended here; what it has, the enforcer learns from the feed.
    fn order_here(&self, session: &SessionKey, kind: NasOrderKind) -> NasAnswer {
        let result = match kind {
            NasOrderKind::Disconnect => {
                self.close_session(session, CAUSE_ADMIN_RESET);
                "ended; its next packet logs it in again"
            }
            NasOrderKind::Refresh => "the enforcer follows the feed",
        };
        NasAnswer {
            login: session.login.clone(),
            nas: String::new(),
            session: session.acct_session_id.clone(),
            acknowledged: true,
            result: result.to_owned(),
        }
    }
}
