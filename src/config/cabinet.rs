//! `[cabinet]`: the page debtors are led to, and what the provider says on it.

use super::error::Fault;
use super::section::Section;
use super::tree::{Node, Table, Value};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const PORT: u16 = 8080;
/// Ways to pay.
const WAYS_MAX: usize = 12;
/// Longest name, phone number or text, characters.
const NAME_CHARS_MAX: usize = 100;
const TEXT_CHARS_MAX: usize = 500;
/// Longest URL, octets.
const URL_OCTETS_MAX: usize = 1_000;
/// What stands in a way's URL for what the page knows.
pub const URL_PLACES: [&str; 2] = ["{contract}", "{sum}"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cabinet {
    pub listen: Vec<SocketAddr>,
    /// Where subscribers reach the page by a name of its own; None: by its address.
    pub url: Option<PageUrl>,
    /// The provider's name.
    pub provider: Words,
    /// As it is to be read; may hold several numbers.
    pub phone: String,
    /// None: the usual ones are named in general.
    pub ways: Vec<Way>,
    /// The same page over TLS, with the certificate of `[management]`.
    pub tls_listen: Vec<SocketAddr>,
}

/// A way to pay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    pub name: Words,
    pub text: Words,
    /// With `{contract}` and `{sum}`; empty: there is nothing to open.
    pub url: String,
}

/// A text with its English form; empty when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    /// Empty: the same.
    pub english: String,
}

impl Words {
    pub fn in_language(&self, language: &str) -> &str {
        if language == "en" && !self.english.is_empty() { &self.english } else { &self.text }
    }
}

/// Scheme and authority of a page's own URL: no path, no user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl {
    pub tls: bool,
    /// As a browser's Host header has it: in lower case, without the scheme's own port.
    pub authority: String,
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

impl PageUrl {
    /// The page at an address, without TLS.
    pub fn plain(address: SocketAddr) -> PageUrl {
        let authority = match (address.port(), address.ip()) {
            (80, IpAddr::V4(ip)) => ip.to_string(),
            (80, IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => address.to_string(),
        };
        PageUrl { tls: false, authority }
    }

    fn parse(text: &str) -> Option<PageUrl> {
        let text = text.to_ascii_lowercase();
        let (tls, rest) = match text.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let authority = authority.strip_suffix(if tls { ":443" } else { ":80" }).unwrap_or(authority);
        is_authority(authority).then(|| PageUrl { tls, authority: authority.to_owned() })
    }
}

/// A host name or an address, with or without a port.
fn is_authority(text: &str) -> bool {
    let host = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let number =
                port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n != 0);
            if !number {
                return false;
            }
            host
        }
        _ => text,
    };
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(plain) && !host.starts_with('.')
}

impl Default for Cabinet {
    fn default() -> Cabinet {
        Cabinet {
            listen: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))],
            url: None,
            provider: Words::default(),
            phone: String::new(),
            ways: Vec::new(),
            tls_listen: Vec::new(),
        }
    }
}

impl Cabinet {
    pub(super) fn read(section: &mut Section<'_>) -> Cabinet {
        let mut cabinet = Cabinet::default();
        let name = |text: &str| short(text, NAME_CHARS_MAX);
        section
            .listen("listen", &mut cabinet.listen)
            .parsed("url", &mut cabinet.url, URL, |text| PageUrl::parse(text).map(Some))
            .parsed("provider", &mut cabinet.provider.text, NAME, name)
            .parsed("provider-en", &mut cabinet.provider.english, NAME, name)
            .parsed("phone", &mut cabinet.phone, NAME, name)
            .value("way", &mut cabinet.ways, ways)
            .listen("tls-listen", &mut cabinet.tls_listen);
        cabinet
    }
}

const URL: &str =
    "the page's own URL without a path, such as \"https://portal.example.org\" or \"http://10.0.0.1:8080\"";
const NAME: &str = "a text of at most 100 characters on one line";
const TEXT: &str = "a text of at most 500 characters on one line";
const WAY: &str = "tables [[cabinet.way]] with name, text and url";
const WAY_URL: &str =
    "a URL of http or https such as \"https://pay.example.org/?account={contract}&sum={sum}\"";

