//! Which NAS a packet comes from.

use crate::model::*;
use crate::radius::codec::SharedSecret;
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A NAS with what the hot path needs ready.
pub struct NasEntry {
    pub nas: Arc<Nas>,
    pub secret: SharedSecret,
    /// It has sent a valid Message-Authenticator: from then on one is demanded ("auto").
    pub sends_message_authenticator: AtomicBool,
}

/// All NASes: single addresses by hash, prefixes by length.
#[derive(Default)]
pub(super) struct Nases {
    hosts: FxHashMap<IpAddr, Arc<NasEntry>>,
    /// Longest first.
    prefixes: Vec<(IpNet, Arc<NasEntry>)>,
    all: Vec<Arc<NasEntry>>,
}

impl Nases {
    /// Takes in the NASes as the ledger has them, keeping what was learned of those that are the same. True when
    /// something is not the same.
    pub fn define<'a>(&mut self, nases: impl Iterator<Item = &'a Arc<Nas>>) -> bool {
        let old = std::mem::take(self);
        let mut kept = 0;
        for nas in nases {
            let known = old.all.iter().find(|entry| entry.nas == *nas);
            kept += usize::from(known.is_some());
            let entry = known.cloned().unwrap_or_else(|| {
                Arc::new(NasEntry {
                    nas: Arc::clone(nas),
                    secret: SharedSecret::new(nas.secret.expose().as_bytes()),
                    sends_message_authenticator: AtomicBool::new(nas.sends_message_authenticator),
                })
            });
            if nas.address.prefix_len() == nas.address.max_prefix_len() {
                self.hosts.insert(nas.address.addr(), Arc::clone(&entry));
            } else {
                self.prefixes.push((nas.address, Arc::clone(&entry)));
            }
            self.all.push(entry);
        }
        self.prefixes.sort_by_key(|(net, _)| std::cmp::Reverse(net.prefix_len()));
        self.all.sort_by_key(|entry| entry.nas.id);
        kept != old.all.len() || kept != self.all.len()
    }

    pub fn find(&self, source: IpAddr) -> Option<&Arc<NasEntry>> {
        let source = source.to_canonical();
        self.hosts
            .get(&source)
            .or_else(|| self.prefixes.iter().find(|(net, _)| net.contains(&source)).map(|(_, entry)| entry))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<NasEntry>> {
        self.all.iter()
    }
}
