//! What must not be answered, and what must be answered only so.

use super::fixture::{DATA, Options, System};
use super::logins::{bench, radclient};
use headgate::config::RequireMessageAuthenticator;
use headgate::radius::codec::dictionary::*;
use headgate::radius::codec::*;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const SECRET: &[u8] = b"testing123";

/// An Access-Request for `ivanov`, signed with Message-Authenticator first.
fn signed(identifier: u8, more: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
    let (mut octets, secret) = (Vec::new(), SharedSecret::new(SECRET));
    let mut request = RequestWriter::access(
        &mut octets,
        Code::ACCESS_REQUEST,
        identifier,
        [identifier.wrapping_add(7); 16],
    );
    request.attribute(USER_NAME, b"ivanov").unwrap();
    request.user_password(b"hello", &secret).unwrap();
    more(&mut request);
    request.finish(&secret);
    octets
}

/// The same without Message-Authenticator, as old NASes send it.
fn unsigned(identifier: u8, more: &[u8]) -> Vec<u8> {
    let signed = signed(identifier, |_| {});
    let mut octets = [&signed[..20], &signed[38..], more].concat();
    let length = u16::try_from(octets.len()).unwrap();
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    octets
}

fn ask(nas: &UdpSocket, to: std::net::SocketAddr, octets: &[u8]) -> Option<Vec<u8>> {
    nas.send_to(octets, to).unwrap();
    let mut answer = vec![0; 4096];
    let length = nas.recv(&mut answer).ok()?;
    answer.truncate(length);
    Some(answer)
}

fn code_of(answer: &Option<Vec<u8>>) -> Option<Code> {
    answer.as_ref().map(|octets| PacketView::parse(octets).unwrap().code())
}

fn quick_nas(address: &str) -> UdpSocket {
    let nas = System::nas_socket(address);
    nas.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    nas
}

#[test]
fn strangers_and_wrong_secrets_and_wrong_codes_get_silence_and_a_counter() {
    let system = System::new();
    let request = signed(1, |_| {});
    assert_eq!(ask(&quick_nas("127.0.0.2"), system.auth(), &request), None);
    assert_eq!(system.count("unknown_nas_packets"), 1);

    let nas = quick_nas("127.0.0.1");
    let mut forged = request.clone();
    forged[25] ^= 1;
    assert_eq!(ask(&nas, system.auth(), &forged), None);
    assert_eq!(system.count("bad_authenticators"), 1);
    for (code, port) in [
        (4, system.auth()),
        (1, system.acct()),
        (43, system.auth()),
        (2, system.auth()),
        (200, system.acct()),
    ] {
        let mut wrong = request.clone();
        wrong[0] = code;
        assert_eq!(ask(&nas, port, &wrong), None);
    }
    assert_eq!(system.count("unknown_type_packets"), 5);
    assert_eq!(ask(&nas, system.auth(), &request[..19]), None);
    assert_eq!(ask(&nas, system.auth(), &[0; 5000]), None);
    assert_eq!(system.count("malformed_packets"), 2);
    assert_eq!(code_of(&ask(&nas, system.auth(), &request)), Some(Code::ACCESS_ACCEPT));
}

#[test]
fn a_nas_that_has_sent_message_authenticator_must_go_on_sending_it() {
    let system = System::new();
    let nas = quick_nas("127.0.0.1");
    assert_eq!(code_of(&ask(&nas, system.auth(), &unsigned(1, &[]))), Some(Code::ACCESS_ACCEPT));
    let proxied = [PROXY_STATE, 4, 1, 2];
    assert_eq!(ask(&nas, system.auth(), &unsigned(2, &proxied)), None, "CVE-2024-3596");
    let eap = [EAP_MESSAGE, 7, 2, 1, 0, 5, 1];
    assert_eq!(ask(&nas, system.auth(), &unsigned(3, &eap)), None, "RFC 3579 3.1");
    assert_eq!(code_of(&ask(&nas, system.auth(), &signed(4, |_| {}))), Some(Code::ACCESS_ACCEPT));
    assert_eq!(ask(&nas, system.auth(), &unsigned(5, &[])), None, "it is locked");
}

