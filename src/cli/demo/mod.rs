//! `headgate demo`: a whole working system with sample data, on loopback or between network namespaces of its own.

mod network;

use super::{CliError, CliResult, Context, logging, serve};
use crate::config::{Config, data};
use crate::doors::tls;
use crate::model::*;
use clap::Args;
use network::Network;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

const SAMPLE: &str = include_str!("../../../config/sample-data.toml");

#[derive(Args)]
pub(super) struct Demo {
    /// Where its files live; kept afterwards. Without it a temporary directory, removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// With a subscriber, an access server with the enforcer, and an internet in network namespaces (root)
    #[arg(long)]
    network: bool,
}

/// The demo's ports: the usual ones where they are free.
struct Ports {
    auth: u16,
    acct: u16,
    system_api: u16,
    management: u16,
    cabinet: u16,
    metrics: u16,
    calls_tcp: u16,
    calls_http: u16,
}

impl Demo {
    pub fn run(&self, _context: &Context) -> CliResult {
        logging::start("warn");
        let (dir, _removed_at_end) = self.directory()?;
        // From here on this process lives in the access server's namespace, ports included.
        let network = if self.network { Some(Network::start()?) } else { None };
        let ports = Ports::choose()?;
        let config_file = dir.join("headgate.toml");
        let (cabinet, enforcement) = match &network {
            None => (format!("127.0.0.1:{}", ports.cabinet), ""),
            Some(_) => (network::CAPTIVE.to_owned(), network::ENFORCEMENT),
        };
        write(&config_file, &(config_text(&dir, &ports, &cabinet) + enforcement))?;
        let config = Config::load(&config_file).map_err(CliError::Config)?;
        load_sample(&config)?;
        let program =
            std::env::current_exe().map_or_else(|_| "headgate".into(), |path| path.display().to_string());
        let program = format!("{program} --config {}", config_file.display());
        let (guide, enforcer) = match &network {
            None => (guide(&program, &dir, &ports), None),
            Some(_) => (network::guide(&program, &ports), Some(network::Enforcer::start(&config)?)),
        };
        let result = serve::serve(config, &config_file, move || println!("{guide}"));
        drop(enforcer);
        result
    }

    /// The directory, and the guard that removes it when it is a temporary one.
    fn directory(&self) -> Result<(PathBuf, Option<TemporaryDirectory>), CliError> {
        let (dir, temporary) = match &self.dir {
            Some(dir) => (std::path::absolute(dir).map_err(CliError::failed)?, None),
            None => {
                let dir = std::env::temp_dir().join(format!("headgate-demo-{}", std::process::id()));
                (dir.clone(), Some(TemporaryDirectory(dir)))
            }
        };
        std::fs::create_dir_all(&dir)
            .map_err(|error| CliError::failed(format!("{}: {error}", dir.display())))?;
        Ok((dir, temporary))
    }
}

