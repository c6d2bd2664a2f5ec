//! GetCost for each second over one connection: servers with few and with many prefixes, in turn.
//!
//! A generator keeps so many requests on their way (the window) over one TCP connection to a server in a process of its
//! own, and checks that answers come in order, without errors, and cost what they must. Servers and generator share the
//! machine's cores.

use super::BenchError;
use super::args::seconds;
use super::histogram::Histogram;
use super::process::{cpu_ticks, ticks_per_second};
use super::random::Random;
use super::subject::{Directory, Process};
use super::suite::Spread;
use clap::Args;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Different requests, taken in turn; each of a prefix by chance.
const REQUESTS: usize = 16_384;
const PREFIXES_MAX: u32 = 4_000_000;
/// The first prefix; all have eight digits.
const FIRST: u32 = 70_000_000;
/// Different price lists, as many with ten prefixes as with a million: the number of prefixes is what is compared.
const PRICES: u32 = 10;
const WARM_UP: Duration = Duration::from_millis(500);
/// From start until the door is open: a million prefixes are read first.
const READY_WAIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const READ_OCTETS: usize = 256 * 1024;
/// Without any answer for so long the run has failed.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// GetCost for each second over one pipelined TCP connection, with few and with many prefixes
#[derive(Args, Clone, Debug)]
pub struct CallsArgs {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "40")]
    rounds: u32,
    /// Measured time of each run
    #[arg(long, value_parser = seconds, default_value = "0.3")]
    seconds: f64,
    /// Prefixes loaded, a server for each number; ratios are to the first
    #[arg(long, value_delimiter = ',', default_value = "10,1000000",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PREFIXES_MAX)))]
    prefixes: Vec<u32>,
    /// Requests on their way at once
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=400), default_value = "128")]
    window: u32,
    /// The program to measure; default: this one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

impl CallsArgs {
    pub fn wants_json(&self) -> bool {
        self.json
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct CallsReport {
    pub window: u32,
    pub rows: Vec<CallsRow>,
}

/// Figures of one server over all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct CallsRow {
    pub prefixes: u32,
    pub replies_per_s: Spread,
    /// By the same round's rate of the first server.
    pub ratio: Spread,
    /// Microseconds from the request's sending.
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// CPU of the server for each reply, microseconds.
    pub server_cpu_us: Spread,
}

/// Starts the servers and runs all rounds.
///
/// # Errors
/// A server does not start or answers wrongly.
pub fn calls(args: &CallsArgs) -> Result<CallsReport, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::system)?;
    let program = args.program.as_deref().unwrap_or(&own);
    let mut runs = Vec::new();
    for prefixes in &args.prefixes {
        eprintln!("loading {prefixes} prefixes");
        runs.push(Run {
            server: Server::start(program, *prefixes)?,
            requests: requests(*prefixes),
            rates: Vec::new(),
            cpu: Vec::new(),
            latencies: Histogram::default(),
        });
    }
    let time = Duration::from_secs_f64(args.seconds);
    let window = usize::try_from(args.window).map_err(failed)?;
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        // Which of them comes first makes a difference of up to a sixth here; each does, in turn.
        let forth = round % 2 == 1;
        for place in 0..runs.len() {
            let place = if forth { place } else { runs.len() - 1 - place };
            if let Some(run) = runs.get_mut(place) {
                run.measure(window, time)?;
            }
        }
    }
    let base = runs.first().map(|run| run.rates.clone()).unwrap_or_default();
    let rows = runs.iter().map(|run| run.row(&base)).collect::<Option<Vec<_>>>();
    let rows = rows.ok_or_else(|| BenchError::Failed("nothing measured".into()))?;
    Ok(CallsReport { window: args.window, rows })
}

