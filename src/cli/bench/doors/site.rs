//! The server with its subscribers, and nginx beside it.

use super::BenchError;
use super::client;
use crate::cli::bench::subject::{Directory, Process};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(super) const LIST: &str =
    "/system_api/?model=Abonents&method1=collector_manager.users_logged&context=collector&psw=bench";
const READY_WAIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// 10.64.0.1
const FIRST: u32 = 0x0a40_0001;

/// Fields are dropped in order: the processes before their directory.
pub(super) struct Site {
    _server: Process,
    pub server: SocketAddr,
    pub subscribers: u32,
    config: PathBuf,
    directory: Directory,
}

impl Site {
    /// Loads subscribers that are always on, and starts a server that lists them.
    pub fn start(subscribers: u32) -> Result<Site, BenchError> {
        let directory = Directory::make(false)?;
        let server = free_address()?;
        let config = directory.path.join("headgate.toml");
        write(&config, &configuration(&directory.path, server))?;
        let data = directory.path.join("data.toml");
        write(&data, &data_file(0..subscribers, false))?;
        load(&config, &data)?;
        let log = File::create(directory.path.join("serve.log")).map_err(BenchError::system)?;
        let copy = log.try_clone().map_err(BenchError::system)?;
        let mut command = Command::new(std::env::current_exe().map_err(BenchError::system)?);
        command.arg("serve").arg("--config").arg(&config).stdout(copy).stderr(log);
        let process = Process::spawn("the server", &mut command)?;
        let site = Site { _server: process, server, subscribers, config, directory };
        let lines = site.wait_ready()?.iter().filter(|octet| **octet == b'\n').count();
        if u32::try_from(lines) != Ok(subscribers) {
            return Err(BenchError::Failed(format!("the list has {lines} lines of {subscribers}")));
        }
        Ok(site)
    }

    fn wait_ready(&self) -> Result<Vec<u8>, BenchError> {
        let end = Instant::now() + READY_WAIT;
        loop {
            match client::fetch(self.server, LIST) {
                Ok(list) => return Ok(list),
                Err(error) if Instant::now() > end => {
                    let log = fs::read_to_string(self.directory.path.join("serve.log")).unwrap_or_default();
                    return Err(BenchError::Failed(format!("the server does not answer: {error}\n{log}")));
                }
                Err(_) => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// Blocks or unblocks the first so many subscribers, in one load.
    pub fn block(&self, count: u32, blocked: bool) -> Result<(), BenchError> {
        let data = self.directory.path.join("change.toml");
        write(&data, &data_file(0..count, blocked))?;
        load(&self.config, &data)
    }

    /// Starts nginx with these octets in a file.
    pub fn nginx(&self, octets: &[u8]) -> Result<(Process, SocketAddr), BenchError> {
        let root = self.directory.path.join("nginx");
        fs::create_dir_all(root.join("html")).map_err(BenchError::system)?;
        fs::write(root.join("html/list"), octets).map_err(BenchError::system)?;
        let address = free_address()?;
        let config = root.join("nginx.conf");
        write(&config, &nginx_configuration(&root, address))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&root).arg("-c").arg(&config).args(["-e", "stderr"]).stdout(Stdio::null());
        let process = Process::spawn("nginx (Debian's package nginx-light)", &mut command)?;
        let end = Instant::now() + READY_WAIT;
        while client::fetch(address, "/list").is_err() {
            if Instant::now() > end {
                return Err(BenchError::Failed("nginx does not answer".into()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok((process, address))
    }
}

/// As nginx is set up for files: sendfile, open files kept open, a worker for each core, no log.
fn nginx_configuration(root: &Path, address: SocketAddr) -> String {
    let root = root.display();
    format!(
        "daemon off;\nuser root;\npid {root}/nginx.pid;\nworker_processes auto;\nevents {{ worker_connections 256; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  tcp_nodelay on;\n  keepalive_requests 1000000000;\n\
         \x20 open_file_cache max=16;\n  default_type text/plain;\n  client_body_temp_path {root}/a;\n  proxy_temp_path {root}/b;\n\
         \x20 fastcgi_temp_path {root}/c;\n  uwsgi_temp_path {root}/d;\n  scgi_temp_path {root}/e;\n\
         \x20 server {{ listen {address}; root {root}/html; }}\n}}\n"
    )
}

fn configuration(directory: &Path, server: SocketAddr) -> String {
    let directory = directory.display();
    format!(
        r#"[server]
name = "bench"
state-dir = "{directory}"
control-socket = "{directory}/control.sock"

[store]
url = "sqlite:{directory}/headgate.db"

[billing]
require-synchronised-clock = false

[radius]
auth = []
acct = []

[system-api]
listen = ["{server}"]
[system-api.passwords]
collector = "bench"

[cabinet]
listen = []

[management]
listen = []

[cgrates]
tcp = []
http = []

[metrics]
listen = []
"#
    )
}

fn data_file(which: std::ops::Range<u32>, blocked: bool) -> String {
    let mut text = String::new();
    if !blocked {
        text.push_str("[[plan]]\nname = \"home\"\nrate-in = 100000\nrate-out = 100000\n");
        text.push_str("[[nas]]\nname = \"nas\"\naddress = \"127.0.0.1\"\nsecret = \"testing123\"\n");
    }
    for n in which {
        let address = Ipv4Addr::from(FIRST + n);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "[[subscriber]]\nlogin = \"user{n:07}\"\ncontract = \"{n}\"\nplan = \"home\"\nnas = \"nas\"\n\
             access = \"static\"\nip = \"{address}\"\nblocked = {blocked}"
        );
    }
    text
}

fn load(config: &Path, data: &Path) -> Result<(), BenchError> {
    let program = std::env::current_exe().map_err(BenchError::system)?;
    let output = Command::new(program)
        .arg("load")
        .arg(data)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .output()
        .map_err(BenchError::system)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(BenchError::Failed(format!("load: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(BenchError::system)
}

/// A TCP port of loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::system)?;
    listener.local_addr().map_err(BenchError::system)
}
