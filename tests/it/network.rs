//! Namespaces: a subscriber, a NAS and the internet, joined by veth; small servers in them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A network namespace; deleted when dropped, also by a failed test.
pub struct Namespace {
    pub name: String,
}

impl Namespace {
    pub fn new(tag: &str) -> Namespace {
        // SAFETY: takes nothing, gives a number.
        assert_eq!(
            unsafe { libc::geteuid() },
            0,
            "tests of the enforcer make network namespaces: run them as root"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = Namespace { name: format!("hg-{}-{count}-{tag}", std::process::id()) };
        run("ip", &["netns", "add", &namespace.name]);
        namespace.ip("link set lo up");
        // Or IPv6 waits for a second before it speaks.
        namespace.must("for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done");
        namespace
    }

    /// Runs `ip` with these words inside.
    pub fn ip(&self, words: &str) {
        let words: Vec<&str> = ["-n", &self.name].into_iter().chain(words.split(' ')).collect();
        run("ip", &words);
    }

    /// Runs a shell command inside; its output as it is, success or not.
    pub fn shell(&self, command: &str) -> Output {
        Command::new("ip").args(["netns", "exec", &self.name, "sh", "-c", command]).output().unwrap()
    }

    /// Runs a shell command inside, which must succeed; its standard output.
    pub fn must(&self, command: &str) -> String {
        let output = self.shell(command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `body` in a thread of this namespace and waits for it.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(&self.name);
                body()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Starts `nft monitor` for this kind of object; it has begun to listen when this returns.
    pub fn monitor(&self, kind: &str) -> Monitor {
        let listeners = self.listeners();
        let mut process = Command::new("ip")
            .args(["netns", "exec", &self.name, "nft", "monitor"])
            .args(kind.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        wait_until("nft monitor listens", Duration::from_secs(5), || self.listeners() > listeners);
        Monitor { process, lines }
    }

    /// Sockets that hear of changes to nf_tables.
    fn listeners(&self) -> usize {
        let sockets = self.must("cat /proc/net/netlink");
        let hears = |line: &&str| {
            // Columns: sk, Eth (12 is netfilter), Pid, Groups (bit 6 is nf_tables).
            let mut columns = line.split_whitespace().skip(1);
            let (protocol, groups) = (columns.next(), columns.nth(1));
            let groups = groups.and_then(|g| u64::from_str_radix(g, 16).ok()).unwrap_or(0);
            protocol == Some("12") && groups & (1 << 6) != 0
        };
        sockets.lines().filter(hears).count()
    }

    /// Elements of a set of our table as nft shows them, sorted, or the keys of a map; None when there is none.
    pub fn set(&self, name: &str) -> Option<Vec<String>> {
        let listed = |kind| self.shell(&format!("nft -j list {kind} inet headgate {name}"));
        let output = Some(listed("set")).filter(|output| output.status.success());
        let output = output.unwrap_or_else(|| listed("map"));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let set = json["nftables"].as_array()?.iter().find_map(|o| o.get("set").or(o.get("map")))?;
        let mut elements: Vec<String> =
            set.get("elem").and_then(|e| e.as_array()).into_iter().flatten().map(shown).collect();
        elements.sort();
        Some(elements)
    }
}

/// A running `nft monitor`.
pub struct Monitor {
    process: Child,
    lines: Receiver<String>,
}

impl Monitor {
    /// Reads on to the next line that tells of something added and holds `text`.
    pub fn wait_for(&self, text: &str) {
        let wanted = |line: &str| line.starts_with("add") && line.contains(text);
        while !wanted(&self.lines.recv_timeout(Duration::from_secs(5)).unwrap()) {}
    }

    /// The next line, whatever it tells of.
    pub fn next_line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(5)).unwrap()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Moves the calling thread into a namespace; threads it makes begin there too.
pub fn enter(name: &str) {
    let file = File::open(format!("/run/netns/{name}")).unwrap();
    // SAFETY: a valid descriptor of a namespace file.
    let result = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "setns: {}", std::io::Error::last_os_error());
}

/// The key of an element of `nft -j` in few words: an address, `first-last` or `address/length`.
fn shown(element: &serde_json::Value) -> String {
    // Of a map: key and data.
    let element = element.as_array().and_then(|pair| pair.first()).unwrap_or(element);
    // With a counter, a limit or a timeout.
    let element = element.get("elem").map_or(element, |inner| &inner["val"]);
    if let Some(parts) = element.get("concat").and_then(|parts| parts.as_array()) {
        return parts.iter().map(shown).collect::<Vec<_>>().join(" . ");
    }
    if let Some(range) = element.get("range") {
        return format!("{}-{}", range[0].as_str().unwrap(), range[1].as_str().unwrap());
    }
    if let Some(prefix) = element.get("prefix") {
        return format!("{}/{}", prefix["addr"].as_str().unwrap(), prefix["len"]);
    }
    element.as_str().unwrap().to_owned()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// subscriber (10.9.0.2 and more) - lan0 - NAS - wan0 - internet (203.0.113.2 and more).
pub struct Network {
    pub subscriber: Namespace,
    pub nas: Namespace,
    pub internet: Namespace,
}

impl Network {
    pub fn new() -> Network {
        let network = Network {
            subscriber: Namespace::new("sub"),
            nas: Namespace::new("nas"),
            internet: Namespace::new("net"),
        };
        let Network { subscriber, nas, internet } = &network;
        nas.ip(&format!("link add lan0 type veth peer name up0 netns {}", subscriber.name));
        nas.ip(&format!("link add wan0 type veth peer name eth0 netns {}", internet.name));
        for (namespace, device, v4, v6) in [
            (nas, "lan0", "10.9.0.1/24", "fd00:9::1/64"),
            (nas, "wan0", "203.0.113.1/24", "fd00:113::1/64"),
            (subscriber, "up0", "10.9.0.2/24", "fd00:9::2/64"),
            (internet, "eth0", "203.0.113.2/24", "fd00:113::2/64"),
        ] {
            namespace.ip(&format!("addr add {v4} dev {device}"));
            namespace.ip(&format!("-6 addr add {v6} dev {device} nodad"));
            namespace.ip(&format!("link set {device} up"));
        }
        for (namespace, device, v4) in [
            (subscriber, "up0", "10.9.0.66/24"),
            (internet, "eth0", "203.0.113.53/24"),
            (internet, "eth0", "203.0.113.10/24"),
            (internet, "eth0", "203.0.113.80/24"),
        ] {
            namespace.ip(&format!("addr add {v4} dev {device}"));
        }
        nas.must("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
        // Tests are refused more often in a second than the kernel usually cares to say.
        nas.must("echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit");
        subscriber.ip("route add default via 10.9.0.1");
        subscriber.ip("-6 route add default via fd00:9::1");
        internet.ip("route add 10.9.0.0/24 via 203.0.113.1");
        internet.ip("-6 route add fd00:9::/64 via fd00:113::1");
        network
    }
}

/// Answers every HTTP request at `address` in `namespace` with `text`.
pub fn web(namespace: &Namespace, address: &str, text: &'static str) {
    let listener = namespace.inside(|| TcpListener::bind(address).unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut [0; 2048]);
            let length = text.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes()));
        }
    });
}

