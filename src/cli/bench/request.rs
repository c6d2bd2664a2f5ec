//! Requests as a NAS would send them: built, signed, and remembered so that the reply can be checked.

use super::args::{MessageAuthenticatorPlace, Mode, RadiusArgs};
use super::crypto::{Authenticator, HmacMd5, NtSecret, challenge_hash, hide_password, md5};
use super::random::Random;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Octets before the first attribute.
pub const HEADER: usize = 20;
pub const ACCESS_REQUEST: u8 = 1;
pub const ACCOUNTING_REQUEST: u8 = 4;
pub const STATUS_SERVER: u8 = 12;
pub const MESSAGE_AUTHENTICATOR: u8 = 80;
const MICROSOFT: u32 = 311;
/// Seconds between two records of a session, as Acct-Session-Time tells them.
const INTERIM_SECONDS: u32 = 300;
/// Upper ends of what one interim adds; the download passes 2^32 within a few, so Gigawords are used.
const STEP_UP_OCTETS: u64 = 50_000_000;
const STEP_DOWN_OCTETS: u64 = 500_000_000;
const OCTETS_PER_PACKET: u64 = 900;

/// A subscriber the server knows.
pub struct User {
    name: String,
    password: String,
    /// Only made for MS-CHAPv2.
    pub nt: Option<NtSecret>,
}

/// The users that the names' options describe.
pub fn users(args: &RadiusArgs, with_nt: bool) -> Vec<User> {
    let digits = args.pad;
    (0..args.users)
        .map(|number| {
            let password = format!("{}{number:0digits$}", args.pass_prefix);
            let nt = with_nt.then(|| NtSecret::new(&password));
            User { name: format!("{}{number:0digits$}", args.user_prefix), password, nt }
        })
        .collect()
}

/// An accounting session on its way from Start to Stop.
#[derive(Clone)]
pub struct Session {
    id: u64,
    user: usize,
    /// 0: Start is next; then the interims; one more: Stop.
    step: u32,
    octets_in: u64,
    octets_out: u64,
}

/// What must be known of a request to judge its reply.
#[derive(Clone)]
pub struct Expected {
    pub mode: Mode,
    pub authenticator: Authenticator,
    pub user: usize,
    pub accept: bool,
    pub mschap: Option<MschapProof>,
    pub session: Option<Session>,
}

impl Expected {
    /// A request of which only the signatures matter.
    pub fn bare(mode: Mode, authenticator: Authenticator) -> Expected {
        Expected { mode, authenticator, user: 0, accept: true, mschap: None, session: None }
    }
}

#[derive(Clone)]
pub struct MschapProof {
    pub ident: u8,
    pub challenge: [u8; 8],
    pub response: [u8; 24],
}

/// Builds the requests of one thread.
pub struct Builder {
    args: Arc<RadiusArgs>,
    users: Arc<Vec<User>>,
    hmac: HmacMd5,
    pub random: Random,
    sessions: VecDeque<Session>,
    session_last: u64,
    nas_ip: [u8; 4],
}

impl Builder {
    /// `number` is the thread's, from 0: each has its own NAS-IP-Address, randomness and session ids.
    pub fn new(args: Arc<RadiusArgs>, users: Arc<Vec<User>>, number: u8) -> Builder {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Builder {
            hmac: HmacMd5::new(args.secret.expose().as_bytes()),
            random: Random::for_thread(args.seed, u64::from(number)),
            sessions: VecDeque::new(),
            session_last: (epoch << 28) | (u64::from(number & 0x3f) << 22) | ((args.seed & 3) << 20),
            nas_ip: [10, 0, 0, number.saturating_add(1)],
            args,
            users,
        }
    }

    /// Makes the sessions that will be live at once.
    pub fn open_sessions(&mut self, count: usize) {
        for _ in 0..count {
            let session = self.new_session();
            self.sessions.push_back(session);
        }
    }

    /// After its record was answered: the session's next record, or a new session after Stop.
    pub fn session_answered(&mut self, mut session: Session) {
        session.step += 1;
        if session.step > self.args.interims.saturating_add(1) {
            session = self.new_session();
        }
        self.sessions.push_back(session);
    }

    /// After its record was lost: the same record again, later.
    pub fn session_unanswered(&mut self, session: Session) {
        self.sessions.push_back(session);
    }

