//! Speeds and redirections as complete attributes, rendered once for each plan and vendor. One cache per worker: no
//! lock on the way of a login.

use crate::model::{MikrotikBurst, Shape, Vendor};
use crate::radius::auth::rates::rendered_rates;
use crate::radius::auth::rendered_redirect;
use rustc_hash::FxHashMap;

/// More plans than this times vendors are rendered anew now and then.
const RENDERED_MAX: usize = 4096;

/// What a NAS is told of a session's treatment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Treatment {
    pub vendor: Vendor,
    pub shape: Shape,
    pub burst: MikrotikBurst,
    /// Redirected to the captive page.
    pub captive: bool,
}

/// Attributes of treatments.
pub struct Rendered {
    captive_url: String,
    rendered: FxHashMap<Treatment, Box<[u8]>>,
}

impl Rendered {
    pub fn new(captive_url: &str) -> Rendered {
        Rendered { captive_url: captive_url.to_owned(), rendered: FxHashMap::default() }
    }

    /// Complete attributes, for [`crate::radius::codec::PacketWriter::raw`].
    pub fn attributes(&mut self, treatment: Treatment) -> &[u8] {
        if self.rendered.len() >= RENDERED_MAX && !self.rendered.contains_key(&treatment) {
            self.rendered.clear();
        }
        self.rendered.entry(treatment).or_insert_with(|| render(treatment, &self.captive_url))
    }
}

fn render(treatment: Treatment, captive_url: &str) -> Box<[u8]> {
    let rates = rendered_rates(treatment.vendor, &treatment.shape, &treatment.burst);
    if !treatment.captive || (treatment.vendor == Vendor::Wispr && captive_url.is_empty()) {
        return rates;
    }
    match rendered_redirect(treatment.vendor, captive_url) {
        Ok(redirect) => [rates, redirect].concat().into(),
        Err(error) => {
            tracing::error!(%error, captive_url, "the captive page's address does not fit into an attribute");
            rates
        }
    }
}
