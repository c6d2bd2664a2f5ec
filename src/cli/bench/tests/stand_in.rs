//! A tiny RADIUS server to aim at: right by default, wrong in one chosen way.

use crate::cli::bench::crypto::{Authenticator, HmacMd5, NtSecret, challenge_hash, hide_password, md5};
use crate::cli::bench::request::{MESSAGE_AUTHENTICATOR, authenticator_of};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const SECRET: &[u8] = b"testing123";

#[derive(Clone, Copy, PartialEq)]
pub enum Habit {
    Right,
    /// Signs with another secret.
    ForgesAuthenticator,
    /// Message-Authenticator of another packet.
    WrongMessageAuthenticator,
    NoMessageAuthenticator,
    AcceptsEverybody,
    /// MS-CHAP2-Success and keys of another password.
    WrongMschap,
    /// Attribute lengths that do not add up.
    BadFraming,
    AnswersTwice,
    Silent,
    /// Answers any octets, as a server that checks no signature would, with zeros for what it cannot read.
    AnswersEverything,
    /// Signs rejects, and nothing else, with another secret.
    ForgesRejects,
}

pub struct StandIn {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    pub fn start(habit: Habit) -> StandIn {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0u8; 4096];
            while !seen.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                for reply in answer(&buffer[..length], habit) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        StandIn { address, stop, thread: Some(thread) }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn answer(request: &[u8], habit: Habit) -> Vec<Vec<u8>> {
    if habit == Habit::Silent {
        return Vec::new();
    }
    if habit == Habit::AnswersEverything {
        let id = request.get(1).copied().unwrap_or(0);
        let authenticator = authenticator_of(request).unwrap_or([0; 16]);
        return vec![sign(3, id, &authenticator, Vec::new(), habit)];
    }
    let Some(authenticator) = authenticator_of(request) else { return Vec::new() };
    let length = usize::from(u16::from_be_bytes([request[2], request[3]]));
    let Some(attributes) = request.get(20..length).and_then(parse) else { return Vec::new() };
    if !signed(&request[..length], &authenticator) {
        return Vec::new();
    }
    let (code, body) = match request[0] {
        4 => (5, Vec::new()),
        12 => (2, Vec::new()),
        1 => match login(&attributes, &authenticator, habit) {
            Some(body) => (2, body),
            None if habit == Habit::AcceptsEverybody => (2, Vec::new()),
            None => (3, Vec::new()),
        },
        _ => return Vec::new(),
    };
    let reply = sign(code, request[1], &authenticator, body, habit);
    vec![reply; if habit == Habit::AnswersTwice { 2 } else { 1 }]
}

fn parse(mut body: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut found = Vec::new();
    while !body.is_empty() {
        let length = usize::from(*body.get(1)?);
        found.push((body[0], body.get(2..length)?.to_vec()));
        body = &body[length..];
    }
    Some(found)
}

fn signed(request: &[u8], authenticator: &Authenticator) -> bool {
    let mut bare = request.to_vec();
    if request[0] == 4 {
        bare[4..20].fill(0);
        return md5(&[&bare, SECRET]) == *authenticator;
    }
    let mut at = 20;
    while at < bare.len() {
        if bare[at] == MESSAGE_AUTHENTICATOR {
            let Some(given) = bare.get(at + 2..at + 18).map(<[u8]>::to_vec) else { return false };
            bare[at + 2..at + 18].fill(0);
            return HmacMd5::new(SECRET).code(&[&bare])[..] == given[..];
        }
        at += usize::from(bare[at + 1]);
    }
    true
}

/// Accept's attributes, None for a reject.
fn login(attributes: &[(u8, Vec<u8>)], authenticator: &Authenticator, habit: Habit) -> Option<Vec<u8>> {
    let find = |kind| attributes.iter().find(|(found, _)| *found == kind).map(|(_, value)| value.as_slice());
    let vendor = |kind| {
        attributes
            .iter()
            .filter(|(found, value)| *found == 26 && value.len() > 6 && value[4] == kind)
            .map(|(_, value)| &value[6..])
            .next()
    };
    let name = find(1)?;
    let password = format!("p{}", std::str::from_utf8(name.strip_prefix(b"u")?).ok()?);
    if let Some(hidden) = find(2) {
        let mut wanted = Vec::new();
        hide_password(password.as_bytes(), SECRET, authenticator, &mut wanted);
        return (hidden == wanted).then(|| vec![27, 6, 0, 0, 14, 16]);
    }
    if let (Some(proof), Some(challenge)) = (find(3), find(60)) {
        return (proof[1..] == md5(&[&proof[..1], password.as_bytes(), challenge])).then(Vec::new);
    }
    let (given, challenge) = (vendor(25)?, vendor(11)?);
    let peer: [u8; 16] = given[2..18].try_into().unwrap();
    let response: [u8; 24] = given[26..50].try_into().unwrap();
    let hash = challenge_hash(&peer, challenge.try_into().ok()?, name);
    let nt = NtSecret::new(&password);
    if nt.response(&hash) != response {
        return None;
    }
    let nt = if habit == Habit::WrongMschap { NtSecret::new("other") } else { nt };
    let told: String =
        nt.authenticator_response(&response, &hash).iter().map(|octet| format!("{octet:02X}")).collect();
    let mut success = vec![given[0]];
    success.extend_from_slice(format!("S={told} M=welcome").as_bytes());
    let (send, receive) = nt.mppe_keys(&response);
    let mut body = microsoft(26, &success);
    body.extend(microsoft(16, &salted(&send, [0x80, 1], authenticator)));
    body.extend(microsoft(17, &salted(&receive, [0x80, 2], authenticator)));
    Some(body)
}

fn microsoft(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    let mut attribute = vec![26, length + 8, 0, 0, 1, 55, kind, length + 2];
    attribute.extend_from_slice(value);
    attribute
}

fn salted(key: &[u8; 16], salt: [u8; 2], authenticator: &Authenticator) -> Vec<u8> {
    let mut clear = vec![16u8];
    clear.extend_from_slice(key);
    clear.resize(32, 0);
    let mut out = salt.to_vec();
    let mut pad = md5(&[SECRET, authenticator, &salt]);
    for block in clear.chunks(16) {
        let hidden: Vec<u8> = block.iter().zip(pad).map(|(octet, key)| octet ^ key).collect();
        pad = md5(&[SECRET, &hidden]);
        out.extend(hidden);
    }
    out
}

fn sign(code: u8, id: u8, authenticator: &Authenticator, body: Vec<u8>, habit: Habit) -> Vec<u8> {
    let mut reply = vec![code, id, 0, 0];
    reply.extend_from_slice(authenticator);
    let with_code = habit != Habit::NoMessageAuthenticator && code != 5;
    if with_code {
        reply.extend_from_slice(&[MESSAGE_AUTHENTICATOR, 18]);
        reply.extend_from_slice(&[0; 16]);
    }
    reply.extend(body);
    if habit == Habit::BadFraming {
        reply.extend_from_slice(&[18, 9, b'x']);
    }
    let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
    reply[2..4].copy_from_slice(&length);
    if with_code {
        let code = HmacMd5::new(SECRET).code(&[&reply]);
        reply[22..38].copy_from_slice(&code);
    }
    if habit == Habit::WrongMessageAuthenticator {
        reply[22] ^= 1;
    }
    let forges = habit == Habit::ForgesAuthenticator || habit == Habit::ForgesRejects && code == 3;
    let secret = if forges { b"guess" } else { SECRET };
    let digest = md5(&[&reply, secret]);
    reply[4..20].copy_from_slice(&digest);
    reply
}
