use super::*;
use crate::radius::codec::{Code, ReplyWriter, RequestWriter};
use crate::radius::testing::hex;

const NT_RESPONSE: &str = "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF";

/// The login of RFC 2759 section 9.2 under this name.
fn rfc_2759_login(name: &str, identifier: u8) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [6; 16]);
    request.attribute(USER_NAME, name.as_bytes()).unwrap();
    let challenge = hex("5B5D7C7D7B3F2F3E3C2C602132262628");
    request.vendor(VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, &challenge).unwrap();
    let peer = hex("21402324255E262A28295F2B3A337C7E");
    let response = [&[identifier, 0][..], &peer, &[0; 8], &hex(NT_RESPONSE)].concat();
    request.vendor(VENDOR_MICROSOFT, MS_CHAP2_RESPONSE, &response).unwrap();
    request.finish(&SharedSecret::new(b"s"));
    sent
}

/// The login of RFC 2433 appendix B.2, password "MyPw".
fn rfc_2433_login(flags: u8) -> Vec<u8> {
    let mut sent = Vec::new();
    let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [6; 16]);
    request.attribute(USER_NAME, b"User").unwrap();
    request.vendor(VENDOR_MICROSOFT, MS_CHAP_CHALLENGE, &hex("102DB5DF085D3041")).unwrap();
    let nt_response = hex("4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61");
    let response = [&[9, flags][..], &[0; 24], &nt_response].concat();
    request.vendor(VENDOR_MICROSOFT, MS_CHAP_RESPONSE, &response).unwrap();
    request.finish(&SharedSecret::new(b"s"));
    sent
}

