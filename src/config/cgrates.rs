//! `[cgrates]`: the doors of softswitches.

use super::allow::AllowList;
use super::section::Section;
use crate::model::Money;
use std::net::{Ipv4Addr, SocketAddr};

const TCP_PORT: u16 = 2001;
const HTTP_PORT: u16 = 8000;
/// The currency value of 1: a hundredth.
const UNIT_MICROS: i64 = 10_000;
const UNIT_MAX: i32 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgrates {
    /// JSON-RPC 1.0 over raw TCP.
    pub tcp: Vec<SocketAddr>,
    pub http: Vec<SocketAddr>,
    /// Neither protocol knows passwords: whoever comes from elsewhere is not served.
    pub allow: AllowList,
    /// What 1 of the dialect is in the currency.
    pub unit: Money,
    /// Figures of 2012, errors of its algorithm included.
    pub compat_2012: bool,
}

impl Default for Cgrates {
    fn default() -> Cgrates {
        Cgrates {
            tcp: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, TCP_PORT))],
            http: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT))],
            allow: AllowList::loopback(),
            unit: Money::from_micros(UNIT_MICROS),
            compat_2012: false,
        }
    }
}

impl Cgrates {
    pub(super) fn read(section: &mut Section<'_>) -> Cgrates {
        let mut cgrates = Cgrates::default();
        section
            .listen("tcp", &mut cgrates.tcp)
            .listen("http", &mut cgrates.http)
            .allow("allow", &mut cgrates.allow)
            .parsed("unit", &mut cgrates.unit, "a value such as \"0.01\", from 0.000001 to 1000000", unit)
            .boolean("compat-2012", &mut cgrates.compat_2012);
        cgrates
    }
}

fn unit(text: &str) -> Option<Money> {
    let value: Money = text.parse().ok()?;
    (value.is_positive() && value <= Money::from_units(UNIT_MAX)).then_some(value)
}