/// Sends back every datagram that comes to `address`.
pub fn echo_udp(namespace: &Namespace, address: &str) {
    let socket = namespace.inside(|| UdpSocket::bind(address).unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

/// Whether a datagram from `from` in `namespace` to `to` is sent back within a second.
pub fn echoes(namespace: &Namespace, from: &str, to: &str) -> bool {
    namespace.inside(|| {
        let socket = UdpSocket::bind(from).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        socket.send_to(b"?", to.parse::<SocketAddr>().unwrap()).is_ok()
            && socket.recv_from(&mut [0; 16]).is_ok()
    })
}

/// What came of a request by curl: the page, or why there was none.
#[derive(Debug, PartialEq, Eq)]
pub enum Page {
    Shown(String),
    /// Connection refused: a reset.
    Reset,
    /// No route to host or the like: an ICMP error.
    Rejected,
    TimedOut,
    Other(String),
}

impl Page {
    pub fn is(&self, text: &str) -> bool {
        *self == Page::Shown(text.to_owned())
    }
}

/// Fetches `url` from `source`, waiting two seconds at most.
pub fn fetch(namespace: &Namespace, source: &str, url: &str) -> Page {
    let output =
        namespace.shell(&format!("curl -s -v --noproxy '*' --max-time 2 --interface {source} '{url}'"));
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Page::Shown(String::from_utf8_lossy(&output.stdout).into_owned()),
        Some(28) => Page::TimedOut,
        _ if said.contains("Connection refused") || said.contains("reset by peer") => Page::Reset,
        _ if said.contains("No route to host") || said.contains("ermission denied") => Page::Rejected,
        _ => Page::Other(said.into_owned()),
    }
}

/// Waits until `done`, at most `patience`; how long it took.
pub fn wait_until(what: &str, patience: Duration, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < patience, "waited {patience:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

/// A download of the subscriber that never ends; its octets are counted.
pub fn download(network: &Network) -> Arc<AtomicU64> {
    let listener = network.internet.inside(|| TcpListener::bind("203.0.113.2:5001").unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[0; 1400]).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let octets = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&octets);
    let mut stream = network.subscriber.inside(|| TcpStream::connect("203.0.113.2:5001").unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            counted.fetch_add(u64::try_from(length).unwrap(), Ordering::Relaxed);
        }
    });
    octets
}

/// Whether more octets come in time.
pub fn grows(octets: &AtomicU64, within: Duration) -> bool {
    let before = octets.load(Ordering::Relaxed);
    let start = Instant::now();
    while start.elapsed() < within {
        if octets.load(Ordering::Relaxed) > before {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// `kill -9` of a process that was started through `ip netns exec`, which becomes that process.
pub fn kill(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}
