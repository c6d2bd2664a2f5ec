//! How soon a payment opens the gate: a server, an enforcer and a debtor who never stops trying.
//!
//! Time runs from the moment at which the payment is handed in at the control socket. It ends for the element when the
//! kernel tells of it, and for the packet when a datagram of the debtor comes back from the far side. So many
//! subscribers on one device are policed: making classes for them takes the kernel too long (docs/shaping.md, Limits).

use super::{EnforcementRow, failed, milliseconds};
use crate::cli::bench::BenchError;
use crate::cli::bench::subject::{Directory, Process};
use crate::cli::client;
use crate::cli::namespaces::{Namespaces, enter, forward_packets, ip};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const SUBSCRIBER: &str = "headgate-bench-sub";
const NAS: &str = "headgate-bench-nas";
const INTERNET: &str = "headgate-bench-net";
/// The first subscriber's address; all are in 10.64.0.0/12.
const FIRST: u32 = 0x0a40_0001;
const ECHO: &str = "203.0.113.80:7";
const LINKS: &[&str] = &[
    "-n headgate-bench-nas link add lan0 type veth peer name up0 netns headgate-bench-sub",
    "-n headgate-bench-nas link add wan0 type veth peer name eth0 netns headgate-bench-net",
    "-n headgate-bench-nas addr add 10.79.255.254/12 dev lan0",
    "-n headgate-bench-nas addr add 203.0.113.1/24 dev wan0",
    "-n headgate-bench-nas link set lan0 up",
    "-n headgate-bench-nas link set wan0 up",
    "-n headgate-bench-sub link set up0 up",
    "-n headgate-bench-sub addr add 10.79.255.253/12 dev up0",
    "-n headgate-bench-sub route add default via 10.79.255.254",
    "-n headgate-bench-net addr add 203.0.113.80/24 dev eth0",
    "-n headgate-bench-net link set eth0 up",
    "-n headgate-bench-net route add 10.64.0.0/12 via 203.0.113.1",
];
const READY_WAIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two tries of the debtor.
const TRY_EVERY: Duration = Duration::from_micros(300);
/// A gate that has not opened by then stays shut.
const PATIENCE: Duration = Duration::from_secs(5);
/// So long a debtor tries before the payment, so that neighbours know each other.
const TRIES_BEFORE: Duration = Duration::from_millis(10);

pub(super) fn rows(subscribers: u32, payments: u32) -> Result<Vec<EnforcementRow>, BenchError> {
    if payments >= subscribers {
        return Err(BenchError::Usage("--payments must be below --subscribers".into()));
    }
    let _namespaces = Namespaces::make(&[SUBSCRIBER, NAS, INTERNET]).map_err(failed)?;
    LINKS.iter().try_for_each(|words| ip(words)).map_err(failed)?;
    let directory = Directory::make(false)?;
    add_addresses(&directory.path, payments)?;
    let stop = AtomicBool::new(false);
    let (element, packet) = std::thread::scope(|scope| {
        let echo = scope.spawn(|| echo(&stop));
        let measuring = scope.spawn(|| {
            enter(NAS).map_err(failed)?;
            forward_packets().map_err(failed)?;
            measure(&directory.path, subscribers, payments)
        });
        let result = measuring.join();
        stop.store(true, Ordering::Relaxed);
        let echoed = echo.join();
        match (result, echoed) {
            (Ok(Ok(times)), Ok(Ok(()))) => Ok(times),
            (Ok(Err(error)), _) | (_, Ok(Err(error))) => Err(error),
            _ => Err(failed("a measuring thread panicked")),
        }
    })?;
    let work = |what: &str| format!("payment to {what}, {subscribers} subscribers");
    Ok(vec![
        EnforcementRow::with_percentile(&work("element changed"), element, "p99 10 ms")?,
        EnforcementRow::with_percentile(&work("first packet there and back"), packet, "p99 20 ms")?,
    ])
}

fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST + n)
}

/// Gives the debtors' addresses to the subscriber's namespace.
fn add_addresses(directory: &Path, count: u32) -> Result<(), BenchError> {
    let mut text = String::new();
    for n in 0..count {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "addr add {}/32 dev up0", address(n));
    }
    let file = directory.join("addresses");
    fs::write(&file, text).map_err(BenchError::system)?;
    ip(&format!("-n {SUBSCRIBER} -batch {}", file.display())).map_err(failed)
}

