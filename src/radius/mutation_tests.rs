//! Damaged packets of every kind through everything that reads them: nothing may panic, and no change of a signed
//! packet may still verify.

use super::auth::rates::read_rates;
use super::auth::{Method, NtKeys, chap, mschap, pap};
use super::codec::dictionary::*;
use super::codec::{
    Authenticator, Code, MessageAuthenticator, PacketView, ReplyWriter, RequestWriter, SharedSecret,
    change_answer, ipv6_prefix,
};
use crate::model::Vendor;
use std::net::Ipv4Addr;

const PACKETS: usize = 200_000;
const RANDOM: Authenticator = [0x5a; 16];

/// xorshift64*: a run that fails fails again.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % end
    }
}

fn access(secret: &SharedSecret, write: impl FnOnce(&mut RequestWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut request = RequestWriter::access(&mut out, Code::ACCESS_REQUEST, 1, RANDOM);
    request.attribute(USER_NAME, b"BIGCO\\User").unwrap();
    request.attribute_ipv4(NAS_IP_ADDRESS, Ipv4Addr::new(10, 0, 0, 1)).unwrap();
    write(&mut request);
    request.attribute(PROXY_STATE, b"hop").unwrap();
    request.finish(secret);
    out
}

fn accounting(secret: &SharedSecret) -> Vec<u8> {
    let mut out = Vec::new();
    let mut request = RequestWriter::accounting(&mut out, 2);
    request.message_authenticator().unwrap();
    for (kind, value) in [
        (ACCT_STATUS_TYPE, 2),
        (ACCT_INPUT_OCTETS, 7),
        (ACCT_INPUT_GIGAWORDS, 1),
        (ACCT_OUTPUT_OCTETS, 8),
        (ACCT_SESSION_TIME, 60),
        (ACCT_TERMINATE_CAUSE, 1),
        (EVENT_TIMESTAMP, 1_700_000_000),
    ] {
        request.attribute_u32(kind, value).unwrap();
    }
    request.attribute(ACCT_SESSION_ID, b"81000001").unwrap();
    request.attribute_ipv6_prefix(DELEGATED_IPV6_PREFIX, "2001:db8::/56".parse().unwrap()).unwrap();
    request.vendor(VENDOR_ADSL_FORUM, ADSL_AGENT_CIRCUIT_ID, b"olt1 0/1/2").unwrap();
    request.finish(secret);
    out
}

fn corpus(secret: &SharedSecret) -> Vec<Vec<u8>> {
    let mut change = Vec::new();
    let mut request = RequestWriter::change(&mut change, Code::COA_REQUEST, 3);
    request.vendor(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT, b"5M/20M 0/0 0/0 0/0 8 1M/1M").unwrap();
    request.finish(secret);
    let mut accept = Vec::new();
    let mut reply = ReplyWriter::new(&mut accept, Code::ACCESS_ACCEPT, 4);
    reply.attribute(FILTER_ID, b"20000/5000").unwrap();
    reply.vendor_u32(VENDOR_HUAWEI, HUAWEI_INPUT_PEAK_RATE, 5_000_000).unwrap();
    reply.vendor(VENDOR_NOKIA, ALC_SUBSCRIBER_QOS_OVERRIDE, b"e:q:1:pir=20000,cir=10000").unwrap();
    reply.finish(&RANDOM, secret);
    let mut nak = Vec::new();
    let mut reply = ReplyWriter::new(&mut nak, Code::DISCONNECT_NAK, 5);
    reply.message_authenticator().unwrap();
    reply.attribute_u32(ERROR_CAUSE, 503).unwrap();
    reply.finish(&RANDOM, secret);
    let challenge = [7; 16];
    vec![
        access(secret, |request| request.user_password(b"a password of 24 octets.", secret).unwrap()),
        access(secret, |request| {
            request.attribute(CHAP_PASSWORD, &[1; 17]).unwrap();
            request.attribute(CHAP_CHALLENGE, &challenge).unwrap();
        }),
        access(secret, |request| {
            request.vendor(VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, &challenge).unwrap();
            request.vendor(VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, &[2; 50]).unwrap();
        }),
        access(secret, |request| {
            request.vendor(VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, &challenge[..8]).unwrap();
            request.vendor(VENDOR_MICROSOFT, MS_CHAP_RESPONSE, &[1; 50]).unwrap();
        }),
        access(secret, |request| request.attribute(EAP_MESSAGE, &[2, 1, 0, 9, 1, b'U', b's']).unwrap()),
        accounting(secret),
        change,
        accept,
        nak,
    ]
}

/// Everything a door could ask of a packet; the answer is whether its signature holds.
fn read_all(view: &PacketView<'_>, secret: &SharedSecret, keys: &NtKeys) -> bool {
    let texts = [
        view.user_name(),
        view.nas_identifier(),
        view.nas_port_id(),
        view.state(),
        view.class(),
        view.calling_station_id(),
        view.called_station_id(),
        view.acct_session_id(),
    ];
    let numbers = [view.nas_port(), view.acct_delay_time(), view.event_timestamp(), view.error_cause()];
    std::hint::black_box((texts, numbers, view.usage(), view.accounting_kind(), view.framed_ip_address()));
    std::hint::black_box((view.proxy_states().count(), view.eap_messages().count(), Method::of(view)));
    std::hint::black_box(view.vendor_values(VENDOR_ADSL_FORUM, ADSL_AGENT_CIRCUIT_ID).count());
    view.attributes().for_each(|(_, value)| _ = std::hint::black_box(ipv6_prefix(value)));
    std::hint::black_box(view.ipv6_prefixes().count());
    std::hint::black_box(
        pap::password(view, secret).map(|password| (password.is_text(), password.matches(b"x"))).ok(),
    );
    std::hint::black_box(chap::verify(view, b"clientPass"));
    std::hint::black_box((mschap::verify_v2(view, keys).is_some(), mschap::verify_v1(view, keys).is_some()));
    for vendor in
        [Vendor::Mikrotik, Vendor::Linux, Vendor::Huawei, Vendor::Nokia, Vendor::Cisco, Vendor::Juniper]
    {
        std::hint::black_box(read_rates(vendor, view));
    }
    let sent = (Code::DISCONNECT_REQUEST, view.identifier(), &RANDOM);
    std::hint::black_box(change_answer(view, sent, secret).ok());
    match view.code() {
        Code::ACCESS_ACCEPT | Code::DISCONNECT_NAK => {
            secret.verify_reply(view, &RANDOM) == MessageAuthenticator::Valid
        }
        Code::ACCOUNTING_REQUEST | Code::COA_REQUEST => {
            secret.verify_message_authenticator(view) == MessageAuthenticator::Valid
                && secret.verify_accounting_authenticator(view)
        }
        _ => secret.verify_message_authenticator(view) == MessageAuthenticator::Valid,
    }
}

fn mutated(seeded: &mut Seeded, packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    for _ in 0..=seeded.below(3) {
        let at = seeded.below(packet.len());
        packet[at] = u8::try_from(seeded.below(256)).unwrap();
    }
    if seeded.below(4) == 0 {
        packet.truncate(seeded.below(packet.len()));
    }
    packet
}

#[test]
fn two_hundred_thousand_damaged_packets_do_no_harm() {
    let secret = SharedSecret::new(b"testing123");
    let keys = NtKeys::from_password("clientPass");
    let corpus = corpus(&secret);
    for packet in &corpus {
        assert!(read_all(&PacketView::parse(packet).unwrap(), &secret, &keys), "{:?}", packet[0]);
    }
    let mut seeded = Seeded(0x2865_2866_5176_3579);
    let mut parsed = 0;
    let mut out = Vec::new();
    for n in 0..PACKETS {
        let original = &corpus[n % corpus.len()];
        let packet = mutated(&mut seeded, original);
        let Ok(view) = PacketView::parse(&packet) else { continue };
        parsed += 1;
        let signed = read_all(&view, &secret, &keys);
        assert!(!signed || view.as_bytes() == original, "packet {n} is forged and verifies");
        if n % 16 == 0 {
            let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_REJECT, view.identifier());
            let _ = reply.proxy_states(&view);
            let _ = mschap::write_error(&mut reply, &view, mschap::Failure::Authentication, &[1; 16], "no");
            reply.finish(view.authenticator(), &secret);
            assert!(PacketView::parse(&out).is_ok());
        }
    }
    assert!(parsed > PACKETS / 3, "the generator makes too few packets that parse: {parsed}");
}
