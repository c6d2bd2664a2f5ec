//! No two doors at one address: the second could not be opened.

use super::error::ConfigError;
use super::tree::{Node, Table, Value};
use super::{Config, error::Origin};
use crate::model::PortProtocol;
use std::net::SocketAddr;

/// One fault for each address that a later key wants and an earlier one has.
pub(super) fn clashes(config: &Config, tree: &Table) -> Vec<ConfigError> {
    use PortProtocol::{Tcp, Udp};
    let doors: [(&str, &str, PortProtocol, &[SocketAddr]); 12] = [
        ("radius", "auth", Udp, &config.radius.auth),
        ("radius", "acct", Udp, &config.radius.acct),
        ("system-api", "listen", Tcp, &config.system_api.listen),
        ("payments", "listen", Tcp, &config.payments.listen),
        ("payments", "tls-listen", Tcp, &config.payments.tls_listen),
        ("cgrates", "tcp", Tcp, &config.cgrates.tcp),
        ("cgrates", "http", Tcp, &config.cgrates.http),
        ("management", "listen", Tcp, &config.management.listen),
        ("management", "plain-listen", Tcp, &config.management.plain_listen),
        ("cabinet", "listen", Tcp, &config.cabinet.listen),
        ("cabinet", "tls-listen", Tcp, &config.cabinet.tls_listen),
        ("metrics", "listen", Tcp, &config.metrics.listen),
    ];
    let wanted: Vec<_> = doors
        .iter()
        .flat_map(|(section, key, protocol, at)| at.iter().map(|a| (*section, *key, *protocol, *a)))
        .collect();
    let mut errors = Vec::new();
    for (index, (section, key, protocol, address)) in wanted.iter().enumerate() {
        let earlier = wanted.iter().take(index).find(|(_, _, p, a)| p == protocol && meet(*a, *address));
        let Some((other_section, other_key, _, other)) = earlier else { continue };
        let text = format!("{address} meets {other} of {other_section}.{other_key}");
        // One of the two was written by somebody: the defaults do not meet.
        let origin = place(tree, section, key).or_else(|| place(tree, other_section, other_key));
        let origin = origin.unwrap_or_else(|| Origin::whole("defaults"));
        errors.push(ConfigError::new(&origin, format!("{section}.{key}"), text));
    }
    errors
}

/// An unspecified address takes the port of every address of its family.
fn meet(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    a.port() == b.port()
        && same_family
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn place(tree: &Table, section: &str, key: &str) -> Option<Origin> {
    match tree.get(section).map(|node| &node.value) {
        Some(Value::Table(table) | Value::InlineTable(table)) => {
            table.get(key).map(|node: &Node| node.at.clone())
        }
        _ => None,
    }
}