/// Sends every datagram back.
fn echo(stop: &AtomicBool) -> Result<(), BenchError> {
    enter(INTERNET).map_err(failed)?;
    let socket = UdpSocket::bind(ECHO).map_err(BenchError::system)?;
    socket.set_read_timeout(Some(LOOK_EVERY)).map_err(BenchError::system)?;
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            // A lost answer is a lost packet: the debtor tries again.
            let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), from);
        }
    }
    Ok(())
}

/// Milliseconds to the element and to the packet, of each payment.
fn measure(directory: &Path, subscribers: u32, payments: u32) -> Result<(Vec<f64>, Vec<f64>), BenchError> {
    let config = prepare(directory, subscribers, payments)?;
    let socket = directory.join("control.sock");
    let _server = start("serve", &config, directory)?;
    wait_until("the server answers", || client::is_running(&socket))?;
    let _enforcer = start("enforce", &config, directory)?;
    // The last of the debtors is in the kernel with all the others: a full page is one batch.
    wait_until("the kernel holds the state", || has_element("captive4", address(payments - 1)))?;
    let elements = Elements::open()?;
    let (mut element, mut packet) = (Vec::new(), Vec::new());
    for n in 0..payments {
        let (there, back) = pay_and_wait(&socket, &elements, n)?;
        element.push(milliseconds(there));
        packet.push(milliseconds(back));
    }
    Ok((element, packet))
}

fn pay_and_wait(socket: &Path, elements: &Elements, n: u32) -> Result<(Duration, Duration), BenchError> {
    let (told, came) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || debtor(address(n), &told));
        std::thread::sleep(TRIES_BEFORE);
        let handed_in = Instant::now();
        let params =
            json!({ "who": format!("c{n:06}"), "sum": "10.00", "operator": "bench", "id": n.to_string() });
        client::call(socket, "pay", params).map_err(failed)?;
        let there = elements.wait_for(address(n), handed_in)?;
        let back =
            came.recv_timeout(PATIENCE).map_err(|_| failed("no packet of a debtor who paid came back"))?;
        Ok((there.duration_since(handed_in), back.map_err(failed)?.duration_since(handed_in)))
    })
}

/// Tries until a datagram comes back, and tells when.
fn debtor(from: Ipv4Addr, told: &Sender<Result<Instant, String>>) {
    let tries = || -> Result<Instant, String> {
        enter(SUBSCRIBER).map_err(|error| error.to_string())?;
        let socket = UdpSocket::bind((from, 0)).map_err(|error| error.to_string())?;
        let echo: SocketAddr = ECHO.parse().map_err(|_| "no address".to_owned())?;
        socket.set_read_timeout(Some(TRY_EVERY)).map_err(|error| error.to_string())?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // Refused while the gate is shut.
            let _ = socket.send_to(b"?", echo);
            if socket.recv_from(&mut [0; 8]).is_ok() {
                return Ok(Instant::now());
            }
        }
        Err("no answer".to_owned())
    };
    let _ = told.send(tries());
}

/// Hears which elements the kernel takes in.
struct Elements(Receiver<(Instant, Vec<u8>)>);

impl Elements {
    fn open() -> Result<Elements, BenchError> {
        let fd = netlink_listener().map_err(BenchError::system)?;
        let (told, heard) = channel();
        std::thread::Builder::new()
            .name("elements".into())
            .spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    // SAFETY: the buffer is written for its own length at most; the descriptor is this thread's.
                    let length =
                        unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
                    let Ok(length @ 1..) = usize::try_from(length) else { return };
                    let message = buffer.get(..length).unwrap_or_default().to_vec();
                    if told.send((Instant::now(), message)).is_err() {
                        return;
                    }
                }
            })
            .map_err(BenchError::system)?;
        Ok(Elements(heard))
    }

    /// When the kernel told of a new element with this address, after `since`.
    fn wait_for(&self, address: Ipv4Addr, since: Instant) -> Result<Instant, BenchError> {
        let key = address.octets();
        loop {
            let (at, datagram) =
                self.0.recv_timeout(PATIENCE).map_err(|_| failed("no element came for a debtor who paid"))?;
            if at >= since && new_elements(&datagram).any(|it| it.windows(4).any(|octets| octets == key)) {
                return Ok(at);
            }
        }
    }
}

