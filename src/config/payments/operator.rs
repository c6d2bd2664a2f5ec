//! `[[payments.operator]]`: who pays in, from where, and what it is told.

use super::account::AccountPatterns;
use super::dialect::{Dialect, NAME, path};
use super::{HOOK, HOOK_PATH};
use crate::config::allow::AllowList;
use crate::config::currency::Currency;
use crate::config::error::Fault;
use crate::config::secret::{Passwords, read_passwords};
use crate::config::section::Section;
use crate::config::server::name as plain_name;
use crate::config::tree::{Node, Value};
use crate::model::Money;
use std::sync::Arc;

const USER_CHARS_MAX: usize = 128;
const COMMON_NAME_CHARS_MAX: usize = 128;
/// Hexadecimal digits of a SHA-256.
const FINGERPRINT_DIGITS: usize = 64;

/// Who may hand in payments, and how it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOperator {
    /// Names its payments, for ever.
    pub code: String,
    pub protocol: Protocol,
    pub paths: Vec<String>,
    pub allow: AllowList,
    /// HTTP Basic (RFC 7617); None: not asked for.
    pub user: Option<String>,
    pub password: Passwords,
    pub client_certificate: Option<ClientName>,
    pub sum_min: Option<Money>,
    pub sum_max: Option<Money>,
    pub accounts: AccountPatterns,
    pub tells: Tells,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// GET or a form, answered by XML.
    Dialect(Arc<Dialect>),
    /// Signed JSON; any of the secrets may have signed it.
    Hook(Passwords),
}

/// By what a client's certificate is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientName {
    CommonName(String),
    /// SHA-256 of the certificate (DER).
    Fingerprint([u8; 32]),
}

/// What of a subscriber an operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tells {
    /// Masked: `И. Иванов`.
    pub name: bool,
    pub address: bool,
    pub balance: bool,
    pub to_pay: bool,
}

impl Default for Tells {
    fn default() -> Tells {
        Tells { name: true, address: false, balance: true, to_pay: true }
    }
}

impl Tells {
    const EXPECTED: &str = "words of: name address balance to-pay; or \"\"";

    fn parse(text: &str) -> Option<Tells> {
        let mut tells = Tells { name: false, address: false, balance: false, to_pay: false };
        for word in text.split_whitespace() {
            match word {
                "name" => tells.name = true,
                "address" => tells.address = true,
                "balance" => tells.balance = true,
                "to-pay" => tells.to_pay = true,
                _ => return None,
            }
        }
        Some(tells)
    }
}

impl PaymentOperator {
    pub(super) fn read(
        section: &mut Section<'_>,
        dialects: &[Arc<Dialect>],
        currency: &Currency,
        client_ca: bool,
    ) -> PaymentOperator {
        const USER: &str = "a user of printed characters without a colon, at most 128";
        let mut operator = PaymentOperator {
            code: String::new(),
            protocol: Protocol::Hook(Passwords::default()),
            paths: Vec::new(),
            allow: AllowList::default(),
            user: None,
            password: Passwords::default(),
            client_certificate: None,
            sum_min: None,
            sum_max: None,
            accounts: AccountPatterns::default(),
            tells: Tells::default(),
        };
        let files = section.secret_files;
        let (mut own_path, mut secrets) = (None, Passwords::default());
        section
            .parsed("code", &mut operator.code, NAME, plain_name)
            .needed("code", NAME)
            .allow("allow", &mut operator.allow)
            .needed("allow", "the operator's addresses and prefixes, separated by spaces")
            .parsed("path", &mut own_path, "a path such as \"/osmp/second\"", |text| path(text).map(Some))
            .parsed("user", &mut operator.user, USER, |text| user(text).map(Some))
            .value("password", &mut operator.password, |node| read_passwords(node, files))
            .value("secret", &mut secrets, |node| read_passwords(node, files))
            .value("sum-min", &mut operator.sum_min, |node| sum(node, currency).map(Some))
            .value("sum-max", &mut operator.sum_max, |node| sum(node, currency).map(Some))
            .value("account-pattern", &mut operator.accounts, AccountPatterns::read)
            .parsed("client-certificate", &mut operator.client_certificate, CLIENT, |text| {
                client_name(text).map(Some)
            })
            .parsed("tells", &mut operator.tells, Tells::EXPECTED, Tells::parse);
        operator.read_protocol(section, dialects, secrets);
        if let Some(path) = own_path {
            if matches!(operator.protocol, Protocol::Hook(_)) {
                section.refuse("path", "notifications come in at /hook/CODE");
            } else {
                operator.paths = vec![path];
            }
        }
        operator.check(section, client_ca);
        operator
    }