fn short(text: &str, chars_max: usize) -> Option<String> {
    let fits = text.chars().count() <= chars_max && !text.chars().any(char::is_control);
    fits.then(|| text.trim().to_owned())
}

fn ways(node: &Node) -> Result<Vec<Way>, Fault> {
    let items = node.list(WAY)?;
    if items.len() > WAYS_MAX {
        return Err(node.fault(format!("expected at most {WAYS_MAX} ways to pay, found {}", items.len())));
    }
    items.iter().map(way).collect()
}

fn way(node: &Node) -> Result<Way, Fault> {
    let (Value::Table(table) | Value::InlineTable(table)) = &node.value else {
        return Err(node.expected(WAY));
    };
    let known = ["name", "name-en", "text", "text-en", "url"];
    if let Some((key, node)) = table.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        return Err(node.fault(format!("unknown key {key:?}; expected one of: {}", known.join(", "))));
    }
    let name = |key| taken(table, key, NAME, |text| short(text, NAME_CHARS_MAX));
    let text = |key| taken(table, key, TEXT, |text| short(text, TEXT_CHARS_MAX));
    let way = Way {
        name: Words { text: name("name")?, english: name("name-en")? },
        text: Words { text: text("text")?, english: text("text-en")? },
        url: taken(table, "url", WAY_URL, way_url)?,
    };
    if way.name.text.is_empty() {
        return Err(node.fault("expected a way to pay with a name"));
    }
    Ok(way)
}

/// The value of a key, or nothing where it is absent.
fn taken(
    table: &Table,
    key: &str,
    what: &str,
    parse: impl Fn(&str) -> Option<String>,
) -> Result<String, Fault> {
    let Some(node) = table.get(key) else { return Ok(String::new()) };
    parse(node.text(what)?).ok_or_else(|| node.expected(what))
}

fn way_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let filled = URL_PLACES.iter().fold(text.to_owned(), |text, place| text.replace(place, "1"));
    let plain =
        filled.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '{' | '}' | '"' | '<' | '>' | '\\'));
    (is_authority(&host.to_ascii_lowercase()) && plain && text.len() <= URL_OCTETS_MAX)
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_own_url_is_kept_as_a_browser_names_it() {
        for (text, kept) in [
            ("https://Portal.example.org", "https://portal.example.org"),
            ("https://portal.example.org:443/", "https://portal.example.org"),
            ("https://portal.example.org:8444", "https://portal.example.org:8444"),
            ("http://10.0.0.1:80", "http://10.0.0.1"),
            ("http://[fd00::1]:8080/", "http://[fd00::1]:8080"),
        ] {
            assert_eq!(PageUrl::parse(text).map(|url| url.to_string()).as_deref(), Some(kept), "{text}");
        }
        for text in [
            "",
            "portal",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://a:0",
            "https://a:x",
            "https://[fd00::1",
            "https://a b",
            "https://a\"b",
        ] {
            assert_eq!(PageUrl::parse(text), None, "{text}");
        }
        assert_eq!(PageUrl::plain("10.0.0.1:80".parse().unwrap()).to_string(), "http://10.0.0.1");
        assert_eq!(PageUrl::plain("[fd00::1]:8080".parse().unwrap()).to_string(), "http://[fd00::1]:8080");
    }

    #[test]
    fn a_way_leads_to_http_and_knows_two_places() {
        for url in ["https://pay.example.org/?a={contract}&s={sum}#x", "http://10.0.0.5:81"] {
            assert_eq!(way_url(url).as_deref(), Some(url));
        }
        for url in [
            "",
            "javascript:alert(1)",
            "//pay",
            "https://",
            "https:///x",
            "https://a/{login}",
            "https://a/\"x",
            "https://a/<b>",
            "https://a/ b",
            "https://a/я",
            "https://{contract}.example.org",
        ] {
            assert_eq!(way_url(url), None, "{url}");
        }
    }
}