/// The messages NFT_MSG_NEWSETELEM (12) of subsystem nf_tables (10) in a datagram, of which a transaction's notices
/// fill as few as they can: linux/netlink.h, linux/netfilter/nf_tables.h.
fn new_elements(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = datagram;
    let messages = std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?);
        let message = rest.get(..usize::try_from(length).ok()?.max(16))?;
        rest = rest.get(message.len().next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    });
    messages.filter(|message| message.get(4..6) == Some(&(10u16 << 8 | 12).to_ne_bytes()))
}

/// A socket in group NFNLGRP_NFTABLES.
fn netlink_listener() -> std::io::Result<OwnedFd> {
    // SAFETY: plain system calls; the address is a zeroed structure of the given size, the option a number.
    unsafe {
        let raw =
            libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_NETFILTER);
        if raw < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let fd = OwnedFd::from_raw_fd(raw);
        // A socket that is not bound is told nothing.
        let mut address: libc::sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap_or(0);
        let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_nl>()).unwrap_or(0);
        if libc::bind(raw, (&raw const address).cast(), length) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let group: libc::c_int = libc::NFNLGRP_NFTABLES;
        let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
        let level = libc::SOL_NETLINK;
        if libc::setsockopt(raw, level, libc::NETLINK_ADD_MEMBERSHIP, (&raw const group).cast(), size) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(fd)
    }
}

fn has_element(set: &str, address: Ipv4Addr) -> bool {
    let words = ["get", "element", "inet", "headgate", set, &format!("{{ {address} }}")];
    Command::new("nft").args(words).output().is_ok_and(|output| output.status.success())
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) -> Result<(), BenchError> {
    let end = Instant::now() + READY_WAIT;
    while !done() {
        if Instant::now() > end {
            return Err(failed(format!("waited {} s in vain: {what}", READY_WAIT.as_secs())));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// This program's `serve` or `enforce`, in the namespace of the calling thread.
fn start(command: &'static str, config: &Path, directory: &Path) -> Result<Process, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::system)?;
    let log = File::create(directory.join(format!("{command}.log"))).map_err(BenchError::system)?;
    let copy = log.try_clone().map_err(BenchError::system)?;
    Process::spawn(
        command,
        Command::new(program).arg(command).arg("--config").arg(config).stdout(copy).stderr(log),
    )
}

/// A configuration, and a store with subscribers of whom the first `debtors` owe a rouble.
fn prepare(directory: &Path, subscribers: u32, debtors: u32) -> Result<PathBuf, BenchError> {
    let config = directory.join("headgate.toml");
    let text = format!(
        r#"[server]
state-dir = "{0}"
control-socket = "{0}/control.sock"
[store]
url = "sqlite:{0}/headgate.db"
[radius]
auth = []
acct = []
[system-api]
listen = []
[management]
listen = []
[cgrates]
tcp = []
http = []
[cabinet]
listen = []
[metrics]
listen = []
[log]
runtime-log = ""
[enforcement]
servers = ["unix:{0}/control.sock"]
lan = ["lan*"]
"#,
        directory.display()
    );
    fs::write(&config, text).map_err(BenchError::system)?;
    let mut data = String::from(
        "[[plan]]\nname = \"bench\"\nfee = \"0\"\nperiod = \"none\"\nrate-in = 20000\nrate-out = 20000\n",
    );
    for n in 0..subscribers {
        let balance = if n < debtors { "-1.00" } else { "100.00" };
        let _ = write!(
            data,
            "\n[[subscriber]]\nlogin = \"u{n:06}\"\ncontract = \"c{n:06}\"\nplan = \"bench\"\naccess = \"static\"\n\
             ip = \"{}\"\nbalance = \"{balance}\"\n",
            address(n)
        );
    }
    let file = directory.join("data.toml");
    fs::write(&file, data).map_err(BenchError::system)?;
    let program = std::env::current_exe().map_err(BenchError::system)?;
    let loaded = Command::new(program).arg("load").arg(&file).arg("--config").arg(&config).output();
    let loaded = loaded.map_err(BenchError::system)?;
    if !loaded.status.success() {
        return Err(failed(format!("load: {}", String::from_utf8_lossy(&loaded.stderr))));
    }
    Ok(config)
}
