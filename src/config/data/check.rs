//! What a cell of each column may hold, and its form in a row.

use super::columns::TIMED;
use crate::config::allow::parse_network;
use crate::config::error::Fault;
use crate::config::tree::{Node, Value};
use crate::model::{Mac, Money, Price, TimeTable};
use ipnet::Ipv6Net;
use jiff::civil;
use serde_json::Value as Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

/// Octets of a text; RADIUS attributes hold 253 (RFC 2865, section 5).
const TEXT_BYTES_MAX: usize = 1000;
const NAME_BYTES_MAX: usize = 253;
/// RFC 2865, section 5.2.
const PASSWORD_BYTES_MAX: usize = 128;
const SHARED_SECRET_BYTES_MAX: usize = 253;
/// Addresses or prefixes in one cell.
const ADDRESSES_MAX: usize = 64;
/// Services of one subscriber.
const NAMES_MAX: usize = 64;
/// Time tables of one plan.
const TIMED_MAX: usize = 32;
const PERCENT_DIGITS: usize = 2;
/// What an export prints for a secret: loading it back would make it the secret.
const MASK: &str = "***";

/// Columns by what they hold. An empty text means "none" where a column may be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Id,
    /// Not empty, without white space at the ends.
    Name,
    /// A name that can stand in a list separated by commas.
    ListedName,
    /// A name without any white space: it stands in the collector's lists.
    Login,
    Text,
    Word(&'static [&'static str]),
    Flag,
    /// kbit/s; -1 and 0: not shaped.
    Speed,
    /// A number from 0 to 2^31 - 1.
    Quantity,
    Port,
    Price,
    Sum,
    SumNotBelowZero,
    /// A day or a moment of the server's time zone, made `2026-04-01` or `2026-04-01T10:00:00`.
    Date,
    Password,
    SharedSecret,
    NtHash,
    Crypt,
    Ethernet,
    Ipv4,
    Addresses,
    Ipv6Prefix,
    Network,
    /// Prefixes in one text.
    Networks,
    /// Prefixes as a list; in CSV as one text.
    NetworkList,
    /// Names as a list; in CSV as one text with commas between them.
    NameList,
    /// Of 0 to 100 percent, also with the sign.
    Percent,
    /// Days and hours.
    When,
    /// Tables of speeds; in TOML alone.
    TimedSpeeds,
}

impl Check {
    /// The cell as the row takes it. In CSV (`from_csv`) everything is a text.
    pub fn cell(self, node: &Node, from_csv: bool) -> Result<Cell, Fault> {
        match self {
            Check::Id => number(node, from_csv, 1..=i64::MAX),
            Check::Speed => number(node, from_csv, -1..=i64::from(i32::MAX)),
            Check::Quantity => number(node, from_csv, 0..=i64::from(i32::MAX)),
            Check::Port => number(node, from_csv, 0..=i64::from(u16::MAX)),
            Check::Flag => flag(node, from_csv),
            Check::Price => {
                decimal(node, "a price from 0 such as \"300.00\"", |text| text.parse::<Price>().is_ok())
            }
            Check::Sum => decimal(node, "an amount such as \"150.00\"", |text| text.parse::<Money>().is_ok()),
            Check::SumNotBelowZero => decimal(node, "an amount from 0 such as \"150.00\"", |text| {
                text.parse::<Money>().is_ok_and(|sum| !sum.is_negative())
            }),
            Check::Password => secret(node, "a password of at most 128 octets", PASSWORD_BYTES_MAX, |_| true),
            Check::SharedSecret => {
                secret(node, "a secret of 1 to 253 octets", SHARED_SECRET_BYTES_MAX, |text| !text.is_empty())
            }
            Check::NtHash => secret(node, "32 hexadecimal digits", TEXT_BYTES_MAX, |text| {
                text.is_empty() || text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
            }),
            Check::Crypt => {
                secret(node, "a hash of crypt(3) such as \"$6$salt$...\"", TEXT_BYTES_MAX, |text| {
                    text.is_empty() || text.is_ascii() && (text.starts_with('$') || text.len() == 13)
                })
            }
            Check::Date => date(node),
            Check::NetworkList => network_list(node, from_csv),
            Check::NameList => name_list(node, from_csv),
            Check::Percent => percent(node),
            Check::TimedSpeeds => timed_speeds(node),
            _ => self.text(node).map(Cell::from),
        }
    }

