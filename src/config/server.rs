//! `[server]`: what this machine is and where it keeps things.

use super::currency::Currency;
use super::section::{Section, absolute_path};
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// Longest path of a UNIX socket that the kernel takes, in octets (unix(7), `sun_path` less its NUL).
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Longest name, in characters: it stands in Proxy-State, logs and metric labels.
const NAME_CHARS_MAX: usize = 63;
const KIB: u64 = 1024;

#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub name: String,
    /// Days and months of fees and files are of this zone.
    pub time_zone: TimeZone,
    pub currency: Currency,
    pub state_dir: PathBuf,
    pub control_socket: PathBuf,
    /// Octets; with less free in `state_dir`, exports and roll-ups stop first.
    pub min_free: u64,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            name: "edge1".to_owned(),
            // The zone is in the bundled database; a test reads the default from its name.
            time_zone: TimeZone::get("Europe/Moscow").unwrap_or(TimeZone::UTC),
            currency: Currency::default(),
            state_dir: PathBuf::from("/var/lib/headgate"),
            control_socket: PathBuf::from("/run/headgate/control.sock"),
            min_free: KIB * KIB * KIB,
        }
    }
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>) -> Server {
        let mut server = Server::default();
        section
            .parsed("name", &mut server.name, "a name of letters, digits, dots and dashes", name)
            .value("role", &mut (), |node| match node.text("\"centre\"")? {
                "centre" => Ok(()),
                "edge" => Err(node.fault("role \"edge\" is not served by this version; expected \"centre\"")),
                _ => Err(node.expected("\"centre\"")),
            })
            .parsed("time-zone", &mut server.time_zone, "a time zone such as \"Europe/Moscow\"", |text| {
                TimeZone::get(text).ok()
            })
            .parsed(
                "currency",
                &mut server.currency,
                "a currency of ISO 4217 such as \"RUB\"",
                Currency::parse,
            )
            .path("state-dir", &mut server.state_dir)
            .parsed("control-socket", &mut server.control_socket, CONTROL_SOCKET, socket_path)
            .parsed("min-free", &mut server.min_free, "a size such as \"500MiB\" or \"1GiB\"", octets);
        server
    }
}

const CONTROL_SOCKET: &str = "an absolute path of at most 107 octets such as \"/run/headgate/control.sock\"";

/// A path that a UNIX socket can have.
pub(super) fn socket_path(text: &str) -> Option<PathBuf> {
    absolute_path(text).filter(|_| text.len() <= SOCKET_PATH_BYTES_MAX)
}

/// A name that may stand anywhere: in logs, labels and host names.
pub(super) fn name(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.chars().all(allowed);
    fits.then(|| text.to_owned())
}

fn octets(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" => 1,
        "KiB" => KIB,
        "MiB" => KIB * KIB,
        "GiB" => KIB * KIB * KIB,
        "TiB" => KIB * KIB * KIB * KIB,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, size) in [
            ("1GiB", Some(1 << 30)),
            ("500MiB", Some(500 << 20)),
            ("1", Some(1)),
            ("1GB", None),
            ("GiB", None),
            ("-1", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(octets(text), size, "{text}");
        }
    }
}
