//! Flows of TCP between a subscriber and the internet, and what classes and sockets say of them.

use super::enforcer::SOON;
use crate::network::{Namespace, Network, wait_until};
use headgate::enforcement::shaping::shaper::Shaper;
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// TCP has filled its queue, lost something and has what it lost, which at 5 Mbit/s takes more than a second.
pub const WARM_UP: Duration = Duration::from_millis(1_800);
/// A flow may stumble for want of a processor, so its class is looked at again and again.
pub const WINDOW: Duration = Duration::from_secs(1);
/// Longer than it is measured; then it is broken off.
pub const A_WHILE: Duration = Duration::from_secs(30);
const MEASURED: Duration = Duration::from_millis(2_400);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Every so many looks the sockets are asked too.
const PAYLOAD_EVERY: u32 = 4;
/// A look that took longer does not say when it was.
const LOOK_LONGEST: Duration = Duration::from_millis(3);

/// A flow of TCP that lasts this long; both ends run until it is over.
pub fn flow(network: &Network, from: &str, port: u16, direction: Direction, duration: Duration) -> Flow {
    let server = if from.contains(':') { "fd00:113::2" } else { "203.0.113.2" };
    let port = port.to_string();
    let listener =
        inside(&network.internet, &["iperf3", "-s", "-1", "-J", "-i", "0.2", "-B", server, "-p", &port]);
    let listens = format!("ss -Hltn sport = :{port} | grep -q .");
    wait_until("iperf3 listens", SOON, || network.internet.shell(&listens).status.success());
    let seconds = format!("{:.1}", duration.as_secs_f64());
    let mut words = vec!["iperf3", "-J", "-c", server, "-B", from, "-p", &port, "-t", &seconds];
    // What iperf3 counts is whole blocks.
    words.extend(["-i", "0.2", "-l", "8K"]);
    if direction == Direction::Down {
        words.push("-R");
    }
    let caller = inside(&network.subscriber, &words);
    let (sender, receiver) = match direction {
        Direction::Up => (caller, listener),
        Direction::Down => (listener, caller),
    };
    Flow { sender: Some(sender), receiver: Some(receiver) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// Where its classes are.
    pub fn device(self) -> &'static str {
        match self {
            Direction::Up => "wan0",
            Direction::Down => "lan0",
        }
    }
}

fn inside(namespace: &Namespace, words: &[&str]) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &namespace.name]).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap()
}

pub struct Flow {
    sender: Option<Child>,
    receiver: Option<Child>,
}

impl Flow {
    /// Waits for the end; what the sender and the receiver say of it.
    pub fn finish(mut self) -> (Value, Value) {
        let report = |child: Option<Child>| -> Value {
            let output = child.unwrap().wait_with_output().unwrap();
            serde_json::from_slice(&output.stdout).unwrap()
        };
        (report(self.sender.take()), report(self.receiver.take()))
    }