/// Prints the table for people.
pub fn print(report: &CallsReport) {
    println!(
        "| GetCost, one connection |  median/s |          min - max/s   |  ratio | p50 us | p99 us | server CPU us |"
    );
    println!(
        "| ----------------------- | --------: | ---------------------: | -----: | -----: | -----: | ------------: |"
    );
    for row in &report.rows {
        let rate = &row.replies_per_s;
        println!(
            "| {:>14} prefixes | {:>9.0} | {:>9.0} - {:>9.0} | {:>6.2} | {:>6} | {:>6} | {:>13.2} |",
            row.prefixes,
            rate.median,
            rate.min,
            rate.max,
            row.ratio.median,
            row.p50_us,
            row.p99_us,
            row.server_cpu_us.median
        );
    }
    println!(
        "{} requests on their way at once; each call crosses a change of price, so that an answer has two spans and\n\
         about 1.5 kB. Server and generator share the cores of this machine.",
        report.window
    );
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(error.to_string())
}

struct Run {
    server: Server,
    requests: Vec<Request>,
    rates: Vec<f64>,
    cpu: Vec<f64>,
    latencies: Histogram,
}

struct Request {
    text: Vec<u8>,
    /// What its answer begins with: the id.
    begins: Vec<u8>,
    /// What stands in its answer: the cost.
    holds: Vec<u8>,
}

/// Price in thousandths of the n-th prefix: by day, in the evening half.
fn price(n: u32) -> u32 {
    2 * (n % PRICES + 1)
}

fn thousandths(value: u32) -> String {
    let text = format!("{}.{:03}", value / 1000, value % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn requests(prefixes: u32) -> Vec<Request> {
    let mut random = Random::for_thread(1, 0);
    (0..REQUESTS)
        .map(|id| {
            let limit = usize::try_from(prefixes).unwrap_or(usize::MAX);
            let n = u32::try_from(random.below(limit)).unwrap_or(0);
            // Half an hour by day, half an hour in the evening.
            let cost = 1800 * price(n) + 900 * price(n);
            Request {
                text: format!(
                    "{{\"id\":{id},\"method\":\"Responder.GetCost\",\"params\":[{{\"Tor\":0,\"CstmId\":\"vdf\",\
                     \"Subject\":\"bench\",\"DestinationPrefix\":\"{}5551\",\"TimeStart\":\"2012-02-02T17:30:00Z\",\
                     \"TimeEnd\":\"2012-02-02T18:30:00Z\"}}]}}",
                    FIRST + n
                )
                .into_bytes(),
                begins: format!("{{\"id\":{id},\"result\":{{\"TOR\":0,").into_bytes(),
                holds: format!("\"Cost\":{},", thousandths(cost)).into_bytes(),
            }
        })
        .collect()
}

/// Rates of so many prefixes, one line for each.
fn write_rates(path: &Path, prefixes: u32) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut line = String::new();
    for n in 0..prefixes {
        line.clear();
        let (day, evening) = (thousandths(price(n)), thousandths(price(n) / 2));
        let rest = "\"BillingUnit\":1,\"ConnectFee\":0,\"Ponder\":0,\"Month\":0,\"MonthDay\":0";
        // Writing to a String cannot fail.
        let _ = write!(
            line,
            "{}{{\"TOR\":0,\"CstmId\":\"vdf\",\"Subject\":\"bench\",\"DestinationPrefix\":\"{}\",\"ActivationPeriods\":\
             [{{\"ActivationTime\":\"2012-01-01T00:00:00Z\",\"Intervals\":[\
             {{{rest},\"Price\":{day},\"StartTime\":\"\",\"EndTime\":\"18:00:00\",\"WeekDays\":[1,2,3,4,5]}},\
             {{{rest},\"Price\":{evening},\"StartTime\":\"18:00:00\",\"EndTime\":\"\",\"WeekDays\":[1,2,3,4,5]}},\
             {{{rest},\"Price\":{evening},\"StartTime\":\"\",\"EndTime\":\"\",\"WeekDays\":[6,0]}}]}}]}}",
            if n == 0 { "[" } else { ",\n" },
            FIRST + n
        );
        file.write_all(line.as_bytes())?;
    }
    file.write_all(b"]\n")?;
    file.flush()
}

impl Run {
    fn measure(&mut self, window: usize, time: Duration) -> Result<(), BenchError> {
        let mut line = Line::connect(self.server.tcp, &self.requests, window)?;
        line.run(WARM_UP, None)?;
        let ticks = self.server.ticks()?;
        let start = Instant::now();
        let replies = line.run(time, Some(&mut self.latencies))?;
        let elapsed = start.elapsed().as_secs_f64();
        let cpu =
            f64::from(u32::try_from(self.server.ticks()? - ticks).map_err(failed)?) / ticks_per_second();
        let replies = f64::from(u32::try_from(replies).map_err(failed)?);
        self.rates.push(replies / elapsed);
        self.cpu.push(cpu * 1e6 / replies);
        Ok(())
    }

    fn row(&self, base: &[f64]) -> Option<CallsRow> {
        Some(CallsRow {
            prefixes: self.server.prefixes,
            replies_per_s: Spread::of(self.rates.iter().copied())?,
            ratio: Spread::of(self.rates.iter().zip(base).map(|(rate, base)| rate / base))?,
            p50_us: self.latencies.quantile(500),
            p99_us: self.latencies.quantile(990),
            max_us: self.latencies.max(),
            server_cpu_us: Spread::of(self.cpu.iter().copied())?,
        })
    }
}

/// One connection with a window of requests.
struct Line<'a> {
    stream: TcpStream,
    requests: &'a [Request],
    window: usize,
    /// Number of the next request, and when those on their way were sent.
    next: usize,
    sent: VecDeque<Instant>,
    buffer: Vec<u8>,
    filled: usize,
}