    fn text(self, node: &Node) -> Result<String, Fault> {
        let what = self.what();
        let text = node.text(&what)?;
        let kept = text.to_owned();
        let fits = match self {
            Check::Name => !text.is_empty() && text.trim() == text && text.len() <= NAME_BYTES_MAX,
            Check::Login => {
                !text.is_empty() && !text.contains(char::is_whitespace) && text.len() <= NAME_BYTES_MAX
            }
            Check::ListedName => {
                !text.is_empty() && text.trim() == text && text.len() <= NAME_BYTES_MAX && !text.contains(',')
            }
            Check::When => text.parse::<TimeTable>().is_ok(),
            Check::Word(words) => words.contains(&text),
            _ if text.is_empty() => return Ok(kept),
            Check::Ethernet => text.parse::<Mac>().is_ok(),
            Check::Ipv4 => text.parse::<Ipv4Addr>().is_ok_and(|address| is_host(IpAddr::V4(address))),
            Check::Ipv6Prefix => text.parse::<Ipv6Net>().is_ok_and(|prefix| prefix == prefix.trunc()),
            Check::Addresses => return addresses(node, text).map(|()| kept),
            Check::Network => return parse_network(text).map(|_| kept).map_err(|why| node.fault(why)),
            Check::Networks => {
                for part in text.split_whitespace() {
                    parse_network(part).map_err(|why| node.fault(why))?;
                }
                text.split_whitespace().count() <= ADDRESSES_MAX
            }
            _ => text.len() <= TEXT_BYTES_MAX,
        };
        if fits && !text.contains(char::is_control) { Ok(kept) } else { Err(node.expected(&what)) }
    }

    fn what(self) -> String {
        match self {
            Check::Name => "a text in quotes, not empty, without spaces at its ends".to_owned(),
            Check::ListedName => {
                "a text in quotes, not empty, without commas or spaces at its ends".to_owned()
            }
            Check::When => "days and hours such as \"mon-fri 23:00-07:00\"".to_owned(),
            Check::Login => "a login without white space, in quotes".to_owned(),
            Check::Word(words) => {
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
            }
            Check::Ethernet => "a MAC address such as \"02:00:00:00:00:01\"".to_owned(),
            Check::Ipv4 => "an IPv4 address of a host".to_owned(),
            Check::Ipv6Prefix => {
                "an IPv6 prefix such as \"2001:db8:1::/56\" without bits behind its length".to_owned()
            }
            Check::Addresses => "addresses of hosts separated by spaces".to_owned(),
            Check::Network => "an address or a prefix such as \"10.0.0.1\"".to_owned(),
            Check::Networks => format!("at most {ADDRESSES_MAX} prefixes separated by spaces"),
            _ => format!("a text in quotes of at most {TEXT_BYTES_MAX} octets, in one line"),
        }
    }
}

fn number(node: &Node, from_csv: bool, range: RangeInclusive<i64>) -> Result<Cell, Fault> {
    let number = match &node.value {
        Value::Integer(number) => *number,
        // Spreadsheets group thousands by spaces.
        Value::Text(text) if from_csv => text.replace([' ', '\u{a0}', '\u{202f}'], "").parse().ok(),
        _ => None,
    };
    let in_range = number.filter(|number| range.contains(number));
    let what = || match *range.end() {
        i64::MAX => format!("a whole number from {}", range.start()),
        end => format!("a whole number from {} to {end}", range.start()),
    };
    in_range.map(Cell::from).ok_or_else(|| node.expected(&what()))
}

fn flag(node: &Node, from_csv: bool) -> Result<Cell, Fault> {
    let flag = match &node.value {
        Value::Boolean(flag) => Some(*flag),
        Value::Text(text) if from_csv => match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "да" => Some(true),
            "false" | "0" | "no" | "нет" => Some(false),
            _ => None,
        },
        _ => None,
    };
    let what = if from_csv { "true or false (also 1, 0, yes, no, да, нет)" } else { "true or false" };
    flag.map(Cell::from).ok_or_else(|| node.expected(what))
}

fn decimal(node: &Node, what: &str, fits: impl Fn(&str) -> bool) -> Result<Cell, Fault> {
    let written = match &node.value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Integer(Some(number)) => number.to_string(),
        _ => return Err(node.expected(what)),
    };
    if fits(&written) { Ok(Cell::from(written)) } else { Err(node.expected(what)) }
}

fn secret(node: &Node, what: &str, bytes_max: usize, fits: impl Fn(&str) -> bool) -> Result<Cell, Fault> {
    let Value::Text(text) = &node.value else {
        // Digits without quotes would lose their leading zeros.
        return Err(node.expected_secret(&format!("{what}, in quotes even when it is all digits")));
    };
    if text == MASK {
        return Err(node.fault(format!("expected {what}, found the mask of an export without --secrets")));
    }
    let whole = text.len() <= bytes_max && !text.contains(['\0', '\n', '\r']);
    if whole && fits(text) {
        Ok(Cell::from(text.as_str()))
    } else {
        Err(node.fault(format!("expected {what}")))
    }
}

fn date(node: &Node) -> Result<Cell, Fault> {
    const WHAT: &str = "a day such as \"2026-04-01\" or a moment such as \"2026-04-01 10:00\"";
    let (Value::Text(text) | Value::Date(text)) = &node.value else { return Err(node.expected(WHAT)) };
    if text.is_empty() {
        return Ok(Cell::from(""));
    }
    let spaced = text.replace('T', " ");
    let day = ["%Y-%m-%d", "%d.%m.%Y"].iter().find_map(|form| civil::Date::strptime(form, &spaced).ok());
    let moments = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"];
    let moment = || moments.iter().find_map(|form| civil::DateTime::strptime(form, &spaced).ok());
    match day {
        Some(day) => Ok(Cell::from(day.to_string())),
        None => moment().map(|moment| Cell::from(moment.to_string())).ok_or_else(|| node.expected(WHAT)),
    }
}

