//! `[management]`: the HTTPS door, at which followers of the feed name themselves by a token.

use super::allow::AllowList;
use super::secret::{Passwords, TOKEN, read_tokens};
use super::section::{ABSOLUTE_PATH, Section, absolute_path};
use super::server::name as plain_name;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

const PORT: u16 = 8443;
const SID_DAYS: u32 = 30;
const SID_DAYS_MAX: u32 = 3_650;
/// Tokens are tried one after the other for every request.
const FEED_TOKENS_MAX: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Management {
    /// HTTPS.
    pub listen: Vec<SocketAddr>,
    /// HTTP without TLS, on loopback only.
    pub plain_listen: Vec<SocketAddr>,
    pub certificate: CertificateFiles,
    pub allow: AllowList,
    /// An operator's login (SID) lives so many days.
    pub sid_days: u32,
    pub feed_tokens: Vec<FeedToken>,
}

/// Where certificate chain and key of the TLS doors stand, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFiles {
    /// Made in `state-dir` at the first start.
    SelfSigned,
    Given {
        certificate: PathBuf,
        key: PathBuf,
    },
}

/// What lets one follower (an enforcer, an edge) at the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedToken {
    /// How the follower is called in `headgate status`.
    pub name: String,
    /// The token; two while it is being changed. None when it stands in a file that was not to be read.
    pub token: Passwords,
}

impl Default for Management {
    fn default() -> Management {
        Management {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))],
            plain_listen: Vec::new(),
            certificate: CertificateFiles::SelfSigned,
            allow: AllowList::loopback(),
            sid_days: SID_DAYS,
            feed_tokens: Vec::new(),
        }
    }
}

impl Management {
    /// The name of the follower whose token this is. Every token is compared, in time that tells nothing of them but
    /// their length.
    pub fn follower(&self, token: &str) -> Option<&str> {
        let mut name = None;
        // To the end: which of the tokens was right must not show in the time.
        for known in &self.feed_tokens {
            if known.token.accept(token) {
                name = Some(known.name.as_str());
            }
        }
        name
    }

    pub(super) fn read(section: &mut Section<'_>) -> Management {
        let mut management = Management::default();
        let (mut certificate, mut key) = (None, None);
        let path = |text: &str| absolute_path(text).map(Some);
        section
            .listen("listen", &mut management.listen)
            .listen("plain-listen", &mut management.plain_listen)
            .parsed("tls-certificate", &mut certificate, ABSOLUTE_PATH, path)
            .parsed("tls-key", &mut key, ABSOLUTE_PATH, path)
            .allow("allow", &mut management.allow)
            .number("sid-days", &mut management.sid_days, 1..=SID_DAYS_MAX);
        if management.plain_listen.iter().any(|address| !address.ip().to_canonical().is_loopback()) {
            let why = "without TLS only addresses of loopback are listened on, such as \"127.0.0.1:8444\"";
            section.refuse("plain-listen", &format!("{why}; expected those, or `listen` for the others"));
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                management.certificate = CertificateFiles::Given { certificate, key };
            }
            (None, None) => {}
            (Some(_), None) => section.refuse("tls-certificate", "expected `tls-key` beside it"),
            (None, Some(_)) => section.refuse("tls-key", "expected `tls-certificate` beside it"),
        }
        management.feed_tokens = feed_tokens(section);
        management
    }
}

fn feed_tokens(section: &mut Section<'_>) -> Vec<FeedToken> {
    const NAME: &str = "a name of letters, digits, dots and dashes, at most 63";
    let mut names = Vec::new();
    section.tables("feed-token", FEED_TOKENS_MAX, |table| {
        let files = table.secret_files;
        let mut token = FeedToken { name: String::new(), token: Passwords::default() };
        table.parsed("name", &mut token.name, NAME, plain_name);
        table.value("token", &mut token.token, |node| read_tokens(node, files));
        table.needed("name", NAME).needed("token", TOKEN);
        if names.contains(&token.name) {
            table.refuse("name", "another token has this name; expected one of its own for each follower");
        }
        names.push(token.name.clone());
        token
    })
}