    fn read_protocol(&mut self, section: &mut Section<'_>, dialects: &[Arc<Dialect>], secrets: Passwords) {
        let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name.as_str()).collect();
        let what = format!("a dialect: {HOOK}, {}", names.join(", "));
        let hook = Protocol::Hook(secrets);
        let protocol = |text: &str| match text == HOOK {
            true => Some(hook),
            false => dialects.iter().find(|d| d.name == text).map(|d| Protocol::Dialect(Arc::clone(d))),
        };
        section.parsed("dialect", &mut self.protocol, &what, protocol).needed("dialect", &what);
        self.paths = match &self.protocol {
            Protocol::Dialect(dialect) => dialect.paths.clone(),
            Protocol::Hook(_) => vec![format!("{HOOK_PATH}{}", self.code)],
        };
        match (&self.protocol, section.has("secret")) {
            (Protocol::Hook(_), false) => {
                section.refuse("dialect", "expected `secret` beside it: notifications are signed");
            }
            (Protocol::Dialect(_), true) => {
                section.refuse("secret", "only dialect \"hook\" is signed; expected `user` and `password`");
            }
            _ => {}
        }
    }

    fn check(&self, section: &mut Section<'_>, client_ca: bool) {
        if section.has("user") && !section.has("password") {
            section.refuse("user", "expected `password` beside it");
        }
        if section.has("password") && !section.has("user") {
            section.refuse("password", "expected `user` beside it");
        }
        if self.client_certificate.is_some() && !client_ca {
            section.refuse("client-certificate", "expected `client-ca` in [payments]");
        }
        if let (Some(least), Some(most)) = (self.sum_min, self.sum_max)
            && least > most
        {
            section.refuse("sum-min", "is more than `sum-max`");
        }
    }

    /// Whether a call could be of either: the same path, a common address, and nothing that tells them apart.
    pub(super) fn is_confused_with(&self, other: &PaymentOperator) -> bool {
        let path = self.paths.iter().any(|path| other.paths.contains(path));
        let source = self
            .allow
            .networks()
            .iter()
            .any(|a| other.allow.networks().iter().any(|b| a.contains(b) || b.contains(a)));
        let users = matches!((&self.user, &other.user), (Some(a), Some(b)) if a != b);
        let certificates = match (&self.client_certificate, &other.client_certificate) {
            (Some(ClientName::CommonName(a)), Some(ClientName::CommonName(b))) => a != b,
            (Some(ClientName::Fingerprint(a)), Some(ClientName::Fingerprint(b))) => a != b,
            // A name and a fingerprint may be of one certificate.
            _ => false,
        };
        path && source && !users && !certificates
    }
}

const CLIENT: &str = "a certificate's common name, or \"sha256:\" with its fingerprint in hexadecimal digits";

fn client_name(text: &str) -> Option<ClientName> {
    let Some(digits) = text.strip_prefix("sha256:") else {
        let fits = !text.is_empty()
            && text.chars().count() <= COMMON_NAME_CHARS_MAX
            && !text.chars().any(char::is_control);
        return fits.then(|| ClientName::CommonName(text.to_owned()));
    };
    // openssl writes colons between the octets.
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if digits.len() != FINGERPRINT_DIGITS || !digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(ClientName::Fingerprint(octets))
}

/// RFC 7617, section 2: no colon, no control characters.
fn user(text: &str) -> Option<String> {
    let fits = !text.is_empty()
        && text.chars().count() <= USER_CHARS_MAX
        && !text.contains(|c: char| c == ':' || c.is_control());
    fits.then(|| text.to_owned())
}

fn sum(node: &Node, currency: &Currency) -> Result<Money, Fault> {
    let digits = currency.exponent;
    let what = format!("a sum above zero such as \"10.00\", with at most {digits} digits after the point");
    let written = match &node.value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Integer(Some(number)) => number.to_string(),
        _ => return Err(node.expected(&what)),
    };
    Money::parse(&written, digits).ok().filter(|sum| sum.is_positive()).ok_or_else(|| node.expected(&what))
}
