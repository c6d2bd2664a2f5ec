//! Who has been silent how long: a subscriber whose octets move is alive, another is asked. Pure: times are arguments.

use crate::model::{Counted, SubscriberId};
use ipnet::IpNet;
use smallvec::SmallVec;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Who is silent for good is asked this much more rarely.
const REST: u32 = 10;

/// When a host is asked and when it counts as silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeTimes {
    /// Without octets from the subscriber for this long, it is asked; and again after as long.
    pub interval: Duration,
    /// Questions without an answer after which it is silent.
    pub tries: u32,
}

impl Default for ProbeTimes {
    fn default() -> ProbeTimes {
        ProbeTimes { interval: Duration::from_secs(30), tries: 5 }
    }
}

#[derive(Debug)]
struct Host {
    subscriber: SubscriberId,
    /// Generation and octets from the subscriber, at the last reading.
    octets: (u64, u64),
    tries: u32,
    due: Instant,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Hosts to be asked; [`Liveness::asked`] is to be called for each that was.
    pub ask: Vec<IpNet>,
    /// Of each subscriber of whom an address has become silent, all that are.
    pub silent: Vec<IpNet>,
}

/// The `ipoe` addresses of the feed.
#[derive(Debug)]
pub struct Liveness {
    times: ProbeTimes,
    hosts: HashMap<IpNet, Host>,
    nets_of: HashMap<SubscriberId, SmallVec<[IpNet; 2]>>,
    by_time: BTreeSet<(Instant, IpNet)>,
}

impl Liveness {
    pub fn new(times: ProbeTimes) -> Liveness {
        Liveness { times, hosts: HashMap::new(), nets_of: HashMap::new(), by_time: BTreeSet::new() }
    }

    /// An address of the feed; one that is known stays as it is unless it is another's now.
    pub fn add(&mut self, net: IpNet, subscriber: SubscriberId, now: Instant) {
        if self.hosts.get(&net).is_some_and(|host| host.subscriber == subscriber) {
            return;
        }
        self.remove(&net);
        let due = now + self.times.interval;
        self.hosts.insert(net, Host { subscriber, octets: (0, 0), tries: 0, due });
        self.nets_of.entry(subscriber).or_default().push(net);
        self.by_time.insert((due, net));
    }

    pub fn remove(&mut self, net: &IpNet) {
        let Some(host) = self.hosts.remove(net) else { return };
        self.by_time.remove(&(host.due, *net));
        if let Some(nets) = self.nets_of.get_mut(&host.subscriber) {
            nets.retain(|other| other != net);
            if nets.is_empty() {
                self.nets_of.remove(&host.subscriber);
            }
        }
    }

    /// Keeps only these.
    pub fn retain(&mut self, wanted: impl Fn(&IpNet) -> bool) {
        let unwanted: Vec<IpNet> = self.hosts.keys().filter(|net| !wanted(net)).copied().collect();
        unwanted.iter().for_each(|net| self.remove(net));
    }

    /// A reading of the kernel: octets from the subscriber prove that it is there, those towards it prove nothing.
    pub fn counted(&mut self, counted: &Counted, now: Instant) {
        let Some(host) = self.hosts.get_mut(&counted.address) else { return };
        let octets = (counted.generation, counted.up_octets);
        if octets > host.octets && counted.up_octets > 0 {
            host.octets = octets;
            self.alive(&counted.address, now);
        }
    }

    /// The host has answered.
    pub fn alive(&mut self, net: &IpNet, now: Instant) {
        self.set(net, 0, now + self.times.interval);
    }

    /// The host was asked.
    pub fn asked(&mut self, net: &IpNet, now: Instant) {
        let tries = self.hosts.get(net).map_or(0, |host| host.tries.saturating_add(1));
        self.set(net, tries, now + self.times.interval);
    }

    fn set(&mut self, net: &IpNet, tries: u32, due: Instant) {
        let Some(host) = self.hosts.get_mut(net) else { return };
        self.by_time.remove(&(host.due, *net));
        (host.tries, host.due) = (tries, due);
        self.by_time.insert((due, *net));
    }

    /// Takes up to `max` hosts whose time has come. A prefix cannot be asked: its time passes all the same.
    pub fn due(&mut self, now: Instant, max: usize) -> Due {
        let mut due = Due::default();
        let come: Vec<IpNet> =
            self.by_time.iter().take_while(|(at, _)| *at <= now).take(max).map(|(_, net)| *net).collect();
        for net in come {
            let Some(host) = self.hosts.get(&net) else { continue };
            let is_host = net.prefix_len() == net.max_prefix_len();
            let (tries, subscriber) = (host.tries, host.subscriber);
            if tries < self.times.tries {
                // Should a host not be asked after all, its time has come again later, and nothing is concluded.
                self.set(&net, tries + u32::from(!is_host), now + self.times.interval);
                if is_host {
                    due.ask.push(net);
                }
                continue;
            }
            self.set(&net, tries, now + self.times.interval * REST);
            if is_host {
                // It may come back without a packet that would be counted.
                due.ask.push(net);
            }
            let nets = self.nets_of.get(&subscriber).into_iter().flatten();
            let silent =
                |net: &&IpNet| self.hosts.get(*net).is_some_and(|host| host.tries >= self.times.tries);
            due.silent.extend(nets.filter(silent));
        }
        due
    }