    /// Writes one signed request into `packet`, which is empty.
    pub fn build(&mut self, mode: Mode, id: u8, packet: &mut Vec<u8>) -> Expected {
        let code = match mode {
            Mode::Acct => ACCOUNTING_REQUEST,
            Mode::Status => STATUS_SERVER,
            _ => ACCESS_REQUEST,
        };
        let authenticator = if mode == Mode::Acct { [0; 16] } else { self.random.octets16() };
        packet.extend_from_slice(&[code, id, 0, 0]);
        packet.extend_from_slice(&authenticator);
        let place = match mode {
            Mode::Status => MessageAuthenticatorPlace::First,
            Mode::Acct if self.args.acct_msg_auth => MessageAuthenticatorPlace::First,
            Mode::Acct => MessageAuthenticatorPlace::None,
            _ => self.args.msg_auth,
        };
        if place == MessageAuthenticatorPlace::First {
            attribute(packet, MESSAGE_AUTHENTICATOR, &[0; 16]);
        }
        let mut expected = Expected::bare(mode, authenticator);
        match mode {
            Mode::Status => {}
            Mode::Acct => self.accounting(packet, &mut expected),
            _ => self.login(packet, id, &mut expected),
        }
        if place == MessageAuthenticatorPlace::Last {
            attribute(packet, MESSAGE_AUTHENTICATOR, &[0; 16]);
        }
        set_length(packet);
        sign(packet, self.args.secret.expose().as_bytes(), &self.hmac);
        expected.authenticator = authenticator_of(packet).unwrap_or(authenticator);
        expected
    }

    fn login(&mut self, packet: &mut Vec<u8>, id: u8, expected: &mut Expected) {
        let number = self.random.below(self.users.len());
        let users = Arc::clone(&self.users);
        let Some(user) = users.get(number) else { return };
        let unknown = self.random.percent(self.args.unknown_percent);
        let wrong = !unknown && self.random.percent(self.args.wrong_percent);
        expected.user = number;
        expected.accept = !(unknown || wrong);
        let stranger = if unknown { format!("x{}", user.name) } else { String::new() };
        let name = if unknown { stranger.as_bytes() } else { user.name.as_bytes() };
        let password = if wrong { b"wrong-password" } else { user.password.as_bytes() };
        attribute(packet, 1, name);
        match expected.mode {
            Mode::Chap => self.chap(packet, id, password),
            Mode::Mschapv2 => {
                if let Some(nt) = &user.nt {
                    expected.mschap = Some(self.mschap(packet, id, name, nt, wrong));
                }
            }
            _ => {
                let mut hidden = Vec::with_capacity(128);
                let secret = self.args.secret.expose().as_bytes();
                hide_password(password, secret, &expected.authenticator, &mut hidden);
                attribute(packet, 2, &hidden);
            }
        }
        let port = u32::from(self.random.octet()) << 8 | u32::from(self.random.octet());
        self.port_attributes(packet, number, port);
    }

    /// RFC 2865, 2.2.
    fn chap(&mut self, packet: &mut Vec<u8>, id: u8, password: &[u8]) {
        let challenge = self.random.octets16();
        let ident = id ^ self.random.octet();
        let mut value = vec![ident];
        value.extend_from_slice(&md5(&[&[ident], password, &challenge]));
        attribute(packet, 3, &value);
        attribute(packet, 60, &challenge);
    }

    /// RFC 2548, 2.1.2 and 2.3.2.
    fn mschap(
        &mut self,
        packet: &mut Vec<u8>,
        ident: u8,
        name: &[u8],
        nt: &NtSecret,
        wrong: bool,
    ) -> MschapProof {
        let authenticator_challenge = self.random.octets16();
        let peer_challenge = self.random.octets16();
        let challenge = challenge_hash(&peer_challenge, &authenticator_challenge, name);
        let mut response = nt.response(&challenge);
        if wrong {
            let [first, ..] = &mut response;
            *first ^= 1;
        }
        vendor_attribute(packet, MICROSOFT, 11, &authenticator_challenge);
        let mut value = vec![ident, 0];
        value.extend_from_slice(&peer_challenge);
        value.extend_from_slice(&[0; 8]);
        value.extend_from_slice(&response);
        vendor_attribute(packet, MICROSOFT, 25, &value);
        MschapProof { ident, challenge, response }
    }

