//! `[notify]`: who is told of what happens, over HTTP (Standard Webhooks) or by a command, and the texts of notices.
//!
//! SMS, e-mail and fiscal receipts are kinds of events like the others: whichever target asks for `notice.sms` sends them.

use super::billing::time_of_day;
use super::error::Fault;
use super::secret::read_secrets;
use super::section::{ABSOLUTE_PATH, Section, absolute_path};
use super::server::name as plain_name;
use super::tree::Node;
use crate::model::{EventKind, EventKinds, EventRules, EventTarget, NoticeTexts, SecretText};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Webhooks and commands at most, of each.
const TARGETS_MAX: usize = 32;
/// Words of a command, its path included.
const WORDS_MAX: usize = 64;
const URL_OCTETS_MAX: usize = 2048;
/// Deliveries to one target at a time at most.
const AT_ONCE_MAX: usize = 32;
/// Standard Webhooks: the secret is Base64 behind this prefix.
const SECRET_PREFIX: &str = "whsec_";
/// Shorter ones can be guessed (Standard Webhooks asks for 24 octets; other senders' secrets are taken as they are).
const SECRET_OCTETS_MIN: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    pub language: NoticeLanguage,
    /// Minutes from midnight at which notices before cuts are decided.
    pub notice_at: u16,
    /// Texts in place of those of the language; empty: those.
    pub cut_subject: String,
    pub cut_text: String,
    pub targets: Vec<NotifyTarget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeLanguage {
    Ru,
    En,
}

/// One `[[notify.webhook]]` or `[[notify.command]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyTarget {
    pub name: String,
    pub events: EventKinds,
    /// Deliveries at a time.
    pub at_once: usize,
    pub timeout: Duration,
    pub way: NotifyWay,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyWay {
    Webhook {
        url: HookUrl,
        /// Keys of the signatures, the newest first; none only where the files of secrets are not read.
        secrets: Vec<SecretText>,
        /// Authorities to trust instead of the system's, PEM.
        ca: Option<PathBuf>,
    },
    /// The program and its words.
    Command(Vec<String>),
}

/// Where a webhook goes. Its path and query may be secrets, so they are not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    text: SecretText,
    shown: String,
    loopback: bool,
}

impl HookUrl {
    /// The whole of it; the one way to it.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// None: not a URL of http or https.
    fn parse(text: &str) -> Option<HookUrl> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))?;
        let printed = text.bytes().all(|b| b.is_ascii_graphic()) && text.len() <= URL_OCTETS_MAX;
        let authority = rest.split(['/', '?', '#']).next()?;
        // Names and passwords in a URL end in logs of others.
        if !printed || authority.is_empty() || authority.contains('@') || rest.contains('#') {
            return None;
        }
        let host = match authority.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?.0,
            None => authority.split(':').next()?,
        };
        let address = host.parse::<IpAddr>().ok();
        if authority.starts_with('[') && address.is_none() {
            return None;
        }
        let loopback = host.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback());
        let hidden = if rest.len() > authority.len() + 1 { "/***" } else { "/" };
        let shown = format!("{scheme}://{authority}{hidden}");
        Some(HookUrl { text: SecretText::new(text), shown, loopback })
    }

    fn is_plain(&self) -> bool {
        self.shown.starts_with("http:")
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify {
            language: NoticeLanguage::Ru,
            notice_at: EventRules::default().notice_at,
            cut_subject: String::new(),
            cut_text: String::new(),
            targets: Vec::new(),
        }
    }
}

