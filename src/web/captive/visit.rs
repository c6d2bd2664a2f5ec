//! One request to the page: whose address, which language, and under which name the page was reached.

use super::super::html::percent_encoded;
use super::super::texts::Texts;
use crate::config::PageUrl;
use crate::directory::{Entry, Found};
use crate::doors::http::{Parameters, Request};
use crate::operations::Operations;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Names under which subscribers reach the page itself, rather than some other site's page that was led here.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// Where links to the page lead. None: the page does not know, and stays under the name it was asked by.
    base: Option<PageUrl>,
    authorities: Vec<String>,
}

impl Hosts {
    /// `url` goes before `captive` (where the enforcer sends debtors), that before an address that is listened on.
    pub fn new(url: Option<&PageUrl>, captive: Option<SocketAddr>, listen: &[SocketAddr]) -> Hosts {
        let listen = listen.iter().copied().filter(|address| !address.ip().is_unspecified());
        let plain = captive.into_iter().chain(listen).map(PageUrl::plain);
        let known: Vec<PageUrl> = url.cloned().into_iter().chain(plain).collect();
        Hosts {
            base: known.first().cloned(),
            authorities: known.into_iter().map(|url| url.authority).collect(),
        }
    }

    /// Whether a Host header names the page itself; any does when the page does not know its name.
    pub fn are_own(&self, host: &str) -> bool {
        self.authorities.is_empty() || self.authorities.iter().any(|known| Hosts::same(known, host))
    }

    /// Two authorities of http or https that mean one.
    pub fn same(a: &str, b: &str) -> bool {
        let bare = |text: &str| {
            let text = text.trim().to_ascii_lowercase();
            let short = text.strip_suffix(":80").or_else(|| text.strip_suffix(":443"));
            // `[fd00::80]` ends in no port, and neither does `fd00::80`.
            short.filter(|short| !short.contains(':') || short.ends_with(']')).unwrap_or(&text).to_owned()
        };
        !a.trim().is_empty() && bare(a) == bare(b)
    }
}

/// Who asks, and how to answer.
pub(super) struct Visit<'a> {
    pub address: Option<IpAddr>,
    pub found: Option<Found>,
    pub texts: &'static Texts,
    /// The page was reached by a name of its own.
    pub at_own: bool,
    hosts: &'a Hosts,
    chosen: bool,
}

impl<'a> Visit<'a> {
    pub fn of(request: &Request, hosts: &'a Hosts, operations: &Operations) -> Visit<'a> {
        // The connection's own address and no header's: whoever may write a header could be anybody.
        let address = request.peer.map(|peer| peer.ip().to_canonical());
        let at_own = hosts.are_own(request.headers.find("host").unwrap_or_default());
        let chosen = Parameters::parse(&request.query).find("lang").filter(|_| at_own).and_then(Texts::of);
        let liked = || Texts::for_header(request.headers.find("accept-language").unwrap_or_default());
        Visit {
            found: address.and_then(|address| operations.at_address(address)),
            address,
            texts: chosen.unwrap_or_else(liked),
            at_own,
            hosts,
            chosen: chosen.is_some(),
        }
    }

    /// The same visit, with what is published of the address now.
    pub fn again(&self, operations: &Operations) -> Visit<'a> {
        let found = self.address.and_then(|address| operations.at_address(address));
        Visit { found, ..*self }
    }

    /// The subscriber of the address.
    pub fn entry(&self) -> Option<&Arc<Entry>> {
        self.found.as_ref()?.subscriber.as_ref()
    }

    /// Subscribers of the same contract, this one included.
    pub fn mates(&self) -> &[Arc<Entry>] {
        self.found.as_ref().map_or(&[], |found| &found.mates)
    }

    /// A link to a path of the page, in the language that was chosen.
    pub fn link(&self, path: &str) -> String {
        self.link_in(path, self.chosen.then_some(self.texts))
    }

    /// The same page in the other language.
    pub fn link_to_other_language(&self) -> String {
        self.link_in("/", Some(self.texts.other()))
    }

    fn link_in(&self, path: &str, language: Option<&Texts>) -> String {
        let base = self.hosts.base.as_ref().filter(|_| !self.at_own).map(PageUrl::to_string);
        let language = language.map(|texts| format!("?lang={}", percent_encoded(texts.language)));
        format!("{}{path}{}", base.unwrap_or_default(), language.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_with_and_without_the_port_that_goes_without_saying() {
        for (a, b, same) in [
            ("10.0.0.1", "10.0.0.1:80", true),
            ("Portal.example.org:443", "portal.example.org", true),
            ("10.0.0.1:8080", "10.0.0.1", false),
            ("[fd00::80]", "[fd00::80]:80", true),
            ("[fd00:80]", "[fd00]", false),
            ("", "", false),
        ] {
            assert_eq!(Hosts::same(a, b), same, "{a} {b}");
        }
        let hosts =
            Hosts::new(None, Some("10.0.0.1:80".parse().unwrap()), &["0.0.0.0:8080".parse().unwrap()]);
        assert!(hosts.are_own("10.0.0.1") && !hosts.are_own("example.org") && !hosts.are_own(""));
        let nowhere = Hosts::new(None, None, &["0.0.0.0:8080".parse().unwrap()]);
        assert!(nowhere.are_own("example.org"));
    }
}