fn addresses(node: &Node, text: &str) -> Result<(), Fault> {
    let mut found: Vec<IpAddr> = Vec::new();
    for part in text.split_whitespace() {
        let address = part.parse().ok().filter(|address| is_host(*address));
        let address = address.ok_or_else(|| node.expected("addresses of hosts separated by spaces"))?;
        if found.contains(&address) {
            return Err(node.fault(format!("{address} stands here twice")));
        }
        if found.len() == ADDRESSES_MAX {
            return Err(node.fault(format!("expected at most {ADDRESSES_MAX} addresses")));
        }
        found.push(address);
    }
    Ok(())
}

/// Old systems write 0.0.0.0 for "none"; as an address it would be everybody's.
fn is_host(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn network_list(node: &Node, from_csv: bool) -> Result<Cell, Fault> {
    const WHAT: &str = "a list of prefixes such as [\"100.64.0.0/20\"]";
    let network = |text: &str, node: &Node| match parse_network(text) {
        Ok(network) => Ok(Cell::from(network.to_string())),
        Err(why) => Err(node.fault(why)),
    };
    let cells: Result<Vec<Cell>, Fault> = match &node.value {
        Value::List(items) => items.iter().map(|item| network(item.text(WHAT)?, item)).collect(),
        Value::Text(text) if from_csv => text.split_whitespace().map(|part| network(part, node)).collect(),
        _ => return Err(node.expected(WHAT)),
    };
    cells.and_then(|cells| match cells.len() {
        0..=ADDRESSES_MAX => Ok(Cell::from(cells)),
        count => Err(node.fault(format!("expected at most {ADDRESSES_MAX} prefixes, found {count}"))),
    })
}

fn name_list(node: &Node, from_csv: bool) -> Result<Cell, Fault> {
    const WHAT: &str = "a list of names such as [\"static-ip\", \"tv\"]";
    let names: Vec<&str> = match &node.value {
        Value::List(items) => items.iter().map(|item| item.text(WHAT)).collect::<Result<_, _>>()?,
        Value::Text(text) if from_csv => text.split(',').map(str::trim).collect(),
        _ => return Err(node.expected(WHAT)),
    };
    let sound =
        |name: &&str| !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
    if names.len() > NAMES_MAX || !names.iter().all(sound) {
        return Err(node.fault(format!("expected at most {NAMES_MAX} names, none of them empty")));
    }
    Ok(Cell::from(names))
}

fn percent(node: &Node) -> Result<Cell, Fault> {
    const WHAT: &str = "percent from 0 to 100 with at most two digits after the point, such as \"12.5%\"";
    let written = match &node.value {
        Value::Text(text) | Value::Decimal(text) => text.trim_end_matches('%').trim().to_owned(),
        Value::Integer(Some(number)) => number.to_string(),
        _ => return Err(node.expected(WHAT)),
    };
    let sum = Money::parse(&written, PERCENT_DIGITS).ok();
    let fits = sum.is_some_and(|sum| !sum.is_negative() && sum <= Money::from_units(100));
    if fits { Ok(Cell::from(written)) } else { Err(node.expected(WHAT)) }
}

/// Each as a table of its own keys.
fn timed_speeds(node: &Node) -> Result<Cell, Fault> {
    const WHAT: &str = "a list of tables such as [{ when = \"mon-fri 23:00-07:00\", rate-in = 50000 }]";
    let mut tables = Vec::new();
    for item in node.list(WHAT)? {
        let (Value::Table(table) | Value::InlineTable(table)) = &item.value else {
            return Err(item.expected(WHAT));
        };
        let mut cells = serde_json::Map::new();
        for (key, node) in table {
            let Some((_, check)) = TIMED.iter().find(|(known, _)| known == key) else {
                let known: Vec<&str> = TIMED.iter().map(|(key, _)| *key).collect();
                let known = known.join(", ");
                return Err(node.fault(format!("expected no other keys than {known}; found {key}")));
            };
            let cell = check.cell(node, false);
            cells.insert(key.clone(), cell.map_err(|f| Fault { text: format!("{key}: {}", f.text), ..f })?);
        }
        if !cells.contains_key("when") {
            return Err(
                item.fault("when is missing: expected days and hours such as \"mon-fri 23:00-07:00\"")
            );
        }
        tables.push(Cell::Object(cells));
    }
    match tables.len() {
        0..=TIMED_MAX => Ok(Cell::from(tables)),
        count => Err(node.fault(format!("expected at most {TIMED_MAX} tables, found {count}"))),
    }
}
