//! `[management]`: the HTTPS door of pages, `/rpc` and the feed over the network. This version does not serve it;
//! the control socket is its one way in. An empty list of addresses says the same and is taken.

use super::section::Section;

pub(super) fn read(section: &mut Section<'_>) {
    section.not_served_unless_empty("listen").not_served_unless_empty("plain-listen");
    for key in ["tls-certificate", "tls-key", "allow", "sid-days", "feed-token"] {
        section.not_served(key);
    }
}
