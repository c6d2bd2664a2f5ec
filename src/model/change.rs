//! What a command changed, for the store and the directory.

use super::{
    Account, Group, LedgerAccount, Nas, Payment, Plan, Pool, PoolGrant, Session, SpoolPosition, Subscriber,
    Transfer,
};

/// One change of the state. A batch of them is written in one transaction, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Group(Group),
    Plan(Plan),
    Pool(Pool),
    Nas(Nas),
    Account(Account),
    Subscriber(Subscriber),
    LedgerAccount(LedgerAccount),
    /// Appended; both balances move with it.
    Transfer(Transfer),
    /// Inserted under its key, which must be new.
    Payment(Payment),
    /// Inserted or replaced under its key.
    Session(Session),
    PoolGrant(PoolGrant),
    /// How far an edge's spool has been taken in.
    EdgePosition {
        edge: String,
        position: SpoolPosition,
    },
}