impl<'a> Line<'a> {
    fn connect(address: SocketAddr, requests: &'a [Request], window: usize) -> Result<Line<'a>, BenchError> {
        let stream = TcpStream::connect(address).map_err(BenchError::system)?;
        stream.set_nodelay(true).map_err(BenchError::system)?;
        stream.set_read_timeout(Some(SILENCE_MAX)).map_err(BenchError::system)?;
        let buffer = vec![0; READ_OCTETS];
        Ok(Line { stream, requests, window, next: 0, sent: VecDeque::new(), buffer, filled: 0 })
    }

    /// Keeps the window full for `time`; gives the number of answers.
    fn run(&mut self, time: Duration, mut latencies: Option<&mut Histogram>) -> Result<u64, BenchError> {
        let end = Instant::now() + time;
        let mut replies = 0;
        let mut out = Vec::new();
        while Instant::now() < end {
            out.clear();
            let now = Instant::now();
            while self.sent.len() < self.window {
                let request = self.request(self.next)?;
                out.extend_from_slice(&request.text);
                self.next += 1;
                self.sent.push_back(now);
            }
            self.stream.write_all(&out).map_err(BenchError::system)?;
            replies += self.read(latencies.as_deref_mut())?;
        }
        Ok(replies)
    }

    fn request(&self, number: usize) -> Result<&'a Request, BenchError> {
        let request = self.requests.get(number % REQUESTS);
        request.ok_or_else(|| BenchError::Failed("no requests were made".into()))
    }

    /// Reads once and checks the whole answers.
    fn read(&mut self, mut latencies: Option<&mut Histogram>) -> Result<u64, BenchError> {
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = self.stream.read(free).map_err(BenchError::system)?;
        if count == 0 {
            return Err(BenchError::Failed("the server closed the connection".into()));
        }
        let now = Instant::now();
        self.filled += count;
        let (mut from, mut replies) = (0, 0);
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        while let Some(length) = filled.get(from..).and_then(|rest| rest.iter().position(|o| *o == b'\n')) {
            let answer = filled.get(from..from + length).unwrap_or_default();
            from += length + 1;
            let Some(sent) = self.sent.pop_front() else {
                return Err(BenchError::Failed("more answers than requests".into()));
            };
            let request = self.request(self.next - self.sent.len() - 1)?;
            check(answer, request)?;
            if let Some(latencies) = latencies.as_deref_mut() {
                latencies.add(u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX));
            }
            replies += 1;
        }
        self.buffer.copy_within(from..self.filled, 0);
        self.filled -= from;
        Ok(replies)
    }
}