    /// Waits for the end; octets of TCP's payload that arrived.
    pub fn payload(self) -> f64 {
        let (_, report) = self.finish();
        report["end"]["sum_received"]["bytes"].as_f64().unwrap_or_else(|| panic!("{report}"))
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        for child in [&mut self.sender, &mut self.receiver].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Measurements until what is measured is as it must be. What a machine that does other things holds up is seen in one
/// of them; a wrong limit in each.
const TRIES: usize = 3;

/// Measures until nothing is said against it; panics with what was said the last time.
pub fn settled(mut measure: impl FnMut() -> Vec<String>) {
    for last in (0..TRIES).rev() {
        let said = measure();
        match (said.is_empty(), last) {
            (true, _) => return,
            (false, 0) => panic!("{said:?}"),
            (false, _) => println!("once more: {said:?}"),
        }
    }
}

/// What is to be said against a measurement.
pub fn within(what: &str, measured: f64, wanted: f64, percent: f64) -> Option<String> {
    println!("{what}: {:.2} of {:.2} Mbit/s", measured / 1e6, wanted / 1e6);
    let apart = (measured - wanted).abs() / wanted * 100.0;
    (apart > percent).then(|| format!("{what}: {measured:.0} is {apart:.1} % from {wanted:.0}"))
}

/// Octets of payload that the flows to these ports have brought so far, by port. By segments: `bytes_received` stands
/// still at each segment that was lost until it comes again, and then leaps.
fn payloads(receiver: &Namespace, ports: std::ops::Range<u16>) -> Vec<f64> {
    let sockets = receiver.must("ss -HtinO");
    let of_port = |port: u16| {
        let (of, word) = (format!(":{port} "), "data_segs_in:");
        let payload = |line: &str| {
            // An Ethernet frame's 1500 octets less the headers of IP and of TCP with timestamps.
            let segment = if line.contains('[') { 1_428.0 } else { 1_448.0 };
            let count = line.split_whitespace().find_map(|w| w.strip_prefix(word))?;
            Some(count.parse::<f64>().unwrap() * segment)
        };
        sockets.lines().filter(|line| line.contains(&of)).filter_map(payload).sum()
    };
    ports.map(of_port).collect()
}

/// A device's classes and, beside them, what arrives of the flows in them. The counters are read without the pauses of a
/// program that is started.
pub struct Meter<'a> {
    shaper: Shaper,
    /// By subscriber.
    classes: &'a [u16],
    receiver: &'a Namespace,
    ports: std::ops::Range<u16>,
}

/// How fast a class was, bits a second.
pub struct Speed {
    /// Over all the time.
    mean: f64,
    /// In its best second.
    best: f64,
}

impl Speed {
    /// What tells of a limit: that it is reached at times, and not passed in the mean. (A second more or less has a
    /// packet of 64 KiB, as the kernel joins them, more or less.)
    pub fn against(&self, limit: f64) -> f64 {
        self.mean.max(self.best.min(limit))
    }
}

/// What the classes have sent and TCP has brought, in octets.
struct Look {
    at: Instant,
    sent: Vec<f64>,
    /// By port; now and then.
    brought: Option<Vec<f64>>,
}

impl<'a> Meter<'a> {
    pub fn new(
        nas: &Namespace,
        device: &str,
        classes: &'a [u16],
        receiver: &'a Namespace,
        ports: std::ops::Range<u16>,
    ) -> Meter<'a> {
        let shaper = nas.inside(|| Shaper::open([device].into_iter()).unwrap());
        Meter { shaper, classes, receiver, ports }
    }

    /// The speed of each class, and the part of what all classes sent that TCP brought, by port:
    /// of the first class, of the second, and so on; later ports are of the last class.
    pub fn measure(&mut self) -> (Vec<Speed>, Vec<f64>) {
        let mut looks: Vec<Look> = Vec::new();
        let began = Instant::now();
        for number in 0.. {
            if began.elapsed() > MEASURED {
                break;
            }
            let brought = (number % PAYLOAD_EVERY == 0).then(|| payloads(self.receiver, self.ports.clone()));
            let at = Instant::now();
            let all = self.shaper.statistics(0).unwrap().unwrap();
            let octets = |subscriber: &u16| octets(all[&(subscriber + 0x10)].octets);
            let sent: Vec<f64> = self.classes.iter().map(octets).collect();
            if at.elapsed() < LOOK_LONGEST {
                looks.push(Look { at, sent, brought });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let classes = 0..self.classes.len();
        (classes.clone().map(|index| speed(&looks, index)).collect(), self.parts(&looks))
    }

    /// Of means over the earlier and the later looks, which evens out when each was taken.
    fn parts(&self, looks: &[Look]) -> Vec<f64> {
        let last = self.classes.len() - 1;
        let part = |index: usize| {
            let both = looks.iter().filter_map(|look| {
                let brought = look.brought.as_ref()?;
                let brought = if index == last { brought[index..].iter().sum() } else { brought[index] };
                Some((look.sent[index], brought))
            });
            let both: Vec<(f64, f64)> = both.collect();
            let (early, late) = both.split_at(both.len() / 2);
            let (early, late) = (mean(early), mean(late));
            (late.1 - early.1) / (late.0 - early.0)
        };
        (0..=last).map(part).collect()
    }
}

fn mean(pairs: &[(f64, f64)]) -> (f64, f64) {
    let count = f64::from(u32::try_from(pairs.len()).unwrap());
    let sum = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    (sum.0 / count, sum.1 / count)
}

fn speed(looks: &[Look], index: usize) -> Speed {
    let between = |from: &Look, to: &Look| {
        (to.sent[index] - from.sent[index]) * 8.0 / to.at.duration_since(from.at).as_secs_f64()
    };
    let windows = looks.iter().filter_map(|from| {
        let to = looks.iter().find(|to| to.at.saturating_duration_since(from.at) >= WINDOW)?;
        Some(between(from, to))
    });
    Speed { mean: between(&looks[0], &looks[looks.len() - 1]), best: windows.fold(0.0, f64::max) }
}

fn octets(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
