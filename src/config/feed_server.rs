//! Where a feed is: the control socket of this machine's server, or a server's management door.

use super::server::socket_path;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

/// Of the scheme `https` (RFC 9110, section 4.2.2).
const HTTPS_PORT: u16 = 443;
/// RFC 1035, section 2.3.4.
const HOST_OCTETS_MAX: usize = 253;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeedServer {
    /// `unix:/run/headgate/control.sock`
    Unix(PathBuf),
    /// `https://billing1:8443`; the host is a name or an address, an IPv6 one without its brackets.
    Https { host: String, port: u16 },
}

impl FeedServer {
    /// None: the text is neither.
    pub fn parse(text: &str) -> Option<FeedServer> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(path).map(FeedServer::Unix);
        }
        let authority = text.strip_prefix("https://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if let Some((address, port)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let address: Ipv6Addr = address.parse().ok()?;
            return Some(FeedServer::Https { host: address.to_string(), port: port_of(port)? });
        }
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        let fits = (1..=HOST_OCTETS_MAX).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        fits.then_some(())?;
        Some(FeedServer::Https { host: host.to_ascii_lowercase(), port: port_of(port)? })
    }
}

/// `:8443` or nothing.
fn port_of(text: &str) -> Option<u16> {
    match text.strip_prefix(':') {
        None if text.is_empty() => Some(HTTPS_PORT),
        None => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().filter(|p| *p != 0),
        Some(_) => None,
    }
}

impl fmt::Display for FeedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeedServer::Unix(path) => write!(f, "unix:{}", path.display()),
            FeedServer::Https { host, port } => match host.parse() {
                Ok(IpAddr::V6(address)) => write!(f, "https://[{address}]:{port}"),
                _ => write!(f, "https://{host}:{port}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_socket_or_a_host_with_a_port() {
        for (text, shown) in [
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("https://Billing1:8443", "https://billing1:8443"),
            ("https://billing1.example.org", "https://billing1.example.org:443"),
            ("https://192.0.2.1:8443/", "https://192.0.2.1:8443"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://[::1]", "https://[::1]:443"),
        ] {
            assert_eq!(FeedServer::parse(text).map(|server| server.to_string()).as_deref(), Some(shown));
        }
        for text in [
            "",
            "/run/x.sock",
            "unix:relative",
            "http://billing1:8080",
            "https://",
            "https://billing1:0",
            "https://billing1:99999",
            "https://billing1:+1",
            "https://billing1:8443/feed",
            "https://user@billing1:8443",
            "https://2001:db8::1",
            "https://[2001:db8::1]8443",
        ] {
            assert_eq!(FeedServer::parse(text), None, "{text}");
        }
    }
}
