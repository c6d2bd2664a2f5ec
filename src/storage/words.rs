//! The words that kinds are stored as, the same in every back end. They stand in databases: never change one.

use crate::model::{AccessMethod, AccountKind, Charge, LedgerKind, OnShortage, Period, TransferKind, Vendor};

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
    }
    TransferKind {
        Payment = "payment",
        Charge = "charge",
        Opening = "opening",
        Fee = "fee",
        Correction = "correction",
    }
}
