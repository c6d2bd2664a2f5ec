//! How the server is.

use super::Operations;
use crate::engine::FeesHeld;
use crate::model::Day;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Events since the start. Names follow RFC 4669 and RFC 4671 where those have one.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl Counters {
            /// Every counter with its name, for `status` and metrics.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    access_requests,
    access_accepts,
    access_rejects,
    /// Not answered, because too many rejects or password checks were waiting.
    access_requests_dropped,
    accounting_requests,
    accounting_responses,
    status_server_requests,
    /// Answered from the stored answer, or dropped because the first is still in work (RFC 5080 2.2.2).
    duplicate_requests,
    /// From an address that is no NAS.
    unknown_nas_packets,
    malformed_packets,
    bad_authenticators,
    unknown_type_packets,
    /// Not recorded, so not answered.
    accounting_dropped,
    coa_acknowledged,
    coa_refused,
    coa_unanswered,
    /// Of enforcers, taken.
    reports,
    /// Subscribers that a sighting logged in.
    ipoe_logins,
    /// Sources that an enforcer saw and that are nobody's.
    ipoe_strangers,
    /// Sessions ended because the subscriber no longer answered.
    ipoe_silent,
    /// Of payment operators.
    payment_calls,
    payment_calls_refused,
    system_api_requests,
    system_api_refused,
    /// Requests to the management door without a right token.
    management_refused,
    payments,
    payment_repeats,
}

impl Counters {
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// `status --json`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Status {
    pub version: &'static str,
    pub started: String,
    pub uptime_seconds: u64,
    pub revision: String,
    pub subscribers: usize,
    pub addresses: usize,
    pub sessions: usize,
    pub nas: Vec<NasStatus>,
    /// Who follows the feed, by name.
    pub followers: Vec<super::FollowerStatus>,
    pub fees: FeesLine,
    /// Events for webhooks and commands, by target; none where the store cannot be asked.
    pub outbox: Vec<super::OutboxTargetLine>,
    /// Commands waiting for the writer.
    pub queue: usize,
    /// Batches of the spool waiting for the writer.
    pub spool_batches: usize,
    pub counters: std::collections::BTreeMap<&'static str, u64>,
}

/// Where the fees stand.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FeesLine {
    /// The last day that everybody has been charged for.
    pub through: Option<Day>,
    /// Why later days are not charged: `clock-not-synchronised`, `gap-too-long`.
    pub held: Option<FeesHeld>,
    /// After an outage: when shortages take effect again.
    pub outage_until: Option<String>,
    /// Everybody is let through since then.
    pub panic_since: Option<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct NasStatus {
    pub name: String,
    pub address: String,
    pub sessions: usize,
    /// It has sent a valid Message-Authenticator; one is demanded from then on.
    pub sends_message_authenticator: bool,
}

impl Operations {
    /// Asks the store for the outbox: call from a thread that may block.
    pub fn status(&self) -> Status {
        let now = self.clock.now();
        let inner = self.directory.read();
        let nas = inner
            .nases()
            .map(|entry| NasStatus {
                name: entry.nas.name.clone(),
                address: super::search::address_text(entry.nas.address),
                sessions: inner
                    .open_sessions()
                    .filter(|session| inner.nas_id_of_session(session) == Some(entry.nas.id))
                    .count(),
                sends_message_authenticator: entry.sends_message_authenticator.load(Ordering::Relaxed),
            })
            .collect();
        let fees = self.writer.fees_status();
        let (queue, spool_batches) = self.writer.depth();
        let (subscribers, addresses, sessions) =
            (inner.subscriber_count(), inner.address_count(), inner.open_session_count());
        drop(inner);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            started: self.time(self.started),
            uptime_seconds: now.since(self.started).as_secs(),
            revision: self.directory.cursor().to_string(),
            subscribers,
            addresses,
            sessions,
            nas,
            followers: self.follower_status(),
            fees: FeesLine {
                through: fees.through,
                held: fees.held,
                outage_until: fees.outage_until.map(|at| self.time(at)),
                panic_since: fees.panic_since.map(|at| self.time(at)),
            },
            outbox: self.outbox_targets().unwrap_or_default(),
            queue,
            spool_batches,
            counters: self.counters.all().into_iter().collect(),
        }
    }
}
