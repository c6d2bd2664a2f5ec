//! The words of the product: values that every other layer speaks with.
//!
//! Nothing here reads a clock, opens a file or knows a protocol. A type belongs here when two layers
//! exchange it; a type used inside one directory stays there.

mod access;
mod account;
mod accounting;
mod assignment;
mod books;
mod budget;
mod change;
mod closing;
mod command;
mod day;
mod exchange;
mod fee;
mod feed;
mod ids;
mod mac;
mod meter;
mod money;
mod nas;
mod outbox;
mod outcome;
mod payment;
mod plan;
mod pool;
mod report;
mod request_key;
mod reservation;
mod right;
mod row;
mod rules;
mod schema;
mod secret;
mod service;
mod session;
mod shape;
mod snapshot;
mod staff;
mod subscriber;
mod time;
mod transfer;

pub use access::{Reason, Standing, Verdict};
pub use account::{Account, AccountKind, Group};
pub use accounting::{AccountingKind, AccountingRecord, SpoolEntry, SpoolPosition};
pub use assignment::{Assignment, AssignmentKind};
pub use books::{Act, ActLine, AuditEntry, BooksState, Pending, PendingState};
pub use budget::{Budget, BudgetBucket, RatingDocument};
pub use change::Change;
pub use closing::{ClosedMonth, PostingDate};
pub use command::{
    ActDraft, Actor, BudgetOperation, CallCommand, ClosingCommand, Command, CorrectionCommand, LoadOptions,
    ObjectCommand, OutboxCommand, PaymentRequest, RatingFiles, TermsCommand,
};
pub use day::{Day, DayError, Month};
pub use exchange::{ExchangeCommand, PaymentOrder, SyncKind, SyncMark};
pub use fee::{
    AccountState, Discount, FeeState, Noticed, Pause, Promise, SubscribedService, SubscriberTerms,
};
pub use feed::{FeedEntry, FeedPage, PortGuard, PortProtocol};
pub use ids::{AccountId, GroupId, NasId, PlanId, PoolId, SubscriberId, TransferId};
pub use mac::{Mac, MacError};
pub use meter::{Meter, MeterKey, MeteredService};
pub use money::{Money, MoneyError, Price, basis_points};
pub use nas::{Nas, Vendor};
pub use outbox::{
    Delivery, DeliveryState, DisabledTarget, EventKind, EventKinds, EventRules, EventTarget, NoticeTexts,
    OutboxChange, OutboxItem, OutboxKey, Told,
};
pub use outcome::{Loaded, LoadedRow, Outcome, PlanChangeRow, Refusal, RowEffect};
pub use payment::{Payment, PaymentKey};
pub use plan::{
    Charge, MikrotikBurst, OnShortage, Period, Plan, Quota, TimeTable, TimeTableError, TimedShape,
    UsagePrices,
};
pub use pool::{Pool, PoolGrant};
pub use report::{Counted, Report, ReportAnswer, Sighting};
pub use request_key::{RememberedAnswer, RequestKey};
pub use reservation::Reservation;
pub use right::{Action, Module, Right, Rights, RightsError};
pub use row::{
    AccountRow, DataFile, GroupRow, NasRow, PackageRow, PlanRow, PoolRow, ServiceRow, SubscriberRow, TimedRow,
};
pub use rules::BillingRules;
pub use secret::{Password, SecretText};
pub use service::{HoldingKey, Package, PackageHolding, Service};
pub use session::{Session, SessionKey, SessionOrigin, Usage};
pub use shape::{Bandwidth, Shape};
pub use snapshot::Snapshot;
pub use staff::{
    ApiKey, ApiKeyId, Authority, Role, RoleId, SecretHash, Staff, StaffCommand, StaffId, StaffKind,
    StaffLogin, StaffRequest, StaffSession,
};
pub use subscriber::{AccessMethod, Block, Subscriber};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use transfer::{Asset, LedgerAccount, LedgerKind, PostedTransfer, Transfer, TransferKind};