struct TemporaryDirectory(PathBuf);

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's cleaning of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Ports {
    fn choose() -> Result<Ports, CliError> {
        Ok(Ports {
            auth: free(1812, |port| UdpSocket::bind(("127.0.0.1", port)).is_ok())?,
            acct: free(1813, |port| UdpSocket::bind(("127.0.0.1", port)).is_ok())?,
            system_api: free(8082, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
            management: free(8443, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
            cabinet: free(8080, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
            metrics: free(9812, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
            calls_tcp: free(2001, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
            calls_http: free(8000, |port| TcpListener::bind(("127.0.0.1", port)).is_ok())?,
        })
    }
}

/// The usual port, or the first free one of some above it.
fn free(usual: u16, is_free: impl Fn(u16) -> bool) -> Result<u16, CliError> {
    (0..10)
        .map(|n| usual + n * 1000)
        .find(|port| is_free(*port))
        .ok_or_else(|| CliError::failed(format!("port {usual} and nine others for it are all in use")))
}

fn write(path: &Path, text: &str) -> CliResult {
    std::fs::write(path, text).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

fn config_text(dir: &Path, ports: &Ports, cabinet: &str) -> String {
    let dir = dir.display();
    let Ports { auth, acct, system_api, management, metrics, calls_tcp, calls_http, .. } = ports;
    format!(
        r#"# Written by `headgate demo`.
[server]
name = "demo"
state-dir = "{dir}"
control-socket = "{dir}/control.sock"

[store]
url = "sqlite:{dir}/headgate.db"

[radius]
auth = ["127.0.0.1:{auth}"]
acct = ["127.0.0.1:{acct}"]

[billing]
require-synchronised-clock = false

[system-api]
listen = ["127.0.0.1:{system_api}"]
[system-api.passwords]
collector = "demo-collector"
asr_fiscal = "demo-fiscal"
webcash = "demo-cash"
api_1c = "demo-1c"
base = "demo-base"
cabinet = "demo-cabinet"

[management]
listen = ["127.0.0.1:{management}"]
[[management.feed-token]]
name = "demo-nas"
token = "demo-feed"

[cgrates]
tcp = ["127.0.0.1:{calls_tcp}"]
http = ["127.0.0.1:{calls_http}"]

[cabinet]
listen = ["{cabinet}"]

[metrics]
listen = ["127.0.0.1:{metrics}"]

[log]
runtime-log = "{dir}/runtime.log"

[enforcement]
servers = ["unix:{dir}/control.sock"]
"#
    )
}

fn load_sample(config: &Config) -> CliResult {
    let file = data::parse("sample-data.toml", SAMPLE.as_bytes()).map_err(CliError::failed)?;
    let ledger = serve::Ledger::open(config, "demo")?;
    let command = Command::Load { file: Box::new(file), options: LoadOptions::default() };
    ledger.writer.call_blocking(command, Actor("demo".into())).map_err(CliError::failed)?;
    let files = RatingFiles {
        rates: Some(include_str!("../../../config/sample-rating/ap.json").to_owned()),
        destinations: Some(include_str!("../../../config/sample-rating/dest.json").to_owned()),
        plans: Some(include_str!("../../../config/sample-rating/tp.json").to_owned()),
        budgets: Some(include_str!("../../../config/sample-rating/ub.json").to_owned()),
    };
    let rating = CallCommand::Load { files: Box::new(files), options: LoadOptions::default() };
    ledger.writer.call_blocking(Command::Calls(rating), Actor("demo".into())).map_err(CliError::failed)?;
    Ok(())
}

fn guide(program: &str, dir: &Path, ports: &Ports) -> String {
    let Ports { auth, acct, system_api, management, cabinet, metrics, calls_tcp, calls_http } = ports;
    let certificate = tls::certificate_path(dir).display().to_string();
    let list = |name: &str| {
        format!(
            "curl -g 'http://127.0.0.1:{system_api}/system_api/?model=Abonents&method1=collector_manager.{name}\
             &arg1={{\"nas_ip\":\"127.0.0.1\"}}&context=collector&psw=demo-collector'"
        )
    };
    let (logged, negbal, blocked) = (list("users_logged"), list("users_negbal"), list("users_blocked"));
    format!(
        r#"headgate demo is running; end it with Ctrl-C. In another terminal try:

# log in: PAP, CHAP, MS-CHAP (radtest and radclient are in Debian's freeradius-utils)
radtest ivanov demo-ivanov 127.0.0.1:{auth} 0 testing123
radtest -t chap ivanov demo-ivanov 127.0.0.1:{auth} 0 testing123
radtest -t mschap ivanov demo-ivanov 127.0.0.1:{auth} 0 testing123

# the NAS reports the session
echo 'User-Name=ivanov,Acct-Session-Id=demo1,Acct-Status-Type=Start,NAS-IP-Address=127.0.0.1,Framed-IP-Address=10.9.0.2' | radclient -x 127.0.0.1:{acct} acct testing123

# what a NAS polls: who is logged in, out of money, blocked
{logged}
{negbal}
{blocked}

# a payment operator pays; the same call again posts nothing
curl -g 'http://127.0.0.1:{system_api}/system_api/?model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={{"contract_number":"1001","sum_in":"200.00","pay_operator":"osmp","pay_id_str":"1","act":"PAY"}}&context=asr_fiscal&psw=demo-fiscal'

# the help desk
{program} why ivanov
{program} find 10.9
{program} charge ivanov 1000 --text "router"
{program} why ivanov
{program} ledger ivanov
{program} status

# calls: what one costs, and money of a budget taken (the CGRateS dialect; JSON-RPC on port {calls_tcp} too)
curl 'http://127.0.0.1:{calls_http}/getcost?cstmid=demo&subj=demo&dest=78121234567&ts=2026-04-06T17:30:00%2B03:00&te=2026-04-06T18:30:00%2B03:00'
curl 'http://127.0.0.1:{calls_http}/debitbalance?cstmid=demo&subj=demo&dest=7@amount=100'

# what an enforcer on another machine follows, over TLS and with its token
curl --cacert {certificate} -H 'Authorization: Bearer demo-feed' https://localhost:{management}/feed

# what a subscriber without money sees, and metrics
curl http://127.0.0.1:{cabinet}/
curl http://127.0.0.1:{metrics}/metrics
"#
    )
}
