//! The words of the product: values that every other layer speaks with.
//!
//! Nothing here reads a clock, opens a file or knows a protocol. A type belongs here when two layers
//! exchange it; a type used inside one directory stays there.

mod access;
mod account;
mod accounting;
mod change;
mod command;
mod feed;
mod ids;
mod mac;
mod money;
mod nas;
mod outcome;
mod payment;
mod plan;
mod pool;
mod row;
mod secret;
mod session;
mod shape;
mod snapshot;
mod subscriber;
mod time;
mod transfer;

pub use access::{Reason, Standing, Verdict};
pub use account::{Account, AccountKind, Group};
pub use accounting::{AccountingKind, AccountingRecord, SpoolEntry, SpoolPosition};
pub use change::Change;
pub use command::{Actor, Command, LoadOptions, PaymentRequest};
pub use feed::{FeedEntry, FeedPage, PortGuard, PortProtocol};
pub use ids::{AccountId, GroupId, NasId, PlanId, PoolId, SubscriberId, TransferId};
pub use mac::{Mac, MacError};
pub use money::{Money, MoneyError, Price};
pub use nas::{Nas, Vendor};
pub use outcome::{Loaded, LoadedRow, Outcome, Refusal, RowEffect};
pub use payment::{Payment, PaymentKey};
pub use plan::{Charge, MikrotikBurst, OnShortage, Period, Plan, UsagePrices};
pub use pool::{Pool, PoolGrant};
pub use row::{AccountRow, DataFile, GroupRow, NasRow, PlanRow, PoolRow, SubscriberRow};
pub use secret::{Password, SecretText};
pub use session::{Session, SessionKey, Usage};
pub use shape::{Bandwidth, Shape};
pub use snapshot::Snapshot;
pub use subscriber::{AccessMethod, Block, Subscriber};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use transfer::{LedgerAccount, LedgerKind, Transfer, TransferKind};