fn check(answer: &[u8], request: &Request) -> Result<(), BenchError> {
    // The cost stands in front of the spans.
    let front = answer.get(..answer.len().min(200)).unwrap_or_default();
    let right = answer.starts_with(&request.begins)
        && front.windows(request.holds.len()).any(|part| part == request.holds)
        && answer.ends_with(b",\"error\":null}");
    if right {
        return Ok(());
    }
    let (asked, answer) = (String::from_utf8_lossy(&request.text), String::from_utf8_lossy(answer));
    Err(BenchError::Failed(format!("a wrong answer\n{asked}\n{answer}")))
}

/// A server process with so many prefixes. Fields are dropped in order: the process before its directory.
struct Server {
    process: Process,
    directory: Directory,
    tcp: SocketAddr,
    prefixes: u32,
}

impl Server {
    fn start(program: &Path, prefixes: u32) -> Result<Server, BenchError> {
        let directory = Directory::make(false)?;
        let tcp = free_address()?;
        let rates = directory.path.join("rates");
        fs::create_dir(&rates).map_err(BenchError::system)?;
        write_rates(&rates.join("ap.json"), prefixes).map_err(BenchError::system)?;
        let config = directory.path.join("headgate.toml");
        fs::write(&config, configuration(&directory.path, tcp)).map_err(BenchError::system)?;
        let loaded = Command::new(program)
            .args(["load", "--format", "cgrates"])
            .arg(&rates)
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
        let mut server = Server { process, directory, tcp, prefixes };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> Result<(), BenchError> {
        let end = Instant::now() + READY_WAIT;
        while TcpStream::connect(self.tcp).is_err() {
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

/// Only the call door is open.
fn configuration(directory: &Path, tcp: SocketAddr) -> String {
    let directory = directory.display();
    format!(
        "[server]\nname = \"bench\"\nstate-dir = \"{directory}\"\ncontrol-socket = \"{directory}/control.sock\"\n\
         [store]\nurl = \"sqlite:{directory}/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
         [system-api]\nlisten = []\n[cabinet]\nlisten = []\n[metrics]\nlisten = []\n\
         [management]\nlisten = []\n[cgrates]\ntcp = [\"{tcp}\"]\nhttp = []\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_are_the_dialects_file_and_every_request_is_of_a_loaded_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ap.json");
        write_rates(&path, 1_000).unwrap();
        let mut documents = crate::rating::Documents::default();
        let text = fs::read_to_string(&path).unwrap();
        documents.read(crate::rating::DocumentKind::Rates, &text).unwrap();
        let tariffs = crate::rating::Tariffs::new(&documents).unwrap();
        assert_eq!(tariffs.prefixes(), 1_000);
        let rater = crate::rating::Rater::new(&tariffs, false);
        for request in requests(1_000).iter().step_by(97) {
            let value: serde_json::Value = serde_json::from_slice(&request.text).unwrap();
            let call = serde_json::from_value(value["params"][0].clone()).unwrap();
            let cost = serde_json::to_string(&rater.cost(&call, None).unwrap()).unwrap();
            let answer = format!("{{\"id\":{},\"result\":{cost},\"error\":null}}", value["id"]);
            check(answer.as_bytes(), request).unwrap();
            assert!(check(answer.replace("Cost\":", "Cost\":1").as_bytes(), request).is_err());
        }
    }
}
