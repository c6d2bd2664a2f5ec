//! Three network namespaces joined by veth: a subscriber, the access server where this process lives, and an internet.

use super::Ports;
use crate::cli::namespaces::{Namespaces, enter, forward_packets, ip};
use crate::cli::{CliError, enforce};
use crate::config::Config;
use crate::enforcement;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const SUBSCRIBER: &str = "headgate-demo-sub";
const NAS: &str = "headgate-demo-nas";
const INTERNET: &str = "headgate-demo-net";
/// The captive page, on the access server's subscriber side.
pub(super) const CAPTIVE: &str = "10.9.0.1:8080";

/// Keys of `[enforcement]` beyond those of the plain demo.
pub(super) const ENFORCEMENT: &str = r#"lan = ["lan0"]
wan = "wan0"
captive = "10.9.0.1:8080"
walled-garden = ["203.0.113.10"]
sightings = true
"#;

/// What `ip` is told, in order, after the namespaces are there. The subscriber is `volkov` of the sample data, who is
/// logged in by the address and MAC of the first packet.
const LINKS: &[&str] = &[
    "-n headgate-demo-nas link add lan0 type veth peer name up0 netns headgate-demo-sub",
    "-n headgate-demo-nas link add wan0 type veth peer name eth0 netns headgate-demo-net",
    "-n headgate-demo-nas addr add 10.9.0.1/24 dev lan0",
    "-n headgate-demo-nas addr add 203.0.113.1/24 dev wan0",
    "-n headgate-demo-nas link set lan0 up",
    "-n headgate-demo-nas link set wan0 up",
    "-n headgate-demo-sub link set up0 address 02:00:00:00:00:08",
    "-n headgate-demo-sub addr add 10.9.0.11/24 dev up0",
    "-n headgate-demo-sub link set up0 up",
    "-n headgate-demo-sub route add default via 10.9.0.1",
    "-n headgate-demo-net addr add 203.0.113.80/24 dev eth0",
    "-n headgate-demo-net addr add 203.0.113.10/24 dev eth0",
    "-n headgate-demo-net link set eth0 up",
    "-n headgate-demo-net route add 10.9.0.0/24 via 203.0.113.1",
];

/// Octets of `/big`.
const BIG_OCTETS: usize = 100_000_000;
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);

/// The namespaces, as long as it lives.
pub(super) struct Network {
    _namespaces: Namespaces,
}

impl Network {
    /// Makes the namespaces and moves the calling thread into the access server's; what it starts is there too.
    pub fn start() -> Result<Network, CliError> {
        let namespaces = Namespaces::make(&[SUBSCRIBER, NAS, INTERNET])?;
        LINKS.iter().try_for_each(|words| ip(words))?;
        let internet = std::thread::Builder::new().name("internet".into()).spawn(internet);
        internet.map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
        enter(NAS)?;
        forward_packets()?;
        Ok(Network { _namespaces: namespaces })
    }
}

/// A web server for every address of the internet; ends with the process.
fn internet() {
    let listener = enter(INTERNET).map_err(|e| e.to_string()).and_then(|()| {
        TcpListener::bind("0.0.0.0:80").map_err(|error| format!("the internet's web server: {error}"))
    });
    match listener {
        Ok(listener) => {
            for stream in listener.incoming().map_while(Result::ok) {
                let answering = std::thread::Builder::new().spawn(move || {
                    // A client that went away needs no answer.
                    let _ = answer(stream);
                });
                if let Err(error) = answering {
                    tracing::warn!("the internet's web server: {error}");
                }
            }
        }
        Err(error) => tracing::error!("{error}"),
    }
}

/// `/big` is [`BIG_OCTETS`] long, everything else a line that says where one is.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_PATIENCE))?;
    stream.set_write_timeout(Some(REQUEST_PATIENCE))?;
    let mut head = [0; 1024];
    let length = stream.read(&mut head)?;
    let big = head.get(..length).is_some_and(|head| head.starts_with(b"GET /big "));
    let text = format!("the internet: {} asked {}\n", stream.peer_addr()?.ip(), stream.local_addr()?.ip());
    let size = if big { BIG_OCTETS } else { text.len() };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n")?;
    if !big {
        return stream.write_all(text.as_bytes());
    }
    let block = [b'.'; 1 << 16];
    let mut left = BIG_OCTETS;
    while left > 0 {
        let part = block.get(..left.min(block.len())).unwrap_or_default();
        stream.write_all(part)?;
        left -= part.len();
    }
    Ok(())
}

/// `headgate enforce` in a thread of this process.
pub(super) struct Enforcer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Enforcer {
    pub fn start(config: &Config) -> Result<Enforcer, CliError> {
        let settings = enforce::settings(config, false);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("enforce".into()).spawn(move || {
            if let Err(error) = enforcement::run(&settings, &told) {
                eprintln!("the enforcer ended: {error}");
            }
        });
        let thread = thread.map_err(|error| CliError::failed(format!("cannot start: {error}")))?;
        Ok(Enforcer { stop, thread: Some(thread) })
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of that thread has been reported.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

pub(super) fn guide(program: &str, ports: &Ports) -> String {
    let inside = |namespace: &str| format!("ip netns exec {namespace}");
    let (sub, nas) = (inside(SUBSCRIBER), inside(NAS));
    let system_api = ports.system_api;
    format!(
        r#"headgate demo --network is running; end it with Ctrl-C. Three namespaces:

  {SUBSCRIBER}        {NAS}                  {INTERNET}
  10.9.0.11, volkov -- 10.9.0.1   203.0.113.1 -- 203.0.113.80, .10
                       headgate serve + enforce

In another terminal (as root) try:

# the first packet of a known address and MAC logs the subscriber in; the second gets through
{sub} curl -s --retry 3 --retry-all-errors --max-time 2 http://203.0.113.80/
{program} why volkov

# 20 Mbit/s down, as the plan says; then 100 at once
{sub} curl -s -o /dev/null --max-time 5 -w '%{{speed_download}} octets/s\n' http://203.0.113.80/big
{nas} tc -s class show dev lan0
{program} plan volkov home-100 --uncovered
{sub} curl -s -o /dev/null --max-time 5 -w '%{{speed_download}} octets/s\n' http://203.0.113.80/big

# out of money: the captive page instead of the internet, 443 refused at once, the walled garden open
{program} charge volkov 1000 --text "router"
{sub} curl -s http://203.0.113.80/ | grep -o '<h1>[^<]*'
{sub} curl -sS --max-time 2 https://203.0.113.80/
{sub} curl -s http://203.0.113.10/

# a payment opens the gate at once
{nas} curl -g 'http://127.0.0.1:{system_api}/system_api/?model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={{"contract_number":"1008","sum_in":"2000.00","pay_operator":"osmp","pay_id_str":"1","act":"PAY"}}&context=asr_fiscal&psw=demo-fiscal'
{sub} curl -s http://203.0.113.80/

# blocked, and let through again
{program} block volkov --reason "complaint 17"
{sub} curl -sS --max-time 2 http://203.0.113.80/
{program} unblock volkov
{sub} curl -s http://203.0.113.80/

# what the kernel holds
{nas} nft list table inet headgate
{program} sessions
{program} status
"#
    )
}
