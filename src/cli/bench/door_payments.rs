//! Payments for each second through the doors: OSMP `pay` and `act_pay`, each answered after its commit.
//!
//! So many connections are open to a server in a process of its own; each sends a payment, waits for its answer, checks it,
//! and sends the next. Every payment is a new one, to an account by turns. Server and generator share the machine's cores.

use super::BenchError;
use super::args::seconds;
use super::histogram::Histogram;
use super::process::{cpu_ticks, ticks_per_second};
use super::subject::{Directory, Process};
use super::suite::Spread;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const ACCOUNTS: u64 = 10_000;
/// From start until the doors are open.
const READY_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest answer that is read.
const ANSWER_OCTETS_MAX: usize = 64 * 1024;
/// Without an answer for so long the run has failed.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Durable payments for each second over many connections: OSMP pay and act_pay
#[derive(Args, Clone, Debug)]
pub struct OperatorsArgs {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5")]
    rounds: u32,
    /// Measured time of each run
    #[arg(long, value_parser = seconds, default_value = "3")]
    seconds: f64,
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=128), default_value = "64")]
    connections: u32,
    /// The program to measure; default: this one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

impl OperatorsArgs {
    pub fn wants_json(&self) -> bool {
        self.json
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct OperatorsReport {
    pub connections: u32,
    pub rows: Vec<OperatorsRow>,
}

/// Figures of one door over all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorsRow {
    pub door: &'static str,
    pub payments_per_s: Spread,
    /// Microseconds from the request's sending.
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// CPU of the server for each payment, microseconds.
    pub server_cpu_us: Spread,
}

/// A door as it is asked.
#[derive(Clone, Copy)]
enum DoorUnderTest {
    Osmp,
    ActPay,
}

impl DoorUnderTest {
    const fn name(self) -> &'static str {
        match self {
            DoorUnderTest::Osmp => "OSMP pay",
            DoorUnderTest::ActPay => "act_pay",
        }
    }

    fn request(self, id: u64) -> String {
        let account = id % ACCOUNTS;
        let target = match self {
            DoorUnderTest::Osmp => {
                format!("/osmp?command=pay&txn_id={id}&txn_date=20260406142000&account={account}&sum=10.45")
            }
            DoorUnderTest::ActPay => format!(
                "/system_api/?model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={{\"contract_number\":\"{account}\",\
                 \"sum_in\":\"10.45\",\"pay_operator\":\"bench\",\"pay_id_str\":\"{id}\",\"act\":\"PAY\"}}\
                 &context=asr_fiscal&psw=bench"
            ),
        };
        format!("GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n")
    }

    /// Whether this is the answer to a payment that was taken for the first time.
    fn is_right(self, body: &str, id: u64) -> bool {
        match self {
            DoorUnderTest::Osmp => {
                body.contains(&format!("<osmp_txn_id>{id}</osmp_txn_id>"))
                    && body.contains("<result>0</result><comment>OK</comment>")
            }
            DoorUnderTest::ActPay => {
                body.contains(&format!("\"pay_id_str\":\"{id}\"")) && body.contains("\"repeat\":false")
            }
        }
    }
}

/// Starts a server and runs all rounds.
///
/// # Errors
/// The server does not start or answers wrongly.
pub fn operators(args: &OperatorsArgs) -> Result<OperatorsReport, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::system)?;
    let server = Server::start(args.program.as_deref().unwrap_or(&own))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(BenchError::system)?;
    let time = Duration::from_secs_f64(args.seconds);
    let mut runs = [DoorUnderTest::Osmp, DoorUnderTest::ActPay].map(Run::new);
    let next = AtomicU64::new(1);
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for run in &mut runs {
            runtime.block_on(run.measure(&server, args.connections, time, &next))?;
        }
    }
    let rows = runs.iter().map(Run::row).collect::<Option<Vec<_>>>();
    let rows = rows.ok_or_else(|| BenchError::Failed("nothing measured".into()))?;
    Ok(OperatorsReport { connections: args.connections, rows })
}

