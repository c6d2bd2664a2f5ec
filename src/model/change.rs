//! What a command changed, for the store and the directory.

use super::{
    Account, AccountState, Act, ApiKey, ApiKeyId, Assignment, AssignmentKind, AuditEntry, BooksState, Budget,
    FeeState, Group, LedgerAccount, Meter, Nas, OutboxChange, OutboxItem, Package, PackageHolding, Payment,
    PaymentKey, PaymentOrder, Pending, Plan, Pool, PoolGrant, RatingDocument, RememberedAnswer, Role,
    SecretHash, Service, Session, SpoolPosition, Staff, StaffSession, Subscriber, SubscriberId, SyncMark,
    Timestamp, Transfer,
};
use ipnet::IpNet;

/// One change of the state. A batch of them is written in one transaction, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Group(Group),
    Plan(Plan),
    Pool(Pool),
    Nas(Nas),
    Account(Account),
    /// Boxed: changes are moved about in their thousands, and this one is twice as large as the next.
    Subscriber(Box<Subscriber>),
    LedgerAccount(LedgerAccount),
    /// Appended; both balances move with it.
    Transfer(Transfer),
    /// Inserted under its key, which must be new.
    Payment(Payment),
    /// Inserted or replaced under its key.
    Session(Session),
    PoolGrant(PoolGrant),
    /// A payment was taken back.
    PaymentReversed(PaymentKey),
    Service(Service),
    Package(Package),
    /// Inserted or replaced under its key.
    Holding(PackageHolding),
    FeeState(FeeState),
    AccountState(AccountState),
    Meter(Meter),
    /// Inserted, or replaced when it is renewed, taken up by a session, or resolved.
    Pending(Pending),
    Budget(Budget),
    RatingDocument(RatingDocument),
    /// Appended; its number and its (account, month) must be new.
    Act(Act),
    Books(BooksState),
    /// Inserted under its key, which must be new.
    Answer(RememberedAnswer),
    /// Answers given before this moment are forgotten.
    ForgetAnswers(Timestamp),
    Audit(AuditEntry),
    Role(Role),
    Staff(Box<Staff>),
    ApiKey(ApiKey),
    ApiKeyRevoked(ApiKeyId),
    StaffSession(StaffSession),
    /// Closed, expired, or ended with its account.
    StaffSessionEnded(SecretHash),
    /// Inserted or replaced under its key.
    Order(PaymentOrder),
    /// Inserted or replaced under its kind and id.
    SyncMark(SyncMark),
    /// A subscriber has an address from now on. For the history alone, as the next: what is configured now stands in the
    /// subscriber itself.
    AddressAssigned(Assignment),
    AddressWithdrawn {
        prefix: IpNet,
        kind: AssignmentKind,
        subscriber: SubscriberId,
        at: Timestamp,
    },
    /// An event for a target. Its number must be new for it.
    Event(OutboxItem),
    Outbox(OutboxChange),
    /// How far an edge's spool has been taken in.
    EdgePosition {
        edge: String,
        position: SpoolPosition,
    },
}