impl Notify {
    /// What the ledger has to write down.
    pub fn rules(&self, currency: &str) -> EventRules {
        let target =
            |target: &NotifyTarget| EventTarget { name: target.name.as_str().into(), kinds: target.events };
        let (subject, text) = self.language.cut_texts();
        let own = |own: &str, built_in: &str| if own.is_empty() { built_in } else { own }.to_owned();
        EventRules {
            targets: self.targets.iter().map(target).collect(),
            texts: NoticeTexts {
                subject: own(&self.cut_subject, subject),
                text: own(&self.cut_text, text),
                date_format: self.language.date_format().to_owned(),
                currency: currency.to_owned(),
            },
            notice_at: self.notice_at,
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Notify {
        let mut notify = Notify::default();
        let text = |text: &str| Some(text.to_owned());
        section
            .word("language", &mut notify.language, &[("ru", NoticeLanguage::Ru), ("en", NoticeLanguage::En)])
            .parsed("notice-at", &mut notify.notice_at, "a time of day such as \"12:00\"", time_of_day)
            .parsed("cut-subject", &mut notify.cut_subject, "a text", text)
            .parsed("cut-text", &mut notify.cut_text, "a text", text);
        let mut names = Vec::new();
        notify.targets = section.tables("webhook", TARGETS_MAX, |table| webhook(table, &mut names));
        notify.targets.extend(section.tables("command", TARGETS_MAX, |table| command(table, &mut names)));
        notify
    }
}

impl NoticeLanguage {
    fn date_format(self) -> &'static str {
        match self {
            NoticeLanguage::Ru => "%d.%m.%Y",
            NoticeLanguage::En => "%Y-%m-%d",
        }
    }

    /// Subject and text of the notice before a cut.
    fn cut_texts(self) -> (&'static str, &'static str) {
        match self {
            NoticeLanguage::Ru => (
                "Пополните счёт до {date}",
                "Договор {contract}: на счёте {balance} {currency}. Чтобы интернет работал после {date}, \
                 внесите {sum} {currency}.",
            ),
            NoticeLanguage::En => (
                "Please pay before {date}",
                "Contract {contract}: your balance is {balance} {currency}. To stay online after {date}, \
                 please pay {sum} {currency}.",
            ),
        }
    }
}

const NAME: &str = "a name of letters, digits, dots and dashes, at most 63";
const URL: &str = "a URL such as \"https://crm.example.org/hooks/headgate\", without a user name";
const SECRETS: &str = "a secret, or a list of two while one is being changed";
const EVENTS: &str = "a list of kinds of events such as [\"payment\", \"state\"]";
const COMMAND: &str =
    "a list of words, the first an absolute path: [\"/usr/local/bin/send-sms\", \"--quiet\"]";

fn webhook(table: &mut Section<'_>, names: &mut Vec<String>) -> NotifyTarget {
    let files = table.secret_files;
    let (mut url, mut secrets, mut ca, mut allow_http) = (None, Vec::new(), None, false);
    let mut timeout = 15u64;
    table
        .value("url", &mut url, |node| {
            // Not repeated in the error: it may hold a secret.
            HookUrl::parse(node.text(URL)?).map(Some).ok_or_else(|| node.expected_secret(URL))
        })
        .value("secrets", &mut secrets, |node| read_secrets(node, files).and_then(|all| keys(node, all)))
        .parsed("ca", &mut ca, ABSOLUTE_PATH, |text| absolute_path(text).map(Some))
        .boolean("allow-http", &mut allow_http)
        .number("timeout-seconds", &mut timeout, 1..=60)
        .needed("url", URL)
        .needed("secrets", SECRETS);
    if url.as_ref().is_some_and(|url: &HookUrl| url.is_plain() && !url.loopback) && !allow_http {
        let why =
            "without TLS everybody on the way reads it; expected https, or `allow-http = true` beside it";
        table.refuse("url", why);
    }
    let url =
        url.unwrap_or_else(|| HookUrl { text: SecretText::default(), shown: String::new(), loopback: true });
    let way = NotifyWay::Webhook { url, secrets, ca };
    common(table, names, 4, Duration::from_secs(timeout), way)
}

fn command(table: &mut Section<'_>, names: &mut Vec<String>) -> NotifyTarget {
    let mut words = Vec::new();
    let mut timeout = 30u64;
    table
        .value("command", &mut words, command_words)
        .number("timeout-seconds", &mut timeout, 1..=600)
        .needed("command", COMMAND);
    common(table, names, 1, Duration::from_secs(timeout), NotifyWay::Command(words))
}

/// The keys that both kinds have.
fn common(
    table: &mut Section<'_>,
    names: &mut Vec<String>,
    mut at_once: usize,
    timeout: Duration,
    way: NotifyWay,
) -> NotifyTarget {
    let (mut name, mut events) = (String::new(), EventKinds::default());
    table
        .parsed("name", &mut name, NAME, plain_name)
        .value("events", &mut events, kinds)
        .number("at-once", &mut at_once, 1..=AT_ONCE_MAX)
        .needed("name", NAME)
        .needed("events", EVENTS);
    if names.contains(&name) {
        table.refuse("name", "another webhook or command has this name; expected one of its own for each");
    }
    names.push(name.clone());
    NotifyTarget { name, events, at_once, timeout, way }
}

fn kinds(node: &Node) -> Result<EventKinds, Fault> {
    let known = EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Test);
    let mut kinds = EventKinds::default();
    for item in node.list(EVENTS)? {
        let found = item.text(EVENTS)?.parse().ok().filter(|kind| *kind != EventKind::Test);
        let Some(kind) = found else {
            let known: Vec<&str> = known.map(EventKind::as_str).collect();
            return Err(item.expected(&format!("one of the kinds {}", known.join(", "))));
        };
        kinds.insert(kind);
    }
    Ok(kinds)
}

fn command_words(node: &Node) -> Result<Vec<String>, Fault> {
    let items = node.list(COMMAND)?;
    let mut words = Vec::with_capacity(items.len());
    for item in items.iter().take(WORDS_MAX + 1) {
        words.push(item.text(COMMAND)?.to_owned());
    }
    let absolute = words.first().is_some_and(|path| absolute_path(path).is_some());
    let fits = absolute && words.len() <= WORDS_MAX && words.iter().all(|word| !word.contains('\0'));
    if fits { Ok(words) } else { Err(node.expected(COMMAND)) }
}

/// Keys as they sign: behind `whsec_` stands Base64.
fn keys(node: &Node, secrets: Vec<SecretText>) -> Result<Vec<SecretText>, Fault> {
    for secret in &secrets {
        if signing_key(secret).is_none_or(|key| key.len() < SECRET_OCTETS_MIN) {
            let text = format!(
                "expected {SECRETS}: Base64 behind {SECRET_PREFIX:?}, or any text of at least \
                 {SECRET_OCTETS_MIN} octets"
            );
            return Err(node.fault(text));
        }
    }
    Ok(secrets)
}

/// The key that a secret stands for (Standard Webhooks, "Symmetric": Base64 behind `whsec_`); None: it is not Base64.
pub fn signing_key(secret: &SecretText) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let key = match secret.expose().strip_prefix(SECRET_PREFIX) {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.expose().as_bytes().to_vec(),
    };
    Some(zeroize::Zeroizing::new(key))
}

#[cfg(test)]
mod tests;