#[test]
fn the_login_of_rfc_2759_is_proved_and_answered_with_its_own_proof() {
    let login = rfc_2759_login("User", 3);
    let proof = verify_v2(&PacketView::parse(&login).unwrap(), &NtKeys::from_password("clientPass")).unwrap();
    assert_eq!(proof.challenge_hash[..], hex("D02E4386BCE91226"));
    assert_eq!(&proof.authenticator_response(), b"S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

#[test]
fn keys_are_those_of_rfc_3079_section_3_5_3() {
    let login = rfc_2759_login("User", 3);
    let proof = verify_v2(&PacketView::parse(&login).unwrap(), &NtKeys::from_password("clientPass")).unwrap();
    let keys = proof.keys();
    assert_eq!(keys.send[..], hex("8B7CDC149B993A1BA118CB153F56DCCB"));
    assert_ne!(keys.send, keys.recv);
}

#[test]
fn a_domain_before_the_name_is_left_out_of_the_challenge() {
    let keys = NtKeys::from_password("clientPass");
    for (name, proved) in
        [("BIGCO\\User", true), ("\\User", true), ("user", false), ("User@bigco", false), ("User\\", false)]
    {
        let login = rfc_2759_login(name, 3);
        assert_eq!(verify_v2(&PacketView::parse(&login).unwrap(), &keys).is_some(), proved, "{name}");
    }
}

#[test]
fn another_password_or_another_octet_proves_nothing() {
    let login = rfc_2759_login("User", 3);
    let view = PacketView::parse(&login).unwrap();
    assert!(verify_v2(&view, &NtKeys::from_password("clientPasS")).is_none());
    assert!(verify_v1(&view, &NtKeys::from_password("clientPass")).is_none());
    let keys = NtKeys::from_password("clientPass");
    let response = login.len() - 24;
    for at in response..login.len() {
        let mut changed = login.clone();
        changed[at] ^= 1;
        assert!(verify_v2(&PacketView::parse(&changed).unwrap(), &keys).is_none());
    }
}

#[test]
fn an_accept_carries_success_policy_and_two_keys() {
    let secret = SharedSecret::new(b"testing123");
    let login = rfc_2759_login("User", 3);
    let view = PacketView::parse(&login).unwrap();
    let proof = verify_v2(&view, &NtKeys::from_password("clientPass")).unwrap();
    for (encryption, policy) in [
        (Encryption::Off, None),
        (Encryption::Allowed, Some((1u32, 6u32))),
        (Encryption::Required, Some((2, 6))),
        (Encryption::RequiredStrong, Some((2, 4))),
    ] {
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 1);
        proof.write(&mut reply, view.authenticator(), &secret, (encryption, 5)).unwrap();
        reply.finish(view.authenticator(), &secret);
        let accept = PacketView::parse(&out).unwrap();
        let value = |kind| accept.vendor_values(VENDOR_MICROSOFT, kind).next();
        let success = value(MS_CHAP2_SUCCESS).unwrap();
        assert_eq!((success[0], &success[1..3], success.len()), (3, &b"S="[..], 43));
        let number = |kind| value(kind).map(|value| u32::from_be_bytes(value.try_into().unwrap()));
        let written = number(MS_MPPE_ENCRYPTION_POLICY).zip(number(MS_MPPE_ENCRYPTION_TYPES));
        assert_eq!(written, policy);
        assert_eq!(value(MS_MPPE_SEND_KEY).is_some(), policy.is_some());
        assert_eq!(value(MS_MPPE_RECV_KEY).is_some(), policy.is_some());
    }
}

#[test]
fn version_1_is_proved_by_its_nt_response_alone() {
    let login = rfc_2433_login(1);
    let view = PacketView::parse(&login).unwrap();
    assert!(verify_v1(&view, &NtKeys::from_password("MyPw")).is_some());
    assert!(verify_v1(&view, &NtKeys::from_password("mypw")).is_none());
    assert!(verify_v2(&view, &NtKeys::from_password("MyPw")).is_none());
    let lan_manager_only = rfc_2433_login(0);
    assert!(
        verify_v1(&PacketView::parse(&lan_manager_only).unwrap(), &NtKeys::from_password("MyPw")).is_none()
    );
}

#[test]
fn keys_of_version_1_are_hidden_as_a_password_is() {
    let secret = SharedSecret::new(b"testing123");
    let login = rfc_2433_login(1);
    let view = PacketView::parse(&login).unwrap();
    let keys = NtKeys::from_password("MyPw");
    let mut out = Vec::new();
    let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 1);
    let proof = verify_v1(&view, &keys).unwrap();
    proof.write(&mut reply, view.authenticator(), &secret, Encryption::Allowed).unwrap();
    reply.finish(view.authenticator(), &secret);
    let accept = PacketView::parse(&out).unwrap();
    let hidden = accept.vendor_values(VENDOR_MICROSOFT, MS_CHAP_MPPE_KEYS).next().unwrap();
    // Carried as a User-Password under the same authenticator, the other code of this crate reveals it.
    let mut again = Vec::new();
    let mut request = RequestWriter::access(&mut again, Code::ACCESS_REQUEST, 1, *view.authenticator());
    request.attribute(USER_PASSWORD, hidden).unwrap();
    request.finish(&secret);
    let plain = crate::radius::auth::pap::password(&PacketView::parse(&again).unwrap(), &secret).unwrap();
    assert_eq!(hidden.len(), 32);
    assert_eq!(plain.as_bytes(), [&keys.lm_key()[..], keys.hash_hash()].concat());
}

fn error_text(login: &[u8], message: &str) -> Option<Vec<u8>> {
    let secret = SharedSecret::new(b"s");
    let mut out = Vec::new();
    let view = PacketView::parse(login).unwrap();
    let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_REJECT, 1);
    write_error(&mut reply, &view, Failure::Authentication, &[0xa5; 16], message).unwrap();
    reply.finish(view.authenticator(), &secret);
    let reject = PacketView::parse(&out).unwrap();
    reject.vendor_values(VENDOR_MICROSOFT, MS_CHAP_ERROR).next().map(<[u8]>::to_vec)
}

#[test]
fn a_refusal_names_error_challenge_and_version() {
    assert_eq!(
        error_text(&rfc_2759_login("User", 3), "wrong password").unwrap(),
        b"\x03E=691 R=0 C=A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5 V=3 M=wrong password"
    );
    assert_eq!(
        error_text(&rfc_2433_login(1), "wrong password").unwrap(),
        b"\x09E=691 R=0 C=A5A5A5A5A5A5A5A5 V=2 M=wrong password"
    );
    let long = error_text(&rfc_2759_login("User", 3), &"ж".repeat(400)).unwrap();
    assert!(long.ends_with("жж".as_bytes()) && long.len() < 253);
    let pap = [&[1, 0, 0, 20][..], &[0; 16]].concat();
    assert_eq!(error_text(&pap, "wrong password"), None);
}
