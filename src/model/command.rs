//! What the ledger can be asked to do.

use super::{
    AccountId, ActLine, DataFile, Day, Delivery, DisabledTarget, ExchangeCommand, Money, Month, NasId,
    OutboxKey, PaymentKey, PlanId, SessionKey, SpoolEntry, SpoolPosition, StaffRequest, SubscriberId,
    Timestamp, TransferId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who asks, for the audit and the postings: `cli:root`, `osmp`, `system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

impl Actor {
    pub fn system() -> Actor {
        Actor("system".to_owned())
    }
}

/// A request to the one writer. All but a charge may be repeated without a second effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Take a payment (rules.md, Payments).
    Pay(PaymentRequest),
    /// Take money for something that was said by hand.
    Charge {
        account: AccountId,
        sum: Money,
        text: String,
    },
    Block {
        subscriber: SubscriberId,
        reason: String,
    },
    Unblock {
        subscriber: SubscriberId,
    },
    /// Load a data file, all or nothing.
    Load {
        file: Box<DataFile>,
        options: LoadOptions,
    },
    /// Entries of an edge's spool, in order; those at or before the stored position are skipped.
    Replay {
        edge: String,
        entries: Vec<(SpoolPosition, SpoolEntry)>,
    },
    /// End a session that no record ended: its NAS does not know it any more.
    CloseSession {
        session: SessionKey,
        at: Timestamp,
        terminate_cause: u32,
    },
    /// This NAS has sent a valid Message-Authenticator for the first time.
    NasSignsRequests(NasId),
    /// Moments have come: a day's fees, the end of a promise or a pause, a heartbeat.
    Clock {
        /// The machine's clock says that it is right; no fees are charged otherwise.
        synchronised: bool,
    },
    Correction(CorrectionCommand),
    Terms(TermsCommand),
    Closing(ClosingCommand),
    Calls(CallCommand),
    Staff(Box<StaffRequest>),
    Outbox(OutboxCommand),
    Objects(ObjectCommand),
    Exchange(ExchangeCommand),
}

/// One object of a data file, and the end of one.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectCommand {
    /// Make what the one row names; refused where it is there.
    Add(Box<DataFile>),
    /// Change what the one row names; refused where it is not there.
    Set(Box<DataFile>),
    /// No access and no addresses from now on; what was stays.
    CloseSubscriber(SubscriberId),
    /// A contract that is over: refused while it has money, debts or an open login.
    CloseAccount(AccountId),
    /// It was closed by mistake.
    ReopenAccount(AccountId),
}

/// Money moved by hand. Nothing is edited: each is a new transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorrectionCommand {
    /// Take a transfer back, once.
    Reverse { transfer: TransferId, reason: String },
    /// Put a balance right; less than zero takes money.
    Correct { account: AccountId, sum: Money, text: String },
    /// Give money back to the subscriber.
    Refund { account: AccountId, sum: Money, text: String },
    /// Between two contracts.
    Move { from: AccountId, to: AccountId, sum: Money, text: String },
    /// Set the credit limit.
    Credit { account: AccountId, limit: Money, until: Option<Timestamp> },
}

/// What is agreed with a subscriber, and what an operator decides about cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsCommand {
    /// Take a promised payment; the configured sum and days where none are given.
    Promise {
        account: AccountId,
        sum: Option<Money>,
        days: Option<i32>,
    },
    Pause {
        subscriber: SubscriberId,
        from: Day,
        to: Day,
    },
    /// End a pause today, or take back one that has not begun.
    Resume {
        subscriber: SubscriberId,
    },
    /// Change the plan of these, all or none.
    Plan {
        subscribers: Vec<SubscriberId>,
        plan: PlanId,
        /// None: now.
        from: Option<Day>,
        /// Say what it would cost and change nothing.
        dry_run: bool,
        /// Also where `avail` does not cover it: an operator with the right.
        uncovered: bool,
    },
    AddService {
        subscriber: SubscriberId,
        service: String,
        /// None: today.
        from: Option<Day>,
        until: Option<Day>,
    },
    RemoveService {
        subscriber: SubscriberId,
        service: String,
    },
    Discount {
        subscriber: SubscriberId,
        basis_points: u32,
        until: Option<Day>,
    },
    BuyPackage {
        subscriber: SubscriberId,
        package: String,
    },
    /// Shut a short account now, without waiting for the hour of cuts.
    CutNow {
        account: AccountId,
    },
    /// Do not shut it before.
    DeferCut {
        account: AccountId,
        until: Timestamp,
    },
    /// Make fees up to yesterday although the gap is longer than is made up by itself.
    CatchUp,
    /// Let everybody through, or end it.
    Panic {
        open: bool,
    },
}

/// The books as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosingCommand {
    /// Nothing is dated into this month any more.
    LockMonth(Month),
    /// Acts of a locked month, drafted from what was posted in it.
    MakeActs { month: Month, drafts: Vec<ActDraft> },
    /// Files put no balances right any more (`--set-balances`).
    GoLive,
}

/// Calls and user budgets (the CGRateS dialect). Amounts are millionths: of the dialect's unit, a message or a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallCommand {
    /// Take from a subject's budget, add to it, or reset it.
    Budget { subject: String, operation: BudgetOperation },
    /// Rate a call and take what it costs.
    Debit {
        /// The dialect's call descriptor, JSON as the caller wrote it.
        descriptor: String,
        /// Debit as long a call as the budget pays for, rather than the one that was made.
        longest: bool,
    },
    /// Load rating data, all or nothing.
    Load { files: Box<RatingFiles>, options: LoadOptions },
}

/// What can be asked of a user budget. A negative amount adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetOperation {
    Balance {
        amount: i64,
    },
    Sms {
        amount: i64,
    },
    /// Seconds of the buckets that fit the number.
    Seconds {
        amount: i64,
        dialled: String,
    },
    AddVolumeSeconds {
        amount: i64,
    },
    ResetVolumeSeconds,
    AddReceivedSeconds {
        amount: i64,
    },
    /// Messages, traffic and buckets as the tariff plan says.
    Reset,
}

/// Texts of the dialect's four files; what is absent stays as it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatingFiles {
    #[serde(rename = "ap.json", default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<String>,
    #[serde(rename = "dest.json", default, skip_serializing_if = "Option::is_none")]
    pub destinations: Option<String>,
    #[serde(rename = "tp.json", default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<String>,
    #[serde(rename = "ub.json", default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<String>,
}

/// What becomes of events that were written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxCommand {
    /// What attempts have come to.
    Delivered(Vec<Delivery>),
    /// Deliver again.
    Replay(Vec<OutboxKey>),
    /// Do not deliver.
    Drop(Vec<OutboxKey>),
    /// Take old ones out of the store.
    Forget(Vec<OutboxKey>),
    /// Send a target an event that means nothing.
    Test {
        target: String,
    },
    /// Send a target nothing from now on.
    Disable(DisabledTarget),
    Enable {
        target: String,
    },
}

/// What an act is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActDraft {
    pub account: AccountId,
    pub lines: Vec<ActLine>,
}

/// A payment as an operator announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    pub key: PaymentKey,
    /// Contract number, login or address, as the operator sent it.
    pub who: String,
    /// Whom the directory found under `who`; None when nobody.
    pub account: Option<AccountId>,
    pub sum: Money,
    /// The operator's own date, as sent; empty when none was.
    pub operator_date: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LoadOptions {
    /// Say what would change and change nothing.
    pub dry_run: bool,
    /// Post the difference to each balance given, for accounts that exist.
    pub set_balances: bool,
}
