//! The NAS with server and enforcer as separate processes, and what stands around it.

use crate::network::{Network, kill, wait_until};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const DATA: &str = r#"
[[plan]]
name = "home-20"
rate-in = 20000
rate-out = 20000
[[nas]]
name = "bras1"
address = "127.0.0.1"
secret = "testing123"
vendor = "linux"
[[subscriber]]
login = "ivanov"
password = "secret-word"
contract = "1001"
name = "Иванов Иван"
plan = "home-20"
nas = "bras1"
ip = "10.9.0.2"
balance = "150.00"
"#;

pub struct BoxUnderTest {
    dir: TempDir,
    namespace: String,
    server: Option<Child>,
    enforcer: Option<Child>,
    /// Names of the packets that the NAS's CoA port has received.
    heard: Arc<Mutex<Vec<&'static str>>>,
    logins: u32,
}

impl BoxUnderTest {
    pub fn start(network: &Network) -> BoxUnderTest {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("headgate.toml"), config(dir.path().to_str().unwrap())).unwrap();
        fs::write(dir.path().join("data.toml"), DATA).unwrap();
        let mut under_test = BoxUnderTest {
            dir,
            namespace: network.nas.name.clone(),
            server: None,
            enforcer: None,
            heard: coa_receiver(network),
            logins: 0,
        };
        let data = under_test.dir.path().join("data.toml");
        under_test.headgate(&["load", data.to_str().unwrap()]);
        under_test.start_server();
        under_test.start_enforcer();
        under_test
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, env!("CARGO_BIN_EXE_headgate")]);
        command.args(words).arg("--config").arg(self.dir.path().join("headgate.toml"));
        command
    }

    /// Runs a command that must succeed; its standard output.
    pub fn headgate(&self, words: &[&str]) -> String {
        let output = self.program(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn spawn(&self, words: &[&str], log: &str) -> Child {
        let log = fs::File::create(self.dir.path().join(log)).unwrap();
        self.program(words).stderr(log).stdout(Stdio::null()).spawn().unwrap()
    }

    pub fn start_server(&mut self) {
        self.server = Some(self.spawn(&["serve"], "server.log"));
        wait_until("the server answers", Duration::from_secs(10), || {
            self.program(&["status", "--json"]).output().unwrap().status.success()
        });
    }

    pub fn start_enforcer(&mut self) {
        self.enforcer = Some(self.spawn(&["enforce"], "enforcer.log"));
        wait_until("the enforcer's table stands", Duration::from_secs(10), || {
            let list = ["netns", "exec", &self.namespace, "nft", "list", "table", "inet", "headgate"];
            Command::new("ip").args(list).output().unwrap().status.success()
        });
    }

    pub fn kill_server(&mut self) {
        kill(self.server.take());
    }

    pub fn kill_enforcer(&mut self) {
        kill(self.enforcer.take());
    }

    fn radclient(&self, packet: &str, port: u16, kind: &str) -> String {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.namespace, "radclient", "-x", "-r", "3", "-t", "2"])
            .args([&format!("127.0.0.1:{port}"), kind, "testing123"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("radclient of Debian's freeradius-utils is installed by make test");
        child.stdin.take().unwrap().write_all(packet.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Access-Request and Accounting-Start, as the NAS sends them.
    pub fn log_in(&mut self) {
        self.logins += 1;
        let session = format!("s{}", self.logins);
        if self.logins > 1 {
            // The session before ended when the NAS obeyed the Disconnect.
            let stop = format!(
                "User-Name=ivanov,Acct-Session-Id=s{},Acct-Status-Type=Stop,Acct-Session-Time=9",
                self.logins - 1
            );
            assert!(self.radclient(&stop, 1813, "acct").contains("Accounting-Response"));
        }
        let accept = self.radclient(
            "User-Name=ivanov,User-Password=secret-word,NAS-IP-Address=127.0.0.1,Message-Authenticator=0x00",
            1812,
            "auth",
        );
        assert!(accept.contains("Received Access-Accept"), "{accept}");
        assert!(accept.contains("Framed-IP-Address = 10.9.0.2"), "{accept}");
        let start = format!(
            "User-Name=ivanov,Acct-Session-Id={session},Acct-Status-Type=Start,Framed-IP-Address=10.9.0.2"
        );
        let response = self.radclient(&start, 1813, "acct");
        assert!(response.contains("Received Accounting-Response"), "{response}");
    }

    fn system_api(&self, query: &str) -> String {
        let url = format!("http://127.0.0.1:8082/system_api/?model=Abonents&{query}");
        let words = ["netns", "exec", &self.namespace, "curl", "-g", "-s", "--max-time", "5", &url];
        let output = Command::new("ip").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn act_pay(&self, sum: &str, id: &str) -> Value {
        let answer = self.system_api(&format!(
            "method1=asr_fiscal_manager.act_pay&arg1={{\"contract_number\":\"1001\",\"sum_in\":\"{sum}\",\
             \"pay_operator\":\"osmp\",\"pay_id_str\":\"{id}\",\"act\":\"PAY\"}}&context=asr_fiscal&psw=f"
        ));
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("not JSON: {answer}"))
    }

    pub fn balance(&self) -> String {
        let found: Value = serde_json::from_str(&self.headgate(&["find", "ivanov", "--json"])).unwrap();
        found[0]["balance"].as_str().unwrap().to_owned()
    }

    /// What others see: the three lists and the kernel's sets.
    pub fn state(&self, network: &Network) -> Vec<String> {
        let mut state: Vec<String> = ["users_logged", "users_negbal", "users_blocked"]
            .iter()
            .map(|list| {
                self.system_api(&format!(
                    "method1=collector_manager.{list}&arg1={{\"nas_ip\":\"127.0.0.1\"}}&context=collector&psw=c"
                ))
            })
            .collect();
        for set in ["down4", "captive4", "blocked4"] {
            state.push(format!("{set} {:?}", network.nas.set(set)));
        }
        state
    }

    /// The CoA receiver has got such a packet since it was last asked for one.
    pub fn nas_must_hear(&self, packet: &'static str, when: &str) {
        wait_until(&format!("{packet} {when}"), Duration::from_secs(1), || {
            let mut heard = self.heard.lock().unwrap();
            let found = heard.contains(&packet);
            if found {
                heard.clear();
            }
            found
        });
    }
}

impl Drop for BoxUnderTest {
    fn drop(&mut self) {
        kill(self.server.take());
        kill(self.enforcer.take());
        if std::thread::panicking() {
            for log in ["server.log", "enforcer.log"] {
                let text = fs::read_to_string(self.dir.path().join(log)).unwrap_or_default();
                eprintln!("--- {log}\n{text}");
            }
        }
    }
}

fn config(dir: &str) -> String {
    format!(
        r#"
[server]
state-dir = "{dir}"
control-socket = "{dir}/control.sock"
[store]
url = "sqlite:{dir}/headgate.db"
[radius]
auth = ["127.0.0.1:1812"]
acct = ["127.0.0.1:1813"]
[system-api]
listen = ["127.0.0.1:8082"]
[system-api.passwords]
collector = "c"
asr_fiscal = "f"
[cgrates]
tcp = []
http = []
[cabinet]
listen = ["10.9.0.1:8080"]
[log]
runtime-log = "{dir}/runtime.log"
[enforcement]
servers = ["unix:{dir}/control.sock"]
lan = ["lan0"]
captive = "10.9.0.1:8080"
"#
    )
}

/// Acknowledges every CoA-Request and Disconnect-Request on the NAS's port 3799 and notes it.
fn coa_receiver(network: &Network) -> Arc<Mutex<Vec<&'static str>>> {
    let socket = network.nas.inside(|| UdpSocket::bind("127.0.0.1:3799").unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut packet = [0u8; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let (name, ack) = match packet[0] {
                40 => ("Disconnect-Request", 41),
                43 => ("CoA-Request", 44),
                _ => continue,
            };
            notes.lock().unwrap().push(name);
            let _ = socket.send_to(&acknowledgement(&packet[..length], ack), from);
        }
    });
    heard
}

/// An ACK without attributes: code, id, length, MD5(code + id + length + request authenticator + secret).
fn acknowledgement(request: &[u8], code: u8) -> Vec<u8> {
    use md5::{Digest, Md5};
    let mut reply = vec![code, request[1], 0, 20];
    let mut digest = Md5::new();
    digest.update(&reply);
    digest.update(&request[4..20]);
    digest.update(b"testing123");
    reply.extend_from_slice(&digest.finalize());
    reply
}

/// A TCP flow from the internet to the subscriber that never ends by itself.
pub struct Flow {
    octets: Arc<AtomicU64>,
}

impl Flow {
    pub fn start(network: &Network) -> Flow {
        let listener = network.internet.inside(|| TcpListener::bind("203.0.113.80:5000").unwrap());
        std::thread::spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else { return };
            // 1 MB/s: it runs for as long as the test and fills no buffer.
            while stream.write_all(&[b'x'; 10_000]).is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let mut stream = network.subscriber.inside(|| TcpStream::connect("203.0.113.80:5000").unwrap());
        let octets = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&octets);
        std::thread::spawn(move || {
            let mut buffer = [0u8; 65536];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                counted.fetch_add(count as u64, Ordering::Relaxed);
            }
        });
        Flow { octets }
    }

    fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }

    /// TCP backs off while it is cut, so a flow that opens again may take some seconds to move.
    pub fn must_run(&self, when: &str) {
        let before = self.octets();
        wait_until(&format!("the flow runs {when}"), Duration::from_secs(15), || {
            self.octets() > before + 50_000
        });
    }

    pub fn must_stall(&self, when: &str) {
        let mut before = self.octets();
        wait_until(&format!("the flow stalls {when}"), Duration::from_secs(1), || {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.octets();
            std::mem::replace(&mut before, now) == now
        });
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(self.octets(), before, "the flow moved again {when}");
    }
}