/// Prints the table for people.
pub fn print(report: &OperatorsReport) {
    println!(
        "| durable payments, {:>3} connections |  median/s |          min - max/s   | p50 us | p99 us | server CPU us |",
        report.connections
    );
    println!(
        "| --------------------------------- | --------: | ---------------------: | -----: | -----: | ------------: |"
    );
    for row in &report.rows {
        let rate = &row.payments_per_s;
        println!(
            "| {:<33} | {:>9.0} | {:>9.0} - {:>9.0} | {:>6} | {:>6} | {:>13.2} |",
            row.door, rate.median, rate.min, rate.max, row.p50_us, row.p99_us, row.server_cpu_us.median
        );
    }
    println!("Server and generator share the cores of this machine.");
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(error.to_string())
}

struct Run {
    door: DoorUnderTest,
    rates: Vec<f64>,
    cpu: Vec<f64>,
    latencies: Histogram,
}

impl Run {
    fn new(door: DoorUnderTest) -> Run {
        Run { door, rates: Vec::new(), cpu: Vec::new(), latencies: Histogram::default() }
    }

    async fn measure(
        &mut self,
        server: &Server,
        connections: u32,
        time: Duration,
        next: &AtomicU64,
    ) -> Result<(), BenchError> {
        let address = match self.door {
            DoorUnderTest::Osmp => server.payments,
            DoorUnderTest::ActPay => server.system_api,
        };
        // Each connection has ids of its own.
        let base = next.fetch_add(u64::from(connections), Ordering::Relaxed);
        let (ticks, start) = (server.ticks()?, Instant::now());
        let mut callers = JoinSet::new();
        for caller in 0..connections {
            let first = (base + u64::from(caller)) * 1_000_000;
            callers.spawn(pay_until(self.door, address, first, start + time));
        }
        let mut count = 0u32;
        while let Some(done) = callers.join_next().await {
            let (paid, latencies) = done.map_err(failed)??;
            count += paid;
            self.latencies.merge(&latencies);
        }
        let elapsed = start.elapsed().as_secs_f64();
        let ticks = u32::try_from(server.ticks()? - ticks).map_err(failed)?;
        self.rates.push(f64::from(count) / elapsed);
        self.cpu.push(f64::from(ticks) / ticks_per_second() * 1e6 / f64::from(count.max(1)));
        Ok(())
    }

    fn row(&self) -> Option<OperatorsRow> {
        Some(OperatorsRow {
            door: self.door.name(),
            payments_per_s: Spread::of(self.rates.iter().copied())?,
            p50_us: self.latencies.quantile(500),
            p99_us: self.latencies.quantile(990),
            max_us: self.latencies.max(),
            server_cpu_us: Spread::of(self.cpu.iter().copied())?,
        })
    }
}

/// One connection: payments one after the other; gives their number.
async fn pay_until(
    door: DoorUnderTest,
    address: SocketAddr,
    first: u64,
    end: Instant,
) -> Result<(u32, Histogram), BenchError> {
    let mut stream = TcpStream::connect(address).await.map_err(BenchError::system)?;
    stream.set_nodelay(true).map_err(BenchError::system)?;
    let (mut count, mut latencies, mut buffer) = (0u32, Histogram::default(), Vec::new());
    while Instant::now() < end {
        let id = first + u64::from(count);
        let sent = Instant::now();
        stream.write_all(door.request(id).as_bytes()).await.map_err(BenchError::system)?;
        let body = tokio::time::timeout(SILENCE_MAX, answer(&mut stream, &mut buffer))
            .await
            .map_err(|_| BenchError::Failed("no answer".into()))??;
        if !door.is_right(body, id) {
            return Err(BenchError::Failed(format!("a wrong answer to {}\n{body}", door.request(id))));
        }
        latencies.add(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
        count += 1;
    }
    Ok((count, latencies))
}

/// The body of the next answer.
async fn answer<'a>(stream: &mut TcpStream, buffer: &'a mut Vec<u8>) -> Result<&'a str, BenchError> {
    buffer.clear();
    loop {
        if let Some((from, length)) = body_of(buffer) {
            let body = buffer.get(from..from + length).unwrap_or_default();
            return std::str::from_utf8(body).map_err(failed);
        }
        let count = stream.read_buf(buffer).await.map_err(BenchError::system)?;
        if count == 0 || buffer.len() > ANSWER_OCTETS_MAX {
            let text = String::from_utf8_lossy(buffer).into_owned();
            return Err(BenchError::Failed(format!("not an answer\n{text}")));
        }
    }
}

