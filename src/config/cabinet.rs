//! `[cabinet]`: the page debtors are led to.

use super::section::Section;
use std::net::{Ipv4Addr, SocketAddr};

const PORT: u16 = 8080;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cabinet {
    pub listen: Vec<SocketAddr>,
    /// The same page over TLS, with the certificate of `[management]`.
    pub tls_listen: Vec<SocketAddr>,
}

impl Default for Cabinet {
    fn default() -> Cabinet {
        Cabinet { listen: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))], tls_listen: Vec::new() }
    }
}

impl Cabinet {
    pub(super) fn read(section: &mut Section<'_>) -> Cabinet {
        let mut cabinet = Cabinet::default();
        section.listen("listen", &mut cabinet.listen).listen("tls-listen", &mut cabinet.tls_listen);
        cabinet
    }
}
