//! A payment operator that never gives up: it keeps each payment until it is answered, and a journal of the answers.

use super::CONTRACTS;
use super::random::Random;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const OPERATORS: [&str; 7] = ["osmp", "sber", "cash", "bank1", "bank2", "web", "terminal"];
/// One request in so many repeats a payment that was acknowledged before.
const REPEAT_EVERY: u64 = 10;
/// A payment is answered within this, over all kills that it meets.
const PATIENCE: Duration = Duration::from_secs(120);
/// An answer that takes longer is not waited for: the payment is sent again.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(3);

/// What the clients and the killer know of each other.
pub struct Shared {
    address: SocketAddr,
    stopping: AtomicBool,
    answers: AtomicU64,
}

impl Shared {
    pub fn new(address: SocketAddr) -> Shared {
        Shared { address, stopping: AtomicBool::new(false), answers: AtomicU64::new(0) }
    }

    /// Answers so far, of all clients.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::SeqCst)
    }

    /// Each client ends what it has begun, and comes back.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

/// What is sent, and sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub operator: &'static str,
    pub id: String,
    pub contract: String,
    pub kopecks: u64,
    pub date: String,
}

impl Payment {
    pub fn sum(&self) -> String {
        format!("{}.{:02}", self.kopecks / 100, self.kopecks % 100)
    }

    fn request(&self) -> String {
        format!(
            "GET /system_api/?model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={{\"contract_number\":\"{}\",\
             \"sum_in\":\"{}\",\"pay_operator\":\"{}\",\"pay_id_str\":\"{}\",\"date\":\"{}\",\"act\":\"PAY\"}}\
             &context=asr_fiscal&psw=f HTTP/1.1\r\nHost: headgate\r\n\r\n",
            self.contract,
            self.sum(),
            self.operator,
            self.id,
            self.date,
        )
    }
}

/// The server's word for a payment.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    pub payment: Payment,
    pub op_id: i64,
    pub balance: String,
}

/// What one client was told.
#[derive(Default)]
pub struct Journal {
    pub acknowledged: Vec<Acknowledged>,
    /// Taken before a kill and answered after it, when the payment was sent again.
    pub found_on_retry: u64,
    pub repeats_checked: u64,
    /// Answers that a payment of this journal must not get.
    pub wrong: Vec<String>,
}

/// Pays, and repeats what was paid, until the killer says that it is enough.
pub fn pay_until_told(number: usize, shared: &Shared, mut random: Random) -> Journal {
    let mut journal = Journal::default();
    let mut line = Line { address: shared.address, stream: None };
    let mut count = 0;
    while !shared.stopping.load(Ordering::SeqCst) {
        let known = journal.acknowledged.len() as u64;
        if known > 0 && random.between(0, REPEAT_EVERY) == 0 {
            let before = journal.acknowledged[usize::try_from(random.between(0, known)).unwrap()].clone();
            let (answer, _) = line.answer_to(&before.payment);
            journal.check_repeat(&before, &answer);
        } else {
            count += 1;
            let payment = Payment {
                operator: OPERATORS[number % OPERATORS.len()],
                id: format!("{number}-{count}"),
                contract: random.between(0, CONTRACTS).to_string(),
                kopecks: random.between(1, 1_000_000),
                date: format!("2026-04-06T14:20:{:02}", count % 60),
            };
            let (answer, sent) = line.answer_to(&payment);
            journal.take(payment, &answer, sent);
        }
        shared.answers.fetch_add(1, Ordering::SeqCst);
    }
    journal
}

impl Journal {
    /// The first answer to a payment that was sent so many times.
    fn take(&mut self, payment: Payment, answer: &Value, sent: u32) {
        let repeat = answer["repeat"] == true;
        if repeat && sent == 1 {
            self.wrong.push(format!("{payment:?} is new and was answered as a repeat: {answer}"));
        }
        self.found_on_retry += u64::from(repeat);
        match (answer["op_id"].as_i64(), answer["balance"].as_str()) {
            (Some(op_id), Some(balance)) if answer["sum_in"] == payment.sum() => {
                let balance = balance.to_owned();
                self.acknowledged.push(Acknowledged { payment, op_id, balance });
            }
            _ => panic!("{payment:?} was answered with {answer}"),
        }
    }

    /// A repeat is told what the first was told, and that it is one.
    fn check_repeat(&mut self, before: &Acknowledged, answer: &Value) {
        self.repeats_checked += 1;
        let same = answer["op_id"] == before.op_id
            && answer["sum_in"] == before.payment.sum()
            && answer["balance"] == before.balance.as_str()
            && answer["pay_id_str"] == before.payment.id.as_str()
            && answer["repeat"] == true;
        if !same {
            self.wrong.push(format!("{before:?} was repeated and answered with {answer}"));
        }
    }
}

/// A connection that is made again when it breaks.
struct Line {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Line {
    /// Sends until there is an answer that is not "later"; the answer, and how often it was sent.
    fn answer_to(&mut self, payment: &Payment) -> (Value, u32) {
        let (request, begun) = (payment.request(), Instant::now());
        let mut sent = 0;
        loop {
            assert!(begun.elapsed() < PATIENCE, "{payment:?} was not answered in {PATIENCE:?}");
            match self.exchange(&request, &mut sent) {
                Ok((200, answer)) => return (answer, sent),
                Ok((503, _)) => {}
                Ok((status, answer)) => panic!("{payment:?} was answered with {status} {answer}"),
                Err(_) => self.stream = None,
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn exchange(&mut self, request: &str, sent: &mut u32) -> io::Result<(u16, Value)> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                self.stream.insert(BufReader::new(stream))
            }
        };
        *sent += 1;
        stream.get_mut().write_all(request.as_bytes())?;
        answer(stream)
    }
}

/// Status and body of one HTTP answer. A body that breaks off is an error: nothing was acknowledged.
fn answer(stream: &mut impl BufRead) -> io::Result<(u16, Value)> {
    let mut line = String::new();
    let (mut status, mut length) = (None, 0);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match status {
            None => status = text.split(' ').nth(1).and_then(|code| code.parse().ok()),
            Some(_) => {
                if let Some((name, value)) = text.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
            }
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body))
}
