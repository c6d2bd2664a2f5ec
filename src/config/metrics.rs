//! `[metrics]`: `/metrics`, `/healthz` and `/readyz`.

use super::section::Section;
use std::net::{Ipv4Addr, SocketAddr};

const PORT: u16 = 9812;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    pub listen: Vec<SocketAddr>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))] }
    }
}

impl Metrics {
    pub(super) fn read(section: &mut Section<'_>) -> Metrics {
        let mut metrics = Metrics::default();
        section.listen("listen", &mut metrics.listen);
        metrics
    }
}
