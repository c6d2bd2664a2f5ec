//! Money that a session on a plan with usage prices holds (rules.md, Usage).

use super::{AccountId, Mac, Money, NasId, SubscriberId, Timestamp};
use serde::{Deserialize, Serialize};

/// A reservation as it was granted at a login: in memory, then in the spool, then a pending transfer of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub subscriber: SubscriberId,
    /// Whose money it is.
    pub account: AccountId,
    pub nas: NasId,
    /// The device; a login of the same one takes the place of its last.
    pub mac: Option<Mac>,
    /// More than zero.
    pub amount: Money,
    /// Unique among the reservations of a subscriber.
    pub at: Timestamp,
    /// Not renewed by then, it is void.
    pub expires: Timestamp,
}

impl Reservation {
    /// What all reservations of a subscriber begin with.
    pub fn prefix_of(subscriber: SubscriberId) -> String {
        format!("reservation:{subscriber}:")
    }

    /// What those of its logins at a NAS begin with that no session has taken up yet.
    pub fn prefix_of_logins(subscriber: SubscriberId, nas: NasId) -> String {
        format!("{}{nas}:login:", Reservation::prefix_of(subscriber))
    }

    /// The same for one device.
    pub fn prefix_of_device(subscriber: SubscriberId, nas: NasId, mac: Mac) -> String {
        format!("{}{mac}:", Reservation::prefix_of_logins(subscriber, nas))
    }

    /// The reference of its pending transfer until a session takes it up.
    pub fn reference(&self) -> String {
        let mac = self.mac.map_or_else(|| "-:".to_owned(), |mac| format!("{mac}:"));
        format!("{}{mac}{:020}", Reservation::prefix_of_logins(self.subscriber, self.nas), self.at.micros())
    }

    /// The reference of what a session holds.
    pub fn reference_of_session(subscriber: SubscriberId, nas: NasId, acct_session_id: &str) -> String {
        format!("{}{nas}:session:{acct_session_id}", Reservation::prefix_of(subscriber))
    }
}