    /// RFC 2866, 5, and RFC 2869, 5.1 to 5.3.
    fn accounting(&mut self, packet: &mut Vec<u8>, expected: &mut Expected) {
        let mut session = self.sessions.pop_front().unwrap_or_else(|| self.new_session());
        let status: u32 = match session.step {
            0 => 1,
            step if step > self.args.interims => 2,
            _ => 3,
        };
        session.octets_in += self.random.next() % STEP_UP_OCTETS;
        session.octets_out += self.random.next() % STEP_DOWN_OCTETS;
        number_attribute(packet, 40, status);
        if let Some(user) = self.users.get(session.user) {
            attribute(packet, 1, user.name.as_bytes());
        }
        attribute(packet, 44, format!("{:016x}", session.id).as_bytes());
        self.port_attributes(packet, session.user, halves(session.id).1);
        attribute(packet, 8, &user_address(session.user));
        number_attribute(packet, 45, 1);
        number_attribute(packet, 41, 0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        number_attribute(packet, 55, halves(now).1);
        if status != 1 {
            number_attribute(packet, 46, session.step.saturating_mul(INTERIM_SECONDS));
            let (giga_in, octets_in) = halves(session.octets_in);
            let (giga_out, octets_out) = halves(session.octets_out);
            number_attribute(packet, 42, octets_in);
            number_attribute(packet, 52, giga_in);
            number_attribute(packet, 43, octets_out);
            number_attribute(packet, 53, giga_out);
            number_attribute(packet, 47, halves(session.octets_in / OCTETS_PER_PACKET).1);
            number_attribute(packet, 48, halves(session.octets_out / OCTETS_PER_PACKET).1);
        }
        if status == 2 {
            number_attribute(packet, 49, 1);
        }
        expected.user = session.user;
        expected.session = Some(session);
    }

    fn port_attributes(&self, packet: &mut Vec<u8>, user: usize, port: u32) {
        attribute(packet, 4, &self.nas_ip);
        attribute(packet, 32, b"bng-1");
        number_attribute(packet, 5, port);
        number_attribute(packet, 61, 15);
        number_attribute(packet, 6, 2);
        number_attribute(packet, 7, 1);
        let [.., a, b, c, d] = user.to_be_bytes();
        attribute(packet, 31, format!("02-00-{a:02X}-{b:02X}-{c:02X}-{d:02X}").as_bytes());
    }

    fn new_session(&mut self) -> Session {
        self.session_last += 1;
        let user = self.random.below(self.users.len());
        Session { id: self.session_last, user, step: 0, octets_in: 0, octets_out: 0 }
    }
}

/// The address that user `number` has: 100.64.0.0/10 in order.
pub fn user_address(number: usize) -> [u8; 4] {
    let [.., a, b, c] = number.to_be_bytes();
    [100, 64 | (a & 0x3f), b, c]
}

/// Writes the packet's length into its header.
pub fn set_length(packet: &mut [u8]) {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(field) = packet.get_mut(2..4) {
        field.copy_from_slice(&length);
    }
}

/// Fills in Message-Authenticator where the packet has one, and the authenticator of an Accounting-Request
/// (RFC 2866, 3). What is too short for either is left as it is.
pub fn sign(packet: &mut [u8], secret: &[u8], hmac: &HmacMd5) {
    let accounting = packet.first() == Some(&ACCOUNTING_REQUEST);
    if accounting && let Some(authenticator) = packet.get_mut(4..HEADER) {
        authenticator.fill(0);
    }
    if let Some(place) = message_authenticator_place(packet) {
        if let Some(value) = packet.get_mut(place..place + 16) {
            value.fill(0);
        }
        let code = hmac.code(&[packet]);
        if let Some(value) = packet.get_mut(place..place + 16) {
            value.copy_from_slice(&code);
        }
    }
    if accounting && packet.len() >= HEADER {
        let digest = md5(&[packet, secret]);
        if let Some(authenticator) = packet.get_mut(4..HEADER) {
            authenticator.copy_from_slice(&digest);
        }
    }
}

/// The authenticator in a packet's header.
pub fn authenticator_of(packet: &[u8]) -> Option<Authenticator> {
    packet.get(4..HEADER)?.try_into().ok()
}

/// Where the first Message-Authenticator's value stands, as far as the attributes can be walked.
fn message_authenticator_place(packet: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        let &[kind, length] = packet.get(at..at + 2)? else { return None };
        if kind == MESSAGE_AUTHENTICATOR && length == 18 && at + 18 <= packet.len() {
            return Some(at + 2);
        }
        if length < 2 {
            return None;
        }
        at += usize::from(length);
    }
}

/// The high and the low 32 bits.
fn halves(value: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

fn attribute(packet: &mut Vec<u8>, kind: u8, value: &[u8]) {
    // Options bound every name and password, so no value comes near 253 octets.
    debug_assert!(value.len() <= 253);
    packet.push(kind);
    packet.push(u8::try_from(value.len() + 2).unwrap_or(u8::MAX));
    packet.extend_from_slice(value);
}

fn number_attribute(packet: &mut Vec<u8>, kind: u8, value: u32) {
    attribute(packet, kind, &value.to_be_bytes());
}

/// RFC 2865, 5.26.
fn vendor_attribute(packet: &mut Vec<u8>, vendor: u32, kind: u8, value: &[u8]) {
    debug_assert!(value.len() <= 247);
    packet.push(26);
    packet.push(u8::try_from(value.len() + 8).unwrap_or(u8::MAX));
    packet.extend_from_slice(&vendor.to_be_bytes());
    packet.push(kind);
    packet.push(u8::try_from(value.len() + 2).unwrap_or(u8::MAX));
    packet.extend_from_slice(value);
}
