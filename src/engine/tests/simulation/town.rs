//! Who lives there, on which plans, and the calendar of the year.

use crate::engine::{Settings, midnight};
use crate::model::*;
use jiff::tz::TimeZone;
use std::fmt::Write;

/// Plans of every kind: name, fee, period, charge, what happens on a shortage.
pub const PLANS: &[(&str, &str, &str, &str, &str)] = &[
    ("hold", "300.00", "month", "daily", "hold"),
    ("hold-odd", "333.33", "month", "daily", "hold"),
    ("debt", "450.00", "month", "daily", "debt"),
    ("period-hold", "250.00", "month", "period", "hold"),
    ("period-debt", "199.99", "month", "period", "debt"),
    ("day-hold", "12.50", "day", "daily", "hold"),
    ("day-debt", "9.99", "day", "daily", "debt"),
    ("free", "0", "month", "daily", "hold"),
    ("none", "100.00", "none", "daily", "hold"),
    (TRAFFIC, "0", "none", "daily", "hold"),
    (HOURLY, "100.00", "month", "daily", "debt"),
];
/// 0.10 for a MiB beyond 50.
pub const TRAFFIC: &str = "traffic";
pub const TRAFFIC_PRICE: Money = Money::from_micros(100_000);
pub const TRAFFIC_INCLUDED: u64 = 50 << 20;
/// 1.20 for an hour.
pub const HOURLY: &str = "hourly";
pub const HOUR_PRICE: Money = Money::from_micros(1_200_000);

/// Sold beside them.
pub const SERVICES: [&str; 3] = ["address", "tv", "call-out"];
pub const PACKAGE: &str = "gigabyte";
const BESIDE: &str = r#"
[[service]]
name = "address"
fee = "99.00"
period = "month"
[[service]]
name = "tv"
fee = "150.00"
period = "month"
charge = "period"
[[service]]
name = "call-out"
fee = "500.00"
period = "none"
[[package]]
name = "gigabyte"
price = "30.00"
mib = 1024
days = 10
"#;

const YEAR: i32 = 2026;
const HOURS_MAX: i64 = 25;

pub struct Town {
    pub settings: Settings,
    pub subscribers: usize,
}

/// Nobody but itself pays for a quiet subscriber's contract, and it is not blocked, paused or moved: what it pays in a
/// month can be said beforehand.
pub fn is_quiet(number: usize) -> bool {
    number.is_multiple_of(4)
}

/// The plan that a login begins with.
pub fn plan_of(number: usize) -> &'static str {
    PLANS[number / 4 % PLANS.len()].0
}

/// The contract of a login: every fifth and its neighbour share one.
fn contract_of(number: usize) -> usize {
    if number % 5 == 3 { number - 1 } else { number }
}

impl Town {
    pub fn new(subscribers: usize) -> Town {
        let time_zone = TimeZone::get("Europe/Berlin").unwrap();
        let money = Money::from_units;
        let billing =
            BillingRules { pause_fee: money(1), promise_price: money(2), ..BillingRules::default() };
        Town { settings: Settings { time_zone, billing, ..Settings::default() }, subscribers }
    }

    /// The first so many months of the year.
    pub fn months(&self, count: i32) -> impl Iterator<Item = Month> + use<> {
        (1..=count).map(|month| Month::of(YEAR, month))
    }

    /// Evening before the year begins: the first day counts as paid.
    pub fn eve(&self) -> Timestamp {
        let new_year = midnight(Month::of(YEAR, 1).first_day(), &self.settings.time_zone);
        Timestamp::from_seconds(new_year.seconds() - super::HOUR_SECONDS)
    }

    /// The hours of a day: 23, 24 or 25.
    pub fn hours(&self, day: Day) -> impl Iterator<Item = (i64, Timestamp)> + use<> {
        let zone = &self.settings.time_zone;
        let (begin, end) = (midnight(day, zone), midnight(day.next(), zone));
        (0..HOURS_MAX)
            .map(move |hour| (hour, Timestamp::from_seconds(begin.seconds() + hour * super::HOUR_SECONDS)))
            .take_while(move |(_, at)| *at < end)
    }

    pub fn login(number: usize) -> String {
        format!("s{number}")
    }

    /// What `headgate load` would be given.
    pub fn data(&self) -> String {
        let mut data = BESIDE.to_owned();
        for (name, fee, period, charge, on_shortage) in PLANS {
            writeln!(
                data,
                "[[plan]]\nname = \"{name}\"\nfee = \"{fee}\"\nperiod = \"{period}\"\ncharge = \"{charge}\"\n\
                 on-shortage = \"{on_shortage}\"\nrate-in = 1000\nrate-out = 1000"
            )
            .unwrap();
            match *name {
                TRAFFIC => writeln!(data, "traffic-price-in = \"0.10\"\ntraffic-included-in = 50").unwrap(),
                HOURLY => writeln!(data, "session-price = \"1.20\"").unwrap(),
                _ => {}
            }
        }
        for number in 0..self.subscribers {
            let plan = plan_of(number);
            // Half of the quiet ones are never short.
            let balance =
                if number.is_multiple_of(8) { "100000" } else { ["25.00", "0", "150.00"][number % 3] };
            writeln!(
                data,
                "[[subscriber]]\nlogin = \"{}\"\ncontract = \"{}\"\nplan = \"{plan}\"",
                Town::login(number),
                contract_of(number)
            )
            .unwrap();
            if contract_of(number) == number {
                let credit = if number % 10 == 1 { "50.00" } else { "0" };
                writeln!(data, "balance = \"{balance}\"\ncredit-limit = \"{credit}\"").unwrap();
            }
        }
        data
    }
}
