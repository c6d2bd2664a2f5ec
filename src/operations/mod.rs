//! Use cases: what every door, page and command of the product calls. One file each.
//!
//! An operation resolves names in the directory, makes one [`Command`] for the writer or reads published state, and
//! gives a value that serializes. It never sees a page, a packet or SQL.

mod accounting;
mod authorize;
mod caller;
mod calls;
mod closing;
mod corrections;
mod cuts;
mod events;
mod exchange;
mod feed;
mod filter;
mod followers;
mod journal;
mod lists;
mod load;
pub mod methods;
mod money;
mod nas_orders;
mod objects;
mod outbox;
mod payee;
mod payment_calls;
mod postings;
mod principal;
mod reconcile;
mod record;
mod report;
mod search;
mod self_service;
mod silence;
mod staff;
mod statement;
mod status;
mod terms;
mod who_had;
mod why;

pub use accounting::{
    ACCOUNTING_OPERATOR, AccountCard, AccountQuery, FinKind, FinOperation, FinQuery, NewAccount,
};
pub use authorize::{Accepted, Authorization, LoginRequest, Proof, RadiusRules};
pub use caller::Caller;
pub use calls::CallStatus;
pub use closing::{ActRow, ActRowLine, MonthClosed};
pub use corrections::Answered;
pub use cuts::CutRow;
pub use events::{EventKind, EventQuery, EventRow};
pub use exchange::{CancelledPayment, OrderRow, PaymentFate};
pub use feed::FeedRequest;
pub use filter::{Facts, Filter};
pub use followers::{Follower, FollowerStatus, Followers};
pub use journal::{DayOfOperator, DayOfRevenue, PaymentQuery, PaymentRow, TotalsPage, TotalsQuery};
pub use lists::{PaymentsPage, SessionsPage, SubscriberLine, SubscribersPage, SubscribersQuery};
pub use money::{PaidPayment, PaymentInput};
pub use nas_orders::{NasAnswer, NasOrder, NasOrderKind};
pub use objects::{ObjectDone, PasswordSet};
pub use outbox::{OutboxChoice, OutboxLine, OutboxQuery, OutboxSent, OutboxTargetLine, OutboxTouched};
pub use payee::Payee;
pub use payment_calls::{KeptCall, PaymentCall, PaymentCalls};
pub use postings::{BooksCheck, LedgerLine, LedgerPage, LedgerQuery};
pub use principal::Principal;
pub use reconcile::{BadLine, Counts, Difference, Reconciliation, RegistryRequest, Total};
pub use record::{Record, Recorder, RecorderFull, replay_until_stopped};
pub use report::{ReportError, Reports};
pub use search::{FoundRow, SessionRow};
pub use staff::{KeyInput, KeyMade, NewPassword, RoleRow, StaffDone, StaffInput, StaffLogins, StaffRow};
pub use statement::{Statement, StatementLine, SumOfKind};
pub use status::{Counters, Status};
pub use terms::{PlanChange, PlanFor, PlanInput, PlanRow};
pub use who_had::{Holder, WhoHad, WhoHadQuery};
pub use why::{CheckResult, Ladder, Step};

use crate::directory::{Directory, Found, LookupError};
use crate::engine::Settings;
use crate::model::*;
use crate::storage::Reader;
use crate::writer::{Rejected, WriterHandle};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Everything that operations work on; shared by all doors.
pub struct Operations {
    pub directory: Arc<Directory>,
    pub writer: WriterHandle,
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
    pub rules: RadiusRules,
    pub counters: Arc<Counters>,
    /// Guards of the server's own ports, for enforcers. Whoever changes them wakes the feed's followers.
    pub ports: watch::Sender<PortRules>,
    /// Who follows the feed, and how far.
    pub followers: Followers,
    /// What payment operators asked lately.
    pub payment_calls: PaymentCalls,
    /// Orders to NASes, carried out by the CoA follower.
    pub nas_orders: mpsc::Sender<NasOrder>,
    /// What logins of the staff share.
    pub staff_logins: Arc<StaffLogins>,
    pub started: Timestamp,
}

/// Which ports the server listens on and who may come, for the feed.
#[derive(Clone, Debug, Default)]
pub struct PortRules {
    /// UDP ports that only NASes may reach.
    pub nas_udp: Vec<u16>,
    /// TCP ports with the sources that the configuration allows.
    pub tcp: Vec<(u16, Vec<ipnet::IpNet>)>,
}

impl Operations {
    /// Whom a WHO means, or the refusal that says why nobody.
    pub fn who(&self, who: &str) -> Result<Found, Refusal> {
        self.directory.read().find_who(who).map_err(|error| lookup_refusal(who, &error))
    }

    /// The one subscriber that a WHO means; a contract with several logins is ambiguous.
    pub fn subscriber(&self, who: &str) -> Result<Arc<crate::directory::Entry>, Refusal> {
        let found = self.who(who)?;
        if let Some(entry) = found.subscriber {
            return Ok(entry);
        }
        let logins: Vec<String> = found.mates.iter().map(|m| m.view.subscriber.login.clone()).collect();
        Err(match logins.as_slice() {
            [] => Refusal::new("no-subscriber", format!("contract {who} has no login")),
            several => lookup_refusal(who, &LookupError::Several(several.to_vec())),
        })
    }

    /// Money as text in the ledger's currency.
    pub fn money(&self, amount: Money) -> String {
        amount.to_decimal(self.settings.currency_digits)
    }

    /// A moment as text in the server's time zone: `2026-04-06 14:20:00`.
    pub fn time(&self, at: Timestamp) -> String {
        self.time_as(at, "%Y-%m-%d %H:%M:%S")
    }

    /// The same as a format of strftime says; one that says nothing sensible gives microseconds.
    pub fn time_as(&self, at: Timestamp, format: &str) -> String {
        let written = jiff::Timestamp::from_microsecond(at.micros()).and_then(|moment| {
            jiff::fmt::strtime::format(format, &moment.to_zoned(self.settings.time_zone.clone()))
        });
        written.unwrap_or_else(|_| at.micros().to_string())
    }
}

/// Runs what asks the store, away from the threads that serve sockets.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
) -> Result<T, Rejected> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Rejected::Unknown))
}

fn lookup_refusal(who: &str, error: &LookupError) -> Refusal {
    match error {
        LookupError::Nobody => Refusal::new(
            "not-found",
            format!("{who:?} is no contract number, login, address or MAC of a subscriber"),
        ),
        LookupError::Several(logins) => {
            Refusal::new("ambiguous", format!("{who:?} means several: {}", logins.join(", ")))
        }
    }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Rejected {
        Rejected::Refused(refusal)
    }
}

#[cfg(test)]
mod tests;
