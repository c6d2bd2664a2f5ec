//! The three lists, each rendered once for each revision and shared by all who poll it.

use super::line::{self, LineStyle};
use crate::directory::{Cursor, Delta, Visible};
use crate::model::Vendor;
use crate::operations::Operations;
use ipnet::IpNet;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Rendered lists kept at most, and their octets together.
const LISTS_MAX: usize = 64;
const OCTETS_MAX: usize = 256 * 1024 * 1024;
/// About the length of a line, for the first buffer.
const LINE_OCTETS: usize = 112;
/// Octets of the hash that make an ETag.
const ETAG_OCTETS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum List {
    Logged,
    Negbal,
    Blocked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Family {
    #[default]
    V4,
    V6,
}

/// Which lines a poll wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Selection {
    pub list: List,
    /// None: of all NASes.
    pub nas: Option<IpAddr>,
    /// Its vendor, for subscribers that are on no NAS of their own.
    pub vendor: Option<Vendor>,
    pub family: Family,
}

impl Selection {
    /// Family 4 is single addresses only: pollers of the dialect do not know prefixes.
    fn has_family(&self, address: &IpNet) -> bool {
        match (self.family, address) {
            (Family::V4, IpNet::V4(net)) => net.prefix_len() == net.max_prefix_len(),
            (Family::V6, IpNet::V6(_)) => true,
            _ => false,
        }
    }

    fn holds(&self, visible: &Visible) -> bool {
        let listed = match self.list {
            List::Logged => visible.logged,
            List::Negbal => visible.negbal,
            List::Blocked => visible.blocked,
        };
        listed && visible.is_on(self.nas)
    }

    fn style<'a>(&self, placeholder: &'a str) -> LineStyle<'a> {
        LineStyle { nas: self.nas, vendor: self.vendor, placeholder }
    }

    /// The lines that changed, `- IP` for those that are gone (or never were in this list).
    pub fn changed_lines(&self, placeholder: &str, delta: &Delta) -> Vec<u8> {
        let style = self.style(placeholder);
        let mut lines = Vec::new();
        for (address, owner) in delta.rows.iter().filter(|(address, _)| self.has_family(address)) {
            match owner.as_ref().filter(|visible| self.holds(visible)) {
                Some(visible) => line::write_line(&mut lines, *address, visible, &style),
                None => {
                    lines.extend_from_slice(b"- ");
                    line::write_address(&mut lines, *address);
                    lines.push(b'\n');
                }
            }
        }
        lines
    }

    /// The whole list as it is now; the bytes of `previous` when nothing in them changed.
    fn render(&self, operations: &Operations, placeholder: &str, previous: Option<&Rendered>) -> Rendered {
        let style = self.style(placeholder);
        let (cursor, rows) = operations.directory.rows();
        let mut body = Vec::with_capacity(previous.map_or(0, |old| old.body.len() + LINE_OCTETS));
        for (address, visible) in &rows {
            if self.has_family(address) && self.holds(visible) {
                line::write_line(&mut body, *address, visible, &style);
            }
        }
        if let Some(old) = previous.filter(|old| *old.body == *body) {
            return Rendered { cursor, body: Arc::clone(&old.body), etag: old.etag.clone() };
        }
        let etag = etag(&body);
        Rendered { cursor, body: body.into(), etag }
    }
}

fn etag(body: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("\"");
    for octet in Sha256::digest(body).iter().take(ETAG_OCTETS) {
        let _ = write!(text, "{octet:02x}");
    }
    text.push('"');
    text
}

/// A list as it goes out.
#[derive(Debug)]
pub(super) struct Rendered {
    /// What it was rendered from.
    pub cursor: Cursor,
    pub body: Arc<[u8]>,
    /// By the bytes: the same list has the same tag, after a restart too.
    pub etag: String,
}

/// A list that could not be rendered: the server is going down.
#[derive(Debug)]
pub(super) struct Unavailable;

/// The cache.
#[derive(Default)]
pub(super) struct Lists {
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_selection: HashMap<Selection, Slot>,
    uses: u64,
}

struct Slot {
    /// Held by whoever renders; the others wait for it and find the work done.
    rendered: Arc<tokio::sync::Mutex<Option<Arc<Rendered>>>>,
    octets: usize,
    last_use: u64,
}

impl Lists {
    /// The list as of now or later.
    pub async fn current(
        &self,
        operations: &Arc<Operations>,
        selection: Selection,
        placeholder: &str,
    ) -> Result<Arc<Rendered>, Unavailable> {
        let wanted = operations.directory.cursor();
        let slot = self.slot(selection);
        let mut held = slot.lock().await;
        if let Some(rendered) = held.as_ref()
            && rendered.cursor.epoch == wanted.epoch
            && rendered.cursor.n >= wanted.n
        {
            return Ok(Arc::clone(rendered));
        }
        let previous = held.clone();
        let (operations, placeholder) = (Arc::clone(operations), placeholder.to_owned());
        // A hundred thousand lines take long enough to keep other requests waiting.
        let rendering = tokio::task::spawn_blocking(move || {
            selection.render(&operations, &placeholder, previous.as_deref())
        });
        let rendered = Arc::new(rendering.await.map_err(|_| Unavailable)?);
        *held = Some(Arc::clone(&rendered));
        drop(held);
        self.slots.lock().note_size(&selection, rendered.body.len());
        Ok(rendered)
    }

    /// Drops everything: the lines would look otherwise now.
    pub fn forget(&self) {
        self.slots.lock().by_selection.clear();
    }

    fn slot(&self, selection: Selection) -> Arc<tokio::sync::Mutex<Option<Arc<Rendered>>>> {
        let mut slots = self.slots.lock();
        slots.uses += 1;
        let now = slots.uses;
        if !slots.by_selection.contains_key(&selection) && slots.by_selection.len() >= LISTS_MAX {
            slots.drop_oldest(&selection);
        }
        let slot = slots.by_selection.entry(selection).or_insert_with(|| Slot {
            rendered: Arc::default(),
            octets: 0,
            last_use: now,
        });
        slot.last_use = now;
        Arc::clone(&slot.rendered)
    }
}

impl Slots {
    fn note_size(&mut self, selection: &Selection, octets: usize) {
        if let Some(slot) = self.by_selection.get_mut(selection) {
            slot.octets = octets;
        }
        while self.by_selection.values().map(|slot| slot.octets).sum::<usize>() > OCTETS_MAX {
            if !self.drop_oldest(selection) {
                self.by_selection.remove(selection);
            }
        }
    }

    /// Drops the list that was not asked for the longest, other than `kept`.
    fn drop_oldest(&mut self, kept: &Selection) -> bool {
        let others = self.by_selection.iter().filter(|(selection, _)| *selection != kept);
        let oldest = others.min_by_key(|(_, slot)| slot.last_use).map(|(selection, _)| *selection);
        oldest.is_some_and(|oldest| self.by_selection.remove(&oldest).is_some())
    }
}