    pub fn knows(&self, net: &IpNet) -> bool {
        self.hosts.contains_key(net)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    /// One look after each of `n` intervals; everybody that is to be asked is, and nobody answers.
    fn pass(liveness: &mut Liveness, now: &mut Instant, n: u32) -> Due {
        let mut last = Due::default();
        for _ in 0..n {
            *now += INTERVAL;
            last = liveness.due(*now, 100);
            last.ask.iter().for_each(|net| liveness.asked(net, *now));
        }
        last
    }

    fn counted(address: &str, generation: u64, up_octets: u64) -> Counted {
        Counted {
            subscriber: SubscriberId(1),
            address: net(address),
            generation,
            down_octets: 1_000_000,
            up_octets,
            gone: false,
            age_seconds: 0,
        }
    }

    #[test]
    fn a_host_is_silent_after_so_many_questions_and_alive_with_an_answer() {
        let (mut liveness, mut now) = (Liveness::new(ProbeTimes::default()), Instant::now());
        liveness.add(net("10.0.0.1/32"), SubscriberId(1), now);
        assert_eq!(liveness.due(now, 100), Due::default());
        for _ in 0..5 {
            let due = pass(&mut liveness, &mut now, 1);
            assert_eq!((due.ask, due.silent), (vec![net("10.0.0.1/32")], vec![]));
        }
        assert_eq!(pass(&mut liveness, &mut now, 1).silent, [net("10.0.0.1/32")]);
        liveness.alive(&net("10.0.0.1/32"), now);
        assert_eq!(pass(&mut liveness, &mut now, 5).silent, []);
        assert_eq!(pass(&mut liveness, &mut now, 1).silent, [net("10.0.0.1/32")]);
    }

    #[test]
    fn octets_from_the_subscriber_keep_it_alive_unasked_and_those_towards_it_do_not() {
        let (mut liveness, mut now) = (Liveness::new(ProbeTimes::default()), Instant::now());
        liveness.add(net("10.0.0.1/32"), SubscriberId(1), now);
        for octets in 1..50 {
            now += INTERVAL / 3;
            liveness.counted(&counted("10.0.0.1/32", 1, octets), now);
            assert_eq!(liveness.due(now, 100), Due::default());
        }
        liveness.counted(&counted("10.0.0.1/32", 2, 1), now + INTERVAL / 2);
        assert_eq!(
            liveness.due(now + INTERVAL, 100),
            Due::default(),
            "an element made anew counts from nothing"
        );
        for _ in 0..6 {
            now += INTERVAL * 2;
            liveness.counted(&counted("10.0.0.1/32", 2, 1), now);
            liveness.counted(&counted("10.0.0.1/32", 3, 0), now);
            assert_eq!(liveness.due(now, 100).ask.len(), 1);
            liveness.asked(&net("10.0.0.1/32"), now);
        }
    }

    #[test]
    fn what_could_not_be_asked_is_not_silent() {
        let (mut liveness, mut now) = (Liveness::new(ProbeTimes::default()), Instant::now());
        liveness.add(net("10.0.0.1/32"), SubscriberId(1), now);
        for _ in 0..50 {
            now += INTERVAL;
            assert_eq!(liveness.due(now, 100).silent, []);
        }
    }

    #[test]
    fn all_silent_addresses_of_a_subscriber_are_told_together() {
        let (mut liveness, mut now) = (Liveness::new(ProbeTimes::default()), Instant::now());
        for text in ["10.0.0.1/32", "10.0.0.2/32", "2001:db8::/48"] {
            liveness.add(net(text), SubscriberId(1), now);
        }
        liveness.add(net("10.0.0.3/32"), SubscriberId(2), now);
        pass(&mut liveness, &mut now, 4);
        liveness.alive(&net("10.0.0.2/32"), now);
        let mut silent = pass(&mut liveness, &mut now, 2).silent;
        silent.sort();
        silent.dedup();
        assert_eq!(silent, ["10.0.0.1/32", "10.0.0.3/32", "2001:db8::/48"].map(net));
    }

    #[test]
    fn many_are_asked_a_few_at_a_time_and_who_left_the_feed_no_more() {
        let (mut liveness, now) = (Liveness::new(ProbeTimes::default()), Instant::now());
        for n in 1..=250u8 {
            liveness.add(net(&format!("10.0.0.{n}/32")), SubscriberId(n.into()), now);
        }
        liveness.remove(&net("10.0.0.1/32"));
        liveness.retain(|net| *net != "10.0.0.2/32".parse().unwrap());
        assert_eq!(liveness.hosts.len(), 248);
        let now = now + INTERVAL;
        let asked: Vec<usize> = (0..5).map(|_| liveness.due(now, 100).ask.len()).collect();
        assert_eq!(asked, [100, 100, 48, 0, 0]);
    }
}
