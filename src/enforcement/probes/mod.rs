//! Probes: which `ipoe` subscribers are still there, asked by ARP and Neighbor Discovery at a pace that answers survive.
//!
//! Only hosts are asked whose octets have not moved. What silence means for a session is the server's business.

mod frames;
mod interfaces;
mod liveness;
mod sockets;

pub use liveness::{Liveness, ProbeTimes};

use self::interfaces::Interface;
use self::sockets::Sockets;
use super::reporter::News;
use super::settings::InterfacePattern;
use ipnet::IpNet;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Questions a second at most: unpaced, five of six answers were lost.
pub const PROBES_PER_SECOND: usize = 500;
/// How often answers are taken and questions asked.
const TICK: Duration = Duration::from_millis(20);
const PROBES_PER_TICK: usize = PROBES_PER_SECOND / 50;
/// Frames taken from a socket in one tick.
const FRAMES_PER_TICK: usize = 1_024;
/// How often the interfaces are looked at anew.
const INTERFACES_INTERVAL: Duration = Duration::from_secs(5);

/// Asks until it is to stop.
pub struct Prober {
    sockets: Sockets,
    patterns: Vec<InterfacePattern>,
    interfaces: Vec<Interface>,
    /// Where each host answered last: it is asked there first.
    places: HashMap<IpAddr, i32>,
    news: News,
}

impl Prober {
    /// Opens the sockets in the network namespace of the calling thread. Needs CAP_NET_RAW.
    pub fn open(patterns: Vec<InterfacePattern>, news: News) -> io::Result<Prober> {
        let sockets = Sockets::open()?;
        let interfaces = interfaces::list(&patterns, sockets.fd())?;
        Ok(Prober { sockets, patterns, interfaces, places: HashMap::new(), news })
    }

    pub fn run(mut self, stop: &Arc<AtomicBool>) {
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
            self.hear();
            self.ask(Instant::now());
            if looked.elapsed() >= INTERFACES_INTERVAL {
                looked = Instant::now();
                self.look_at_interfaces();
            }
        }
    }

    fn look_at_interfaces(&mut self) {
        match interfaces::list(&self.patterns, self.sockets.fd()) {
            Ok(interfaces) => self.interfaces = interfaces,
            Err(error) => tracing::warn!(%error, "the interfaces cannot be listed"),
        }
        let liveness = self.news.liveness();
        self.places.retain(|address, _| liveness.knows(&IpNet::from(*address)));
    }

    fn hear(&mut self) {
        let now = Instant::now();
        let mut heard: Vec<(IpAddr, i32)> = Vec::new();
        self.sockets.receive(FRAMES_PER_TICK, |interface, frame| {
            heard.extend(frames::present(frame).map(|address| (address, interface)));
        });
        if heard.is_empty() {
            return;
        }
        let mut liveness = self.news.liveness();
        for (address, interface) in heard {
            let net = IpNet::from(address);
            let on_lan = self.interfaces.iter().any(|lan| lan.index == interface);
            if on_lan && liveness.knows(&net) {
                liveness.alive(&net, now);
                self.places.insert(address, interface);
            }
        }
    }

    fn ask(&mut self, now: Instant) {
        let due = self.news.liveness().due(now, PROBES_PER_TICK);
        let mut asked = Vec::with_capacity(due.ask.len());
        for net in due.ask {
            if self.ask_one(net.addr()) {
                asked.push(net);
            }
        }
        let mut liveness = self.news.liveness();
        asked.iter().for_each(|net| liveness.asked(net, now));
        drop(liveness);
        if !due.silent.is_empty() {
            self.news.silent(due.silent);
        }
    }

    /// On the interface where the host answered last, else on all. False: it could not be asked.
    fn ask_one(&mut self, address: IpAddr) -> bool {
        let place = self.places.get(&address).copied();
        // After a question without an answer it is looked for everywhere.
        self.places.remove(&address);
        let here = self.interfaces.iter().filter(|lan| place.is_none_or(|place| lan.index == place));
        let mut sent = false;
        for interface in here {
            let result = match (address, interface.link_local) {
                (IpAddr::V4(target), _) => {
                    self.sockets.send(interface.index, &frames::arp_probe(interface.mac, target))
                }
                (IpAddr::V6(target), Some(source)) => {
                    let frame = frames::solicitation(interface.mac, source, target);
                    self.sockets.send(interface.index, &frame)
                }
                (IpAddr::V6(_), None) => continue,
            };
            match result {
                Ok(()) => sent = true,
                Err(error) => tracing::debug!(%error, interface = interface.name, "a probe was not sent"),
            }
        }
        sent
    }
}
