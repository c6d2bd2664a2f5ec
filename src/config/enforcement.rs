//! `[enforcement]`: what `headgate enforce` guards. Without `lan` nothing is filtered.

use super::allow::parse_network;
use super::error::Fault;
use super::feed_server::FeedServer;
use super::secret::read_token;
use super::section::{ABSOLUTE_PATH, Section, absolute_path};
use super::tree::Node;
use crate::model::SecretText;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Entries of a list of servers, interfaces or garden entries.
const SERVERS_MAX: usize = 8;
const INTERFACES_MAX: usize = 256;
const GARDEN_MAX: usize = 1024;
const PROBE_INTERVAL_SECONDS: RangeInclusive<u32> = 1..=3600;
const PROBE_TRIES: RangeInclusive<u32> = 2..=100;
/// IFNAMSIZ less its NUL.
const INTERFACE_NAME_BYTES_MAX: usize = 15;
/// RFC 1035, section 2.3.4.
const HOST_NAME_BYTES_MAX: usize = 253;
const HOST_LABEL_BYTES_MAX: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// In order of preference; the first that answers is followed.
    pub servers: Vec<FeedServer>,
    /// What servers over HTTPS know this follower by. None also when it stands in a file that was not to be read.
    pub token: Option<SecretText>,
    /// PEM: certificates of authorities, or servers' own ones, that servers over HTTPS are trusted by.
    pub ca: Option<PathBuf>,
    /// Only the subscribers of the NAS with this address; None: all.
    pub nas: Option<IpAddr>,
    /// Interfaces on the subscribers' side: names, or a beginning with `*` after it.
    pub lan: Vec<String>,
    /// Interfaces on which download classes are made: `lan` without its patterns where the key is absent.
    pub shape: Vec<String>,
    /// The interface on which upload classes are made; None: uploads are policed.
    pub wan: Option<String>,
    /// Who can have no class is limited by dropping what is too fast; false: by somebody else.
    pub police: bool,
    /// Where the tcp/80 of debtors is sent.
    pub captive: Option<SocketAddr>,
    /// What debtors reach nevertheless.
    pub walled_garden: Vec<GardenEntry>,
    /// Without octets from an `ipoe` subscriber for this long it is asked, and again after as long.
    pub probe_interval_seconds: u32,
    /// Questions without an answer after which it is logged off.
    pub probe_tries: u32,
    /// Sources on the subscribers' side that are nobody's are reported.
    pub sightings: bool,
    /// Keep RADIUS and API ports for NASes and allow-lists.
    pub protect_ports: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GardenEntry {
    Network(IpNet),
    /// To be resolved, and resolved again.
    Host(String),
}

impl Default for Enforcement {
    fn default() -> Enforcement {
        Enforcement {
            servers: vec![FeedServer::Unix(PathBuf::from("/run/headgate/control.sock"))],
            token: None,
            ca: None,
            nas: None,
            lan: Vec::new(),
            shape: Vec::new(),
            wan: None,
            police: true,
            captive: None,
            walled_garden: Vec::new(),
            probe_interval_seconds: 30,
            probe_tries: 5,
            sightings: false,
            protect_ports: true,
        }
    }
}

impl Enforcement {
    pub(super) fn read(section: &mut Section<'_>) -> Enforcement {
        let mut enforcement = Enforcement::default();
        let mut shape = None;
        section
            .value("servers", &mut enforcement.servers, |node| {
                list(node, SERVER, SERVERS_MAX, |item| parse_item(item, SERVER, FeedServer::parse))
            })
            .parsed("nas", &mut enforcement.nas, "the address of a NAS such as \"10.0.0.1\"", |text| {
                text.parse().ok().map(Some)
            })
            .value("lan", &mut enforcement.lan, |node| {
                list(node, INTERFACE, INTERFACES_MAX, |item| parse_item(item, INTERFACE, interface_pattern))
            })
            .value("shape", &mut shape, |node| {
                list(node, DEVICES, INTERFACES_MAX, |item| parse_item(item, DEVICES, device)).map(Some)
            })
            .parsed("wan", &mut enforcement.wan, DEVICE, |text| device(text).map(Some))
            .boolean("police", &mut enforcement.police)
            .parsed("captive", &mut enforcement.captive, CAPTIVE, captive)
            .value("walled-garden", &mut enforcement.walled_garden, |node| {
                list(node, GARDEN, GARDEN_MAX, |item| parse_item(item, GARDEN, garden_entry))
            })
            .number("probe-interval-seconds", &mut enforcement.probe_interval_seconds, PROBE_INTERVAL_SECONDS)
            .number("probe-tries", &mut enforcement.probe_tries, PROBE_TRIES)
            .boolean("sightings", &mut enforcement.sightings)
            .boolean("protect-ports", &mut enforcement.protect_ports)
            .parsed("ca", &mut enforcement.ca, ABSOLUTE_PATH, |text| absolute_path(text).map(Some));
        enforcement.shape = shape
            .unwrap_or_else(|| enforcement.lan.iter().filter(|name| !name.ends_with('*')).cloned().collect());
        let secret_files = section.secret_files;
        let mut has_token = false;
        section.value("token", &mut enforcement.token, |node| {
            has_token = true;
            read_token(node, secret_files)
        });
        let over_https = enforcement.servers.iter().any(|server| matches!(server, FeedServer::Https { .. }));
        if over_https && enforcement.ca.is_none() {
            section.refuse(
                "servers",
                "servers over https need `ca`: the system's list of authorities is not used",
            );
        }
        if over_https && !has_token {
            section.refuse("servers", "servers over https need `token`");
        }
        if enforcement.sightings && enforcement.lan.is_empty() {
            section.refuse("sightings", "true needs `lan`: sources are seen on the subscribers' side");
        }
        enforcement
    }
}