#[test]
fn the_configuration_can_demand_message_authenticator_or_never_ask_for_it() {
    use RequireMessageAuthenticator::{No, Yes};
    for (require, plain, proxied) in
        [(Yes, None, None), (No, Some(Code::ACCESS_ACCEPT), Some(Code::ACCESS_ACCEPT))]
    {
        let mut options = Options::default();
        options.settings.require_message_authenticator = require;
        let system = System::with(options);
        let nas = quick_nas("127.0.0.1");
        assert!(ask(&nas, system.auth(), &signed(1, |_| {})).is_some());
        assert_eq!(code_of(&ask(&nas, system.auth(), &unsigned(2, &[]))), plain);
        assert_eq!(code_of(&ask(&nas, system.auth(), &unsigned(3, &[PROXY_STATE, 4, 1, 2]))), proxied);
    }
}

#[test]
fn message_authenticator_is_taken_wherever_it_stands_and_comes_first_in_the_answer() {
    let system = System::new();
    for place in ["first", "last"] {
        let report = bench(
            system.auth(),
            &format!("--count 10 --msg-auth {place} --require-msg-auth --unknown-percent 100"),
        );
        assert_eq!((report.faults(), report.reject, report.msg_auth_not_first), (0, 10, 0), "{report:?}");
    }
}

#[test]
fn status_server_is_answered_on_both_ports_and_only_when_signed() {
    let system = System::new();
    let report = bench(system.auth(), "--mode status --count 100");
    assert_eq!((report.faults(), report.replies), (0, 100), "{report:?}");
    let answer = radclient(system.acct(), "status", "Message-Authenticator = 0x00");
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
    let unsigned = [&[12, 1, 0, 20][..], &[3; 16]].concat();
    assert_eq!(ask(&quick_nas("127.0.0.1"), system.auth(), &unsigned), None);
}

#[test]
fn a_repeat_gets_the_same_octets_and_a_new_authenticator_a_new_answer() {
    let system = System::new();
    let nas = quick_nas("127.0.0.1");
    let request = signed(1, |_| {});
    let first = ask(&nas, system.auth(), &request).unwrap();
    assert_eq!(ask(&nas, system.auth(), &request), Some(first.clone()));
    assert_eq!((system.count("access_requests"), system.count("duplicate_requests")), (1, 1));
    let mut other = signed(200, |_| {});
    other[1] = 1;
    // Signed anew, because the identifier is covered.
    let view = PacketView::parse(&other).unwrap();
    assert_eq!(view.identifier(), 1);
    let again = {
        let (mut octets, secret) = (Vec::new(), SharedSecret::new(SECRET));
        let mut request = RequestWriter::access(&mut octets, Code::ACCESS_REQUEST, 1, [99; 16]);
        request.attribute(USER_NAME, b"ivanov").unwrap();
        request.user_password(b"hello", &secret).unwrap();
        request.finish(&secret);
        octets
    };
    assert_ne!(ask(&nas, system.auth(), &again), Some(first));
    assert_eq!(system.count("access_requests"), 2);
}

#[test]
fn a_reject_is_held_back_and_repeats_meanwhile_are_silent() {
    let mut options = Options::default();
    options.settings.reject_delay = Duration::from_millis(700);
    let system = System::with(options);
    let nas = System::nas_socket("127.0.0.1");
    let request = {
        let (mut octets, secret) = (Vec::new(), SharedSecret::new(SECRET));
        let mut request = RequestWriter::access(&mut octets, Code::ACCESS_REQUEST, 1, [9; 16]);
        request.attribute(USER_NAME, b"ivanov").unwrap();
        request.user_password(b"wrong", &secret).unwrap();
        request.finish(&secret);
        octets
    };
    let begin = Instant::now();
    nas.send_to(&request, system.auth()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let answer = ask(&nas, system.auth(), &request);
    let took = begin.elapsed();
    assert_eq!(code_of(&answer), Some(Code::ACCESS_REJECT));
    assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(1200), "{took:?}");
    assert!(nas.recv(&mut [0; 64]).is_err(), "one answer for both");
    assert_eq!(ask(&nas, system.auth(), &request), answer, "after it, the same answer at once");
}

#[test]
fn an_unknown_login_and_a_wrong_password_look_the_same() {
    let system = System::new();
    let reject = |login: &str| {
        let answer = radclient(system.auth(), "auth", &format!("User-Name = {login}, User-Password = wrong"));
        let received = answer.split("Received").nth(1).unwrap();
        received.lines().skip(1).filter(|line| !line.contains("Message-Authenticator")).collect::<String>()
    };
    assert_eq!(reject("ivanov"), reject("nobody"));
    assert!(system.operations.directory.stranger("nobody").is_some());
}