/// Where the body begins and how long it is, once all of it is there.
fn body_of(answer: &[u8]) -> Option<(usize, usize)> {
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..head_end)?).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?.parse().ok()?;
    (answer.len() >= head_end + 4 + length).then_some((head_end + 4, length))
}

/// A server process with accounts. Fields are dropped in order: the process before its directory.
struct Server {
    process: Process,
    directory: Directory,
    payments: SocketAddr,
    system_api: SocketAddr,
}

impl Server {
    fn start(program: &Path) -> Result<Server, BenchError> {
        let directory = Directory::make(false)?;
        let (payments, system_api) = (free_address()?, free_address()?);
        let config = directory.path.join("headgate.toml");
        let data = directory.path.join("subscriber.csv");
        fs::write(&config, configuration(&directory.path, payments, system_api))
            .map_err(BenchError::system)?;
        let mut rows = String::from("login,contract,access\n");
        for n in 0..ACCOUNTS {
            // Writing to a String cannot fail.
            let _ = writeln!(rows, "u{n},{n},static");
        }
        fs::write(&data, rows).map_err(BenchError::system)?;
        let loaded = Command::new(program)
            .arg("load")
            .arg(&data)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| BenchError::Failed(format!("cannot start {}: {error}", program.display())))?;
        if !loaded.status.success() {
            let text = String::from_utf8_lossy(&loaded.stderr).into_owned();
            return Err(BenchError::Failed(format!("load ended with {}: {text}", loaded.status)));
        }
        let log = File::create(directory.path.join("serve.log")).map_err(BenchError::system)?;
        let copy = log.try_clone().map_err(BenchError::system)?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(&config).stdout(copy).stderr(log);
        let process = Process::spawn("the server", &mut command)?;
        let mut server = Server { process, directory, payments, system_api };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> Result<(), BenchError> {
        let end = Instant::now() + READY_WAIT;
        while [self.system_api, self.payments].iter().any(|door| std::net::TcpStream::connect(door).is_err())
        {
            if let Some(text) = self.process.ended() {
                let log = fs::read_to_string(self.directory.path.join("serve.log")).unwrap_or_default();
                return Err(BenchError::Failed(format!("{text}\n{log}")));
            }
            if Instant::now() > end {
                return Err(BenchError::Failed(format!("not ready within {} s", READY_WAIT.as_secs())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn ticks(&self) -> Result<u64, BenchError> {
        cpu_ticks(self.process.pid()).ok_or_else(|| BenchError::Failed("the server is gone".into()))
    }
}

/// A TCP port of loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr, BenchError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::system)?;
    listener.local_addr().map_err(BenchError::system)
}

/// Only the two doors are open.
fn configuration(directory: &Path, payments: SocketAddr, system_api: SocketAddr) -> String {
    let directory = directory.display();
    format!(
        "[server]\nname = \"bench\"\nstate-dir = \"{directory}\"\ncontrol-socket = \"{directory}/control.sock\"\n\
         [store]\nurl = \"sqlite:{directory}/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
         [system-api]\nlisten = [\"{system_api}\"]\n[system-api.passwords]\nasr_fiscal = \"bench\"\n\
         [payments]\nlisten = [\"{payments}\"]\n[[payments.operator]]\ncode = \"osmp\"\ndialect = \"osmp\"\n\
         allow = \"127.0.0.1\"\n\
         [cabinet]\nlisten = []\n[metrics]\nlisten = []\n[management]\nlisten = []\n\
         [cgrates]\ntcp = []\nhttp = []\n[log]\nruntime-log = \"\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(body_of(answer), Some((answer.len() - 3, 3)));
        for length in 0..answer.len() {
            assert_eq!(body_of(&answer[..length]), None, "{length}");
        }
    }

    #[test]
    fn the_configuration_of_the_server_is_right() {
        let address = "127.0.0.1:4711".parse().unwrap();
        let text = configuration(Path::new("/tmp/x"), address, "127.0.0.1:4712".parse().unwrap());
        let config = crate::config::Config::parse("bench", &text).unwrap();
        assert_eq!(config.payments.listen, [address]);
        assert!(config.management.listen.is_empty() && config.cgrates.tcp.is_empty());
    }
}
