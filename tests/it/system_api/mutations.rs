//! Ten thousand requests with octets changed, cut, glued and blown up: none is answered with anything but HTTP,
//! none changes anything, none costs memory that stays.

use super::Server;
use headgate::operations::PaymentQuery;
use std::time::{Duration, Instant};

const REQUESTS: u64 = 10_000;
const PARTS: u64 = 5;
const AT_ONCE: u64 = 50;
const SEED: u64 = 0x5eed_2026;
/// Resident memory that may come and stay: arenas and caches that fill once.
const GROWTH_KIB_MAX: i64 = 8 * 1024;

/// xorshift64*: the same mutations in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit.max(1)
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let list = r#"GET /system_api/?method1=collector_manager.users_logged&arg1={"nas_ip": "10.0.0.1"}&context=collector&psw=secret HTTP/1.1"#;
    // The wrong psw: a mutant that mends it does not exist, so money cannot move.
    let pay = r#"context=asr_fiscal&psw=mon&method1=asr_fiscal_manager.act_pay&arg1={"contract_number":"1001","sum_in":"1","pay_operator":"o","pay_id_str":"1","act":"PAY"}"#;
    vec![
        format!("{list}\r\nHost: x\r\nIf-None-Match: \"0\"\r\n\r\n").into_bytes(),
        format!("{list}\r\nHost: x\r\nConnection: keep-alive\r\n\r\n").repeat(3).into_bytes(),
        format!("POST /system_api/ HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{pay}", pay.len()).into_bytes(),
        format!(
            "POST /system_api/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{pay}\r\n0\r\n\r\n",
            pay.len()
        )
        .into_bytes(),
        format!("GET /system_api/?{pay} HTTP/1.0\r\n\r\n").into_bytes(),
        br#"GET /system_api/?format=json&context=web&model=users&method1=web_cabinet.login&arg1={"login":"ivanov","passwd":"y","src_ip":"10.9.0.2"}& HTTP/1.0

"#
        .to_vec(),
        br#"GET /system_api/?context=web&method1=web_cabinet.get_pay_log&arg1={"suid":"0","start_date":"01.04.2026","per_page":2} HTTP/1.0

"#
        .to_vec(),
        b"HEAD /system_api/?context=web&method1=%D0%98%d0 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ]
}

fn mutant(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len());
        match random.below(7) {
            0 | 1 => {
                for _ in 0..=random.below(8) {
                    let at = random.below(octets.len());
                    if let Some(octet) = octets.get_mut(at) {
                        *octet = random.next() as u8;
                    }
                }
            }
            2 => octets.truncate(at),
            3 => octets.extend(seeds[random.below(seeds.len())].clone()),
            4 => {
                let end = (at + random.below(64)).min(octets.len());
                let piece: Vec<u8> = octets[at..end].to_vec();
                octets.splice(at..at, piece.iter().copied().cycle().take(piece.len() * random.below(40)));
            }
            5 => {
                let tokens: [&[u8]; 8] =
                    [b"\r\n", b"\0", b"\xff\xfe", b"{\"", b"%", b"\r\n\r\n", b": ", b"99999999999"];
                octets.splice(at..at, tokens[random.below(tokens.len())].iter().copied());
            }
            _ if random.below(20) == 0 => {
                octets.splice(at..at, std::iter::repeat_n(b'A', 1 << (10 + random.below(11))));
            }
            _ => {
                octets.drain(at..(at + random.below(32)).min(octets.len()));
            }
        }
    }
    octets
}

/// Walks over every answer of a connection; None where something is not HTTP.
fn answers(mut octets: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !octets.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(octets).ok()? else { return None };
        let status = response.code?;
        let length = response.headers.iter().find(|header| header.name == "Content-Length");
        let length: usize = match length {
            Some(header) => std::str::from_utf8(header.value).ok()?.parse().ok()?,
            None if matches!(status, 100 | 304) => 0,
            None => return None,
        };
        let rest = octets.get(head..)?;
        // An answer to HEAD has a length and no body; the next answer then begins right here.
        octets = if rest.starts_with(b"HTTP/1.1 ") || rest.is_empty() { rest } else { rest.get(length..)? };
        count += 1;
    }
    Some(count)
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn send(server: &std::sync::Arc<Server>, from: u64, to: u64) -> usize {
    let seeds = std::sync::Arc::new(seeds());
    let mut answered = 0;
    let mut at = from;
    while at < to {
        let batch = (at..to.min(at + AT_ONCE)).map(|n| {
            let (server, seeds) = (std::sync::Arc::clone(server), std::sync::Arc::clone(&seeds));
            tokio::spawn(async move {
                let octets = mutant(&mut Random(SEED ^ (n + 1) << 20), &seeds);
                let sent = octets.len();
                let answer = server.raw(&octets).await;
                let count = answers(&answer).unwrap_or_else(|| {
                    panic!("mutant {n} of {sent} octets: {:?}", answer.escape_ascii().to_string())
                });
                usize::from(count > 0)
            })
        });
        for task in batch.collect::<Vec<_>>() {
            answered += task.await.unwrap();
        }
        at += AT_ONCE;
    }
    answered
}

/// Set in the process that the test starts for itself: resident memory is a whole process's.
const ALONE: &str = "HEADGATE_TEST_ALONE";

#[test]
fn broken_requests_cost_nothing_and_change_nothing() {
    if std::env::var_os(ALONE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(break_requests());
    }
    let name = "system_api::mutations::broken_requests_cost_nothing_and_change_nothing";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

async fn break_requests() {
    let server = std::sync::Arc::new(Server::start().await);
    let books = |server: &Server| {
        let cursor = server.fixture.operations.directory.cursor();
        (
            cursor,
            server.fixture.balance("1001"),
            server.fixture.operations.payments(&PaymentQuery::default()).unwrap().len(),
        )
    };
    let before = books(&server);
    let list = server.list("users_logged", "{}", "").await;
    let begun = Instant::now();
    let mut resident = Vec::new();
    let mut answered = 0;
    for part in 0..PARTS {
        answered += send(&server, part * REQUESTS / PARTS, (part + 1) * REQUESTS / PARTS).await;
        resident.push(resident_kib());
    }
    let growth = resident[4] - resident[1];
    println!("{REQUESTS} mutants, {answered} answered, {:?}, resident {resident:?} KiB", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    assert!(growth < GROWTH_KIB_MAX, "resident memory grew by {growth} KiB");
    assert!(answered > usize::try_from(REQUESTS / 2).unwrap(), "only {answered} were answered at all");
    assert_eq!(books(&server), before);
    assert_eq!(server.list("users_logged", "{}", "").await, list);
    assert!(server.fixture.operations.reader.check_books().unwrap().is_empty());
}