#[test]
fn mutated_packets_never_panic_never_get_a_wrong_answer_and_cost_no_memory() {
    let data = DATA.replace("sessions-max = 0", "sessions-max = 1");
    let system = System::with(Options { data, ..Options::default() });
    let nas = quick_nas("127.0.0.1");
    // From now on an Access-Request must be signed.
    assert!(ask(&nas, system.auth(), &signed(0, |_| {})).is_some());
    nas.set_nonblocking(true).unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let secret = SharedSecret::new(SECRET);
    let mut resident = 0;
    for round in 0..400 {
        let before = processed(&system);
        for _ in 0..500 {
            let (octets, to) = if numbers.below(2) == 0 {
                (damaged(&mut numbers), system.auth())
            } else {
                (strange(&mut numbers, &secret), system.acct())
            };
            let to = if numbers.below(8) == 0 { system.auth() } else { to };
            let _ = nas.send_to(&octets, to);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while processed(&system) < before + 500 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut answer = [0; 4096];
        while let Ok(length) = nas.recv(&mut answer) {
            let view = PacketView::parse(&answer[..length]).unwrap();
            // Only the strange ones are signed, and only for them there are answers: to accounting, or to a login
            // that nobody has.
            assert!(matches!(view.code(), Code::ACCOUNTING_RESPONSE | Code::ACCESS_REJECT), "{view:?}");
        }
        if round == 100 {
            resident = resident_kib();
        }
    }
    let grown = resident_kib().saturating_sub(resident);
    assert!(grown < 64 * 1024, "{grown} KiB more than after 50,000 packets");
    // Another socket: an answer to accounting may still come to the old one.
    let nas = quick_nas("127.0.0.1");
    assert_eq!(code_of(&ask(&nas, system.auth(), &signed(1, |_| {}))), Some(Code::ACCESS_ACCEPT), "alive");
}

fn processed(system: &System) -> u64 {
    let counters = [
        "access_requests",
        "accounting_requests",
        "status_server_requests",
        "duplicate_requests",
        "malformed_packets",
        "bad_authenticators",
        "unknown_type_packets",
    ];
    // One that was counted as accounting is counted again when it cannot be recorded: good enough to pace by.
    counters.iter().map(|name| system.count(name)).sum()
}

/// A good request with one to eight octets changed, cut off, or lengthened inside.
fn damaged(numbers: &mut Numbers) -> Vec<u8> {
    let mut octets = signed(3, |request| {
        request.attribute(CALLING_STATION_ID, b"02:00:00:00:00:01").unwrap();
        request.attribute(PROXY_STATE, b"state").unwrap();
    });
    let good = octets.clone();
    while octets == good {
        for _ in 0..=numbers.below(8) {
            let at = numbers.below(octets.len());
            octets[at] = numbers.octet();
        }
        if numbers.below(4) == 0 {
            octets.truncate(numbers.below(good.len()));
        }
    }
    octets
}

/// A well signed request of random attributes, for a login that nobody has.
fn strange(numbers: &mut Numbers, secret: &SharedSecret) -> Vec<u8> {
    let mut octets = Vec::new();
    let access = numbers.below(2) == 0;
    let mut request = if access {
        let random = std::array::from_fn(|_| numbers.octet());
        RequestWriter::access(&mut octets, Code::ACCESS_REQUEST, numbers.octet(), random)
    } else {
        RequestWriter::accounting(&mut octets, numbers.octet())
    };
    for _ in 0..numbers.below(12) {
        let kind = if numbers.below(2) == 0 {
            numbers.octet()
        } else {
            [26, 79, 80, 40, 44, 60, 3, 2][numbers.below(8)]
        };
        let length =
            if numbers.below(2) == 0 { [4, 6, 16, 17, 50, 58][numbers.below(6)] } else { numbers.below(254) };
        let value: Vec<u8> = (0..length).map(|_| numbers.octet()).collect();
        let _ = match numbers.below(4) {
            0 => request.vendor(VENDOR_MICROSOFT, [1, 11, 25][numbers.below(3)], &value),
            1 if kind == USER_NAME => request.attribute(kind, b"nobody"),
            2 => request.attribute_u32(ACCT_STATUS_TYPE, u32::from(numbers.octet() % 10)),
            _ => request.attribute(kind, &value),
        };
    }
    request.finish(secret);
    octets
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Marsaglia's xorshift64: the same packets in every run.
struct Numbers(u64);

impl Numbers {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 16).unwrap() % end
    }

    fn octet(&mut self) -> u8 {
        self.number().to_be_bytes()[2]
    }
}
