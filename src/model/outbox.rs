//! The outbox: events for other programs, written down with what caused them and delivered later.

use super::{AccountId, SubscriberId, Timestamp, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What happened. The words are the `type` of an event (docs/notifications.md) and stand in databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    Payment,
    PaymentReversed,
    /// What a fiscal receipt is made of: for each payment, and for each that was taken back.
    Receipt,
    BalanceNegative,
    BalancePositive,
    State,
    PlanChanged,
    SessionStart,
    SessionStop,
    NoticeSms,
    NoticeEmail,
    /// Sent when an operator asks for it, to any target.
    Test,
}

impl EventKind {
    pub const ALL: [EventKind; 12] = [
        EventKind::Payment,
        EventKind::PaymentReversed,
        EventKind::Receipt,
        EventKind::BalanceNegative,
        EventKind::BalancePositive,
        EventKind::State,
        EventKind::PlanChanged,
        EventKind::SessionStart,
        EventKind::SessionStop,
        EventKind::NoticeSms,
        EventKind::NoticeEmail,
        EventKind::Test,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Payment => "payment",
            EventKind::PaymentReversed => "payment.reversed",
            EventKind::Receipt => "receipt",
            EventKind::BalanceNegative => "balance.negative",
            EventKind::BalancePositive => "balance.positive",
            EventKind::State => "state",
            EventKind::PlanChanged => "plan.changed",
            EventKind::SessionStart => "session.start",
            EventKind::SessionStop => "session.stop",
            EventKind::NoticeSms => "notice.sms",
            EventKind::NoticeEmail => "notice.email",
            EventKind::Test => "test",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = ();

    fn from_str(word: &str) -> Result<EventKind, ()> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventKinds(u16);

impl EventKinds {
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    pub fn insert(&mut self, kind: EventKind) {
        self.0 |= kind.bit();
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn union(self, other: EventKinds) -> EventKinds {
        EventKinds(self.0 | other.0)
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> EventKinds {
        let mut set = EventKinds::default();
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

/// Who is told of what (`[notify]`). Without targets no event is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRules {
    pub targets: Vec<EventTarget>,
    pub texts: NoticeTexts,
    /// Minutes from midnight at which notices are decided.
    pub notice_at: u16,
}

/// Where events of some kinds go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTarget {
    pub name: Arc<str>,
    pub kinds: EventKinds,
}

impl EventRules {
    /// Every kind that somebody is told of.
    pub fn kinds(&self) -> EventKinds {
        self.targets.iter().fold(EventKinds::default(), |all, target| all.union(target.kinds))
    }
}

impl Default for EventRules {
    fn default() -> EventRules {
        EventRules { targets: Vec::new(), texts: NoticeTexts::default(), notice_at: 12 * 60 }
    }
}

/// Texts of the notice before a cut, with the places `{contract}`, `{name}`, `{sum}`, `{missing}`, `{balance}`, `{date}`,
/// `{days}` and `{currency}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeTexts {
    pub subject: String,
    pub text: String,
    /// Of `{date}`, as strftime(3) has it.
    pub date_format: String,
    /// ISO 4217 code of the ledger's currency.
    pub currency: String,
}

impl Default for NoticeTexts {
    fn default() -> NoticeTexts {
        NoticeTexts {
            subject: String::new(),
            text: String::new(),
            date_format: "%Y-%m-%d".to_owned(),
            currency: "RUB".to_owned(),
        }
    }
}

/// One event for one target, to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// Events are numbered from 1 upwards.
    pub event: i64,
    pub target: Arc<str>,
    pub kind: EventKind,
    /// Whose events go out in order.
    pub account: Option<AccountId>,
    pub at: Timestamp,
    /// JSON, as it is sent.
    pub body: Arc<str>,
}

impl OutboxItem {
    /// `webhook-id`: the same for every target and every attempt. With the moment in it, because a database brought
    /// back from a backup gives its numbers again.
    pub fn id(event: i64, at: Timestamp) -> String {
        format!("evt_{event}_{}", at.micros())
    }
}

/// Names an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutboxKey {
    pub event: i64,
    pub target: String,
}

/// What has become of an item. The words stand in databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// To be delivered.
    Pending,
    Done,
    /// A dead letter: it is not tried again unless an operator says so.
    Failed,
    /// An operator does not want it delivered.
    Dropped,
}

/// What an attempt at an item, or an operator, has made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub key: OutboxKey,
    pub state: DeliveryState,
    /// Attempts made since it was written or last put back.
    pub attempts: u32,
    /// When it is tried next, while it is pending; else when that was over.
    pub at: Timestamp,
    /// Why the last attempt failed; empty when it did not.
    pub error: String,
}

/// A target to which nothing is sent until an operator enables it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisabledTarget {
    pub name: String,
    pub since: Timestamp,
    pub note: String,
}

/// What others were last told of how a subscriber stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub subscriber: SubscriberId,
    pub verdict: Verdict,
}

/// A change of the outbox beside new items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxChange {
    /// Of an item that is pending; any other is left as it is.
    Delivered(Delivery),
    /// Pending again, with all its attempts, unless it is pending.
    Replayed {
        key: OutboxKey,
        at: Timestamp,
    },
    /// Not delivered, if it was not.
    Dropped {
        key: OutboxKey,
        at: Timestamp,
    },
    Forgotten(OutboxKey),
    Disabled(DisabledTarget),
    Enabled(String),
    Told(Told),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own_that_reads_back() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("payments".parse::<EventKind>().is_err());
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let set: EventKinds = [EventKind::Payment, EventKind::Test].into_iter().collect();
        let held = EventKind::ALL.into_iter().filter(|kind| set.contains(*kind));
        assert_eq!(held.collect::<Vec<_>>(), [EventKind::Payment, EventKind::Test]);
        assert!(EventKinds::default().is_empty() && !set.is_empty());
    }
}
