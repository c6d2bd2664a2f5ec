//! The feed that enforcers and edges follow.

use super::Operations;
use crate::directory::{Cursor, Visible};
use crate::model::*;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// Longest wait of a long poll.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What a follower asks for.
#[derive(Clone, Debug, Default)]
pub struct FeedRequest {
    pub since: Option<Cursor>,
    pub wait: Duration,
    /// Only subscribers of the NAS at this address.
    pub nas: Option<IpAddr>,
}

impl Operations {
    /// A page of the feed. With a cursor that nothing has followed, waits until something changes or the time is over.
    pub async fn feed(&self, request: &FeedRequest) -> FeedPage {
        // Subscribed before the look: whatever changes after it wakes.
        let mut revision = self.directory.subscribe();
        let mut port_rules = self.ports.subscribe();
        let mut page = self.feed_now(request);
        let ports = page.ports.clone();
        let deadline = tokio::time::Instant::now() + request.wait.min(WAIT_MAX);
        loop {
            let news = page.full || !page.entries.is_empty() || !page.gone.is_empty() || page.ports != ports;
            if news || request.wait.is_zero() {
                return page;
            }
            let changed = async {
                tokio::select! {
                    changed = revision.changed() => changed,
                    changed = port_rules.changed() => changed,
                }
            };
            match tokio::time::timeout_at(deadline, changed).await {
                Ok(Ok(())) => page = self.feed_now(request),
                Ok(Err(_)) | Err(_) => return page,
            }
        }
    }

    fn feed_now(&self, request: &FeedRequest) -> FeedPage {
        let delta = request.since.and_then(|cursor| self.directory.since(cursor));
        let Some(delta) = delta else {
            let (cursor, rows) = self.directory.rows();
            let entries = rows
                .iter()
                .filter(|(_, visible)| visible.is_on(request.nas))
                .filter_map(|(net, visible)| entry(*net, visible))
                .collect();
            return FeedPage {
                cursor: cursor.to_string(),
                full: true,
                entries,
                gone: Vec::new(),
                ports: self.port_guards(),
            };
        };
        let mut page = FeedPage {
            cursor: delta.cursor.to_string(),
            full: false,
            entries: Vec::new(),
            gone: Vec::new(),
            ports: self.port_guards(),
        };
        for (net, visible) in delta.rows {
            let wanted = visible.filter(|visible| visible.is_on(request.nas)).and_then(|v| entry(net, &v));
            match wanted {
                Some(entry) => page.entries.push(entry),
                None => page.gone.push(net),
            }
        }
        page
    }

    fn port_guards(&self) -> Vec<PortGuard> {
        let inner = self.directory.read();
        let nases: Vec<IpNet> = inner.nases().map(|entry| entry.nas.address).collect();
        let ports = self.ports.borrow();
        let udp = ports.nas_udp.iter().map(|port| PortGuard {
            protocol: PortProtocol::Udp,
            port: *port,
            sources: nases.clone(),
        });
        let tcp = ports.tcp.iter().map(|(port, sources)| PortGuard {
            protocol: PortProtocol::Tcp,
            port: *port,
            sources: sources.clone(),
        });
        udp.chain(tcp).collect()
    }
}

fn entry(address: IpNet, visible: &Visible) -> Option<FeedEntry> {
    Some(FeedEntry {
        address,
        verdict: visible.gate()?,
        subscriber: visible.subscriber,
        login: visible.login.clone(),
        shape: visible.shape,
        access: visible.access,
        snat: visible.snat,
    })
}
