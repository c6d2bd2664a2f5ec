//! A second opinion: the crate `radius` reads what we write, and we read what it writes.

use super::auth::pap;
use super::codec::dictionary::*;
use super::codec::{Code, MessageAuthenticator, PacketView, ReplyWriter, RequestWriter, SharedSecret};
use ::radius::core::{code::Code as TheirCode, packet::Packet, rfc2865, rfc2866, rfc3162, rfc4818};
use std::net::Ipv4Addr;

const SECRET: &[u8] = b"testing123";

#[test]
fn it_reads_our_access_request_and_we_read_its_own() {
    let secret = SharedSecret::new(SECRET);
    let mut sent = Vec::new();
    for length in [1, 15, 16, 17, 64, 127, 128] {
        let password = vec![b'p'; length];
        let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 3, [42; 16]);
        request.attribute(USER_NAME, "ivanov".as_bytes()).unwrap();
        request.user_password(&password, &secret).unwrap();
        request.attribute_ipv4(NAS_IP_ADDRESS, Ipv4Addr::new(10, 0, 0, 1)).unwrap();
        request.finish(&secret);
        let theirs = Packet::decode(&sent, SECRET).unwrap();
        assert_eq!(rfc2865::lookup_user_name(&theirs).unwrap().unwrap(), "ivanov");
        assert_eq!(rfc2865::lookup_user_password(&theirs).unwrap().unwrap(), password);

        let mut theirs = Packet::new(TheirCode::AccessRequest, SECRET);
        rfc2865::add_user_name(&mut theirs, "petrov");
        rfc2865::add_user_password(&mut theirs, &password).unwrap();
        let octets = theirs.encode().unwrap();
        let view = PacketView::parse(&octets).unwrap();
        assert_eq!(view.user_name(), Some(&b"petrov"[..]));
        assert_eq!(pap::password(&view, &secret).unwrap().as_bytes(), password);
    }
}

#[test]
fn it_takes_our_reply_and_we_take_its_own() {
    let secret = SharedSecret::new(SECRET);
    let request = Packet::new(TheirCode::AccessRequest, SECRET);
    let sent = request.encode().unwrap();
    let view = PacketView::parse(&sent).unwrap();
    let mut out = Vec::new();
    let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, view.identifier());
    reply.attribute_u32(SESSION_TIMEOUT, 3600).unwrap();
    reply.finish(view.authenticator(), &secret);
    assert!(Packet::is_authentic_response(&out, &sent, SECRET));
    let theirs = Packet::decode(&out, SECRET).unwrap();
    assert_eq!(rfc2865::lookup_session_timeout(&theirs).unwrap().unwrap(), 3600);

    let octets = request.make_response_packet(TheirCode::AccessReject).encode().unwrap();
    let answer = PacketView::parse(&octets).unwrap();
    assert_eq!(secret.verify_reply(&answer, view.authenticator()), MessageAuthenticator::Absent);
    let mut forged = octets.clone();
    forged[0] = 2;
    let answer = PacketView::parse(&forged).unwrap();
    assert_eq!(secret.verify_reply(&answer, view.authenticator()), MessageAuthenticator::Invalid);
}

#[test]
fn accounting_goes_both_ways() {
    let secret = SharedSecret::new(SECRET);
    let mut theirs = Packet::new(TheirCode::AccountingRequest, SECRET);
    rfc2866::add_acct_status_type(&mut theirs, rfc2866::ACCT_STATUS_TYPE_STOP);
    rfc2866::add_acct_input_octets(&mut theirs, 5);
    ::radius::core::rfc2869::add_acct_input_gigawords(&mut theirs, 2);
    let prefix = [0x20, 1, 0xd, 0xb8, 0, 1, 2];
    rfc3162::add_framed_ipv6_prefix(&mut theirs, &prefix).unwrap();
    rfc4818::add_delegated_ipv6_prefix(&mut theirs, &prefix).unwrap();
    let octets = theirs.encode().unwrap();
    let view = PacketView::parse(&octets).unwrap();
    assert!(secret.verify_accounting_authenticator(&view));
    assert_eq!(view.accounting_kind(), Some(crate::model::AccountingKind::Stop));
    assert_eq!(view.acct_input_octets(), Some((2 << 32) + 5));
    let prefixes: Vec<String> = view.ipv6_prefixes().map(|net| net.to_string()).collect();
    assert_eq!(prefixes, ["2001:db8:1:200::/56", "2001:db8:1:200::/56"]);

    let mut sent = Vec::new();
    let mut request = RequestWriter::accounting(&mut sent, 8);
    request.attribute_u32(ACCT_SESSION_TIME, 77).unwrap();
    request.attribute_ipv6_prefix(DELEGATED_IPV6_PREFIX, "2001:db8:1:200::/56".parse().unwrap()).unwrap();
    request.finish(&secret);
    assert!(Packet::is_authentic_request(&sent, SECRET));
    let theirs = Packet::decode(&sent, SECRET).unwrap();
    assert_eq!(rfc2866::lookup_acct_session_time(&theirs).unwrap().unwrap(), 77);
    assert!(rfc4818::lookup_delegated_ipv6_prefix(&theirs).unwrap().is_ok());
}
