//! The words that kinds are stored as, the same in every back end. They stand in databases: never change one.

use crate::model::{
    AccessMethod, AccountKind, Asset, AssignmentKind, Charge, DeliveryState, LedgerKind, MeteredService,
    OnShortage, Period, StaffKind, SyncKind, TransferKind, Vendor, Verdict,
};

/// A kind that is stored as one lower-case word.
pub(super) trait Word: Sized {
    fn word(self) -> &'static str;
    fn from_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($kind:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl Word for $kind {
            fn word(self) -> &'static str {
                match self { $($kind::$variant => $word,)* }
            }

            fn from_word(word: &str) -> Option<$kind> {
                match word {
                    $($word => Some($kind::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

words! {
    AccountKind { Person = "person", Company = "company" }
    AccessMethod { Radius = "radius", Ipoe = "ipoe", Static = "static" }
    AssignmentKind {
        Configured = "configured",
        DelegatedPrefix = "delegated-prefix",
        Routed = "routed",
        SourceNat = "source-nat",
    }
    StaffKind { Person = "person", Api = "api" }
    SyncKind { Account = "account", Payment = "payment", Act = "act" }
    DeliveryState { Pending = "pending", Done = "done", Failed = "failed", Dropped = "dropped" }
    Verdict { LetThrough = "let-through", Negbal = "negbal", Paused = "paused", Blocked = "blocked" }
    Period { Month = "month", Day = "day", None = "none" }
    Charge { Daily = "daily", Period = "period" }
    OnShortage { Hold = "hold", Debt = "debt" }
    Vendor {
        Linux = "linux",
        Mikrotik = "mikrotik",
        Cisco = "cisco",
        Juniper = "juniper",
        Huawei = "huawei",
        Nokia = "nokia",
        AccelPpp = "accel-ppp",
        Wispr = "wispr",
    }
    LedgerKind {
        Contract = "contract",
        Operator = "operator",
        Revenue = "revenue",
        Bonus = "bonus",
        Opening = "opening",
        Adjustment = "adjustment",
        Budget = "budget",
        Package = "package",
        Stock = "stock",
    }
    Asset { Money = "money", Seconds = "seconds", Sms = "sms", Octets = "octets" }
    MeteredService { TrafficIn = "traffic-in", TrafficOut = "traffic-out", Online = "online" }
    TransferKind {
        Payment = "payment",
        Charge = "charge",
        Opening = "opening",
        Fee = "fee",
        Service = "service",
        Package = "package",
        Pause = "pause",
        Promise = "promise",
        Usage = "usage",
        Call = "call",
        Bonus = "bonus",
        Correction = "correction",
        Refund = "refund",
        Move = "move",
        Reversal = "reversal",
        Grant = "grant",
    }
}