const SERVER: &str =
    "a list of servers such as \"unix:/run/headgate/control.sock\" or \"https://billing1:8443\"";
const INTERFACE: &str = "a list of interfaces such as \"eth1\" or \"ppp*\"";
const DEVICES: &str = "a list of interfaces such as \"eth1\", without patterns";
const DEVICE: &str = "an interface such as \"eth0\", no pattern";
const CAPTIVE: &str =
    "an address with a port such as \"10.0.0.1:8080\", which subscribers reach (not loopback)";
const GARDEN: &str =
    "a list of addresses, prefixes and host names such as \"198.51.100.0/24\" or \"pay.example.org\"";

fn list<T>(
    node: &Node,
    what: &str,
    items_max: usize,
    read: impl Fn(&Node) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let items = node.list(what)?;
    if items.len() > items_max {
        return Err(node.fault(format!("expected at most {items_max} entries, found {}", items.len())));
    }
    items.iter().map(read).collect()
}

fn parse_item<T>(node: &Node, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
    parse(node.text(what)?).ok_or_else(|| node.expected(what))
}

fn interface_pattern(text: &str) -> Option<String> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '*' | '"' | '\\');
    let fits = !name.is_empty() && name.len() <= INTERFACE_NAME_BYTES_MAX && name.chars().all(plain);
    fits.then(|| text.to_owned())
}

fn device(text: &str) -> Option<String> {
    interface_pattern(text).filter(|name| !name.ends_with('*'))
}

fn captive(text: &str) -> Option<Option<SocketAddr>> {
    let address: SocketAddr = text.parse().ok()?;
    let ip = address.ip().to_canonical();
    // Packets that come from the network never reach loopback.
    let reachable = !ip.is_unspecified() && !ip.is_loopback();
    (address.port() != 0 && reachable).then_some(Some(address))
}

fn garden_entry(text: &str) -> Option<GardenEntry> {
    parse_network(text).ok().map(GardenEntry::Network).or_else(|| host_name(text).map(GardenEntry::Host))
}

/// Letters, digits and dashes between dots, the last label not a number (RFC 1123, section 2.1).
fn host_name(text: &str) -> Option<String> {
    let label_fits = |label: &str| {
        (1..=HOST_LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_a_number = text.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    let fits = text.len() <= HOST_NAME_BYTES_MAX && !last_is_a_number && text.split('.').all(label_fits);
    fits.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_garden_has_prefixes_and_host_names() {
        assert_eq!(garden_entry("Pay.Example.org"), Some(GardenEntry::Host("pay.example.org".into())));
        assert!(matches!(garden_entry("198.51.100.10"), Some(GardenEntry::Network(_))));
        for text in ["", "10.0.0.1/8", "10.0.0.256", "a..b", "-a.org", "a b", "http://a.org", "*.a.org"] {
            assert_eq!(garden_entry(text), None, "{text}");
        }
    }

    #[test]
    fn an_interface_is_a_name_or_a_beginning() {
        for text in ["eth1", "ppp*", "br-lan", "vlan100.5"] {
            assert_eq!(interface_pattern(text).as_deref(), Some(text));
        }
        for text in ["", "*", "a*b", "eth 1", "sixteen-letters1", "a/b"] {
            assert_eq!(interface_pattern(text), None, "{text}");
        }
    }
}
