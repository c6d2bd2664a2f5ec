//! The kinds of rows and their keys: one table for TOML, CSV and export.

use super::check::Check::{self, *};

/// A kind of row, in the order in which kinds are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Group,
    Plan,
    Service,
    Package,
    Pool,
    Nas,
    Account,
    Subscriber,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Group,
        Kind::Plan,
        Kind::Service,
        Kind::Package,
        Kind::Pool,
        Kind::Nas,
        Kind::Account,
        Kind::Subscriber,
    ];

    /// The name of its TOML table and the beginning of its CSV file's name.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::Plan => "plan",
            Kind::Service => "service",
            Kind::Package => "package",
            Kind::Pool => "pool",
            Kind::Nas => "nas",
            Kind::Account => "account",
            Kind::Subscriber => "subscriber",
        }
    }

    /// Its keys in the order of the documentation.
    pub fn keys(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().map(|(key, _)| *key)
    }

    /// The key that says which object a row is about; a row must have it.
    pub fn naming_key(self) -> &'static str {
        match self {
            Kind::Account => "contract",
            Kind::Subscriber => "login",
            _ => "name",
        }
    }

    /// `subscriber`, `subscribers-2024` and `nases` name their kinds, `planet` none.
    pub(super) fn of_file_stem(stem: &str) -> Option<Kind> {
        let names = |kind: &Kind| {
            let rest = stem.strip_prefix(kind.word());
            rest.is_some_and(|rest| {
                matches!(rest.split(|c: char| !c.is_alphabetic()).next(), Some("" | "s" | "es"))
            })
        };
        Kind::ALL.into_iter().find(names)
    }

    pub(super) fn check(self, key: &str) -> Option<Check> {
        self.columns().iter().find(|(name, _)| *name == key).map(|(_, check)| *check)
    }

    fn columns(self) -> &'static [(&'static str, Check)] {
        match self {
            Kind::Group => &[("id", Id), ("name", Name), ("parent", Text)],
            Kind::Plan => PLAN,
            Kind::Service => SERVICE,
            Kind::Package => PACKAGE,
            Kind::Pool => &[("id", Id), ("name", Name), ("prefixes", NetworkList)],
            Kind::Nas => NAS,
            Kind::Account => ACCOUNT,
            Kind::Subscriber => SUBSCRIBER,
        }
    }
}

const PLAN: &[(&str, Check)] = &[
    ("id", Id),
    ("name", Name),
    ("fee", Price),
    ("period", Word(&["month", "day", "none"])),
    ("charge", Word(&["daily", "period"])),
    ("on-shortage", Word(&["hold", "debt"])),
    ("rate-in", Speed),
    ("ceil-in", Speed),
    ("burst-in", Quantity),
    ("cburst-in", Quantity),
    ("rate-out", Speed),
    ("ceil-out", Speed),
    ("burst-out", Quantity),
    ("cburst-out", Quantity),
    ("mikrotik-burst-rate-in", Quantity),
    ("mikrotik-burst-threshold-in", Quantity),
    ("mikrotik-burst-rate-out", Quantity),
    ("mikrotik-burst-threshold-out", Quantity),
    ("mikrotik-burst-time", Quantity),
    ("traffic-price-in", Price),
    ("traffic-included-in", Quantity),
    ("traffic-price-out", Price),
    ("traffic-included-out", Quantity),
    ("session-price", Price),
    ("timed", TimedSpeeds),
    ("quota-mib", Quantity),
    ("quota-rate-in", Speed),
    ("quota-ceil-in", Speed),
    ("quota-burst-in", Quantity),
    ("quota-cburst-in", Quantity),
    ("quota-rate-out", Speed),
    ("quota-ceil-out", Speed),
    ("quota-burst-out", Quantity),
    ("quota-cburst-out", Quantity),
];

/// Keys of one of the plan's speeds by the clock.
pub(super) const TIMED: &[(&str, Check)] = &[
    ("when", When),
    ("rate-in", Speed),
    ("ceil-in", Speed),
    ("burst-in", Quantity),
    ("cburst-in", Quantity),
    ("rate-out", Speed),
    ("ceil-out", Speed),
    ("burst-out", Quantity),
    ("cburst-out", Quantity),
];

const SERVICE: &[(&str, Check)] = &[
    ("name", ListedName),
    ("fee", Price),
    ("period", Word(&["month", "day", "none"])),
    ("charge", Word(&["daily", "period"])),
];

const PACKAGE: &[(&str, Check)] = &[
    ("name", Name),
    ("price", SumNotBelowZero),
    ("minutes", Quantity),
    ("sms", Quantity),
    ("mib", Quantity),
    ("days", Quantity),
    ("destination", Text),
];

const NAS: &[(&str, Check)] = &[
    ("id", Id),
    ("name", Name),
    ("address", Network),
    ("secret", SharedSecret),
    ("vendor", Word(&["linux", "mikrotik", "cisco", "juniper", "huawei", "nokia", "accel-ppp", "wispr"])),
    ("coa-port", Port),
    ("pool", Text),
];

const ACCOUNT: &[(&str, Check)] = &[
    ("id", Id),
    ("contract", Name),
    ("name", Text),
    ("kind", Word(&["person", "company"])),
    ("group", Text),
    ("phone", Text),
    ("email", Text),
    ("address", Text),
    ("tax-id", Text),
    ("balance", Sum),
    ("credit-limit", SumNotBelowZero),
    ("credit-until", Date),
    ("code1c", Text),
    ("voip-subjects", Text),
];

const SUBSCRIBER: &[(&str, Check)] = &[
    ("id", Id),
    ("login", Login),
    ("password", Password),
    ("nt-hash", NtHash),
    ("crypt", Crypt),
    ("contract", Name),
    ("name", Text),
    ("group", Text),
    ("plan", Text),
    ("nas", Text),
    ("access", Word(&["radius", "ipoe", "static"])),
    ("ip", Addresses),
    ("pool", Text),
    ("ipv6-prefix", Ipv6Prefix),
    ("mac", Ethernet),
    ("circuit-id", Text),
    ("snat-ip", Ipv4),
    ("routes", Networks),
    ("sessions-max", Quantity),
    ("balance", Sum),
    ("credit-limit", SumNotBelowZero),
    ("credit-until", Date),
    ("blocked", Flag),
    ("valid-from", Date),
    ("valid-until", Date),
    ("services", NameList),
    ("discount", Percent),
    ("discount-until", Date),
    ("code1c", Text),
];
