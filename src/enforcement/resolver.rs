//! Keeps the walled garden's host names looked up.

use super::daemon::Event;
use super::settings::WalledEntry;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_secs(300);
/// While a name has never been found (no network yet, at boot).
const INTERVAL_UNFOUND: Duration = Duration::from_secs(10);
/// Addresses of one name at most.
const ADDRESSES_OF_NAME_MAX: usize = 256;

/// What is known of the garden's names.
#[derive(Debug, Default)]
pub struct Garden {
    fixed: Vec<IpNet>,
    /// None: never found since the start.
    names: BTreeMap<String, Option<Vec<IpAddr>>>,
    /// Stands in while a name has not been found.
    before: Vec<IpNet>,
}

impl Garden {
    /// `before`: the garden as it was saved.
    pub fn new(garden: &[WalledEntry], before: &[IpNet]) -> Garden {
        let mut known = Garden { before: before.to_vec(), ..Garden::default() };
        for entry in garden {
            match entry {
                WalledEntry::Net(net) => known.fixed.push(*net),
                WalledEntry::Name(name) => {
                    known.names.insert(name.clone(), None);
                }
            }
        }
        known
    }

    /// Looks every name up; one that is not found keeps the addresses it had.
    pub fn look_up(&mut self, resolve: impl Fn(&str) -> Vec<IpAddr>) {
        for (name, known) in &mut self.names {
            let mut found = resolve(name);
            found.truncate(ADDRESSES_OF_NAME_MAX);
            if !found.is_empty() {
                *known = Some(found);
            } else {
                tracing::warn!(name, "walled-garden: no address found");
            }
        }
    }

    pub fn all_found(&self) -> bool {
        self.names.values().all(Option::is_some)
    }

    /// The garden as far as it is known.
    pub fn nets(&self) -> Vec<IpNet> {
        let mut nets = self.fixed.clone();
        nets.extend(self.names.values().flatten().flatten().map(|address| IpNet::from(*address)));
        if !self.all_found() {
            nets.extend(&self.before);
        }
        nets.sort_unstable();
        nets.dedup();
        nets
    }
}

/// Looks names up until it is to stop; every change is an event. Returns at once without names.
pub fn run(mut garden: Garden, events: &SyncSender<Event>, stop: &Arc<AtomicBool>) {
    let mut last = garden.nets();
    while !garden.names.is_empty() {
        garden.look_up(|name| {
            let addresses = (name, 0).to_socket_addrs();
            addresses.map(|found| found.map(|a| a.ip()).collect()).unwrap_or_default()
        });
        let nets = garden.nets();
        if nets != last && events.send(Event::Walled(nets.clone())).is_err() {
            return;
        }
        last = nets;
        let next = Instant::now() + if garden.all_found() { INTERVAL } else { INTERVAL_UNFOUND };
        while Instant::now() < next {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_addresses_when_the_resolver_fails() {
        let entries = ["192.0.2.0/24".parse().unwrap(), "pay.example.org".parse().unwrap()];
        let saved: Vec<IpNet> = vec!["192.0.2.0/24".parse().unwrap(), "198.51.100.7/32".parse().unwrap()];
        let mut garden = Garden::new(&entries, &saved);
        garden.look_up(|_| Vec::new());
        assert_eq!(garden.nets(), saved, "what was saved stands in at boot");
        garden.look_up(|_| vec!["198.51.100.9".parse().unwrap()]);
        let found: Vec<IpNet> = vec!["192.0.2.0/24".parse().unwrap(), "198.51.100.9/32".parse().unwrap()];
        assert_eq!(garden.nets(), found);
        garden.look_up(|_| Vec::new());
        assert_eq!(garden.nets(), found);
    }

    #[test]
    fn what_was_taken_out_of_the_configuration_is_not_brought_back_by_the_saved_state() {
        let saved: Vec<IpNet> = vec!["198.51.100.7/32".parse().unwrap()];
        assert!(Garden::new(&[], &saved).nets().is_empty());
    }
}
