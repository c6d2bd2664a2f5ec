//! What `headgate enforce` is told to do: section `[enforcement]` of the configuration, as values.

use super::EnforceError;
use super::probes::ProbeTimes;
use crate::model::SecretText;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest name of an interface, octets (`IFNAMSIZ` less its NUL).
const INTERFACE_NAME_MAX: usize = 15;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `unix:/path` or `https://host:port`, in order of preference; the first that answers is followed.
    pub servers: Vec<String>,
    /// What servers over HTTPS know this follower by.
    pub token: Option<SecretText>,
    /// PEM: what servers over HTTPS are trusted by.
    pub ca: Option<PathBuf>,
    /// Whose subscribers; None: all.
    pub nas: Option<IpAddr>,
    /// Interfaces on the subscribers' side, names or patterns that end in `*`. Empty: nothing is filtered.
    pub lan: Vec<String>,
    /// Interfaces on which download classes are made, no patterns; empty: downloads are policed.
    pub shape: Vec<String>,
    /// The interface on which upload classes are made; None: uploads are policed.
    pub wan: Option<String>,
    /// Who can have no class is not limited: somebody else does it.
    pub unpoliced: bool,
    /// Where tcp/80 of those who must pay is sent. Not a loopback address: their packets come from the network.
    pub captive: Option<SocketAddr>,
    /// What those who must pay may still reach.
    pub walled_garden: Vec<WalledEntry>,
    /// Sources on the subscribers' side that are nobody's are noted and told.
    pub sightings: bool,
    /// The server's ports are open only to the sources that the feed names.
    pub protect_ports: bool,
    /// Guard the ports and filter nothing, whatever `lan` says.
    pub ports_only: bool,
    /// When `ipoe` subscribers without traffic are asked whether they are there, and how often.
    pub probes: ProbeTimes,
    /// Directory of `enforce.state` and `reports.kept`.
    pub state_dir: PathBuf,
}

/// One entry of the walled garden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalledEntry {
    Net(IpNet),
    /// Looked up at start and again as its records expire.
    Name(String),
}

impl FromStr for WalledEntry {
    type Err = String;

    /// An address, a prefix or a host name.
    fn from_str(text: &str) -> Result<WalledEntry, String> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(WalledEntry::Net(net.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(WalledEntry::Net(IpNet::from(address)));
        }
        let name_like = !text.is_empty()
            && text.len() <= 253
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
            && text.chars().any(|c| c.is_alphabetic());
        if name_like {
            Ok(WalledEntry::Name(text.to_owned()))
        } else {
            Err(format!("{text:?} is not an address, a prefix or a host name"))
        }
    }
}

/// An interface name or, with `*` at its end, the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfacePattern {
    Exact(String),
    StartsWith(String),
}

impl FromStr for InterfacePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<InterfacePattern, String> {
        let (name, exact) = match text.strip_suffix('*') {
            Some(start) => (start, false),
            None => (text, true),
        };
        let fits = !name.is_empty()
            && name.len() <= INTERFACE_NAME_MAX
            && name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'*' | b'"'));
        match (fits, exact) {
            (false, _) => Err(format!("lan: {text:?} is not an interface name or pattern such as \"ppp*\"")),
            (true, true) => Ok(InterfacePattern::Exact(name.to_owned())),
            (true, false) => Ok(InterfacePattern::StartsWith(name.to_owned())),
        }
    }
}

impl Settings {
    /// The interfaces to filter on; empty when nothing is filtered.
    pub(crate) fn interfaces(&self) -> Result<Vec<InterfacePattern>, EnforceError> {
        if self.ports_only {
            return Ok(Vec::new());
        }
        self.lan.iter().map(|text| text.parse().map_err(EnforceError::Settings)).collect()
    }

    /// Refuses what cannot work, by name.
    pub(crate) fn check(&self) -> Result<(), EnforceError> {
        self.interfaces()?;
        for name in self.shape.iter().chain(&self.wan) {
            match name.parse() {
                Ok(InterfacePattern::Exact(_)) => {}
                _ => {
                    return Err(EnforceError::Settings(format!(
                        "shape or wan: {name:?} is no interface name"
                    )));
                }
            }
        }
        match self.captive {
            Some(captive) if captive.ip().is_loopback() || captive.ip().is_unspecified() => {
                Err(EnforceError::Settings(format!(
                    "captive: {captive} cannot be reached from the subscribers' side; give an address of this \
                     machine there, or of another machine"
                )))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walled_garden_entry_is_a_prefix_an_address_or_a_name() {
        assert_eq!("198.51.100.10".parse(), Ok(WalledEntry::Net("198.51.100.10/32".parse().unwrap())));
        assert_eq!("198.51.100.10/24".parse(), Ok(WalledEntry::Net("198.51.100.0/24".parse().unwrap())));
        assert_eq!("pay.example.org".parse(), Ok(WalledEntry::Name("pay.example.org".into())));
        for text in ["", "198.51.100.300", "198.51.100.0/33", "two words"] {
            assert!(text.parse::<WalledEntry>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_impossible_interface_or_captive_address_is_refused_by_name() {
        for lan in ["", "*", "a*b", "sixteen-letters-", "eth 1", "../x"] {
            let settings = Settings { lan: vec![lan.into()], ..Settings::default() };
            assert!(settings.check().is_err(), "{lan}");
        }
        let settings = Settings { lan: vec!["ppp*".into(), "br0".into()], ..Settings::default() };
        assert_eq!(
            settings.interfaces().unwrap(),
            [InterfacePattern::StartsWith("ppp".into()), InterfacePattern::Exact("br0".into())]
        );
        for settings in [
            Settings { shape: vec!["ppp*".into()], ..Settings::default() },
            Settings { wan: Some("eth 0".into()), ..Settings::default() },
        ] {
            assert!(settings.check().is_err(), "{settings:?}");
        }
        let loopback = Settings { captive: Some("127.0.0.1:8080".parse().unwrap()), ..settings };
        assert!(loopback.check().unwrap_err().to_string().contains("127.0.0.1:8080"));
    }
}
