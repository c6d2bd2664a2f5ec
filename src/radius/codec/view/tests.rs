use super::*;
use crate::model::Usage;
use crate::radius::codec::{RequestWriter, SharedSecret};
use crate::radius::testing::hex;

/// RFC 2865 section 7.1.
fn rfc_2865_telnet_login() -> Vec<u8> {
    hex("01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a
         01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f
         78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03")
}

fn packet(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER_OCTETS + attributes.len()).unwrap().to_be_bytes();
    [&[1, 7], &length[..], &[9; 16], attributes].concat()
}

#[test]
fn the_telnet_login_of_rfc_2865_is_read() {
    let octets = rfc_2865_telnet_login();
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!((view.code(), view.identifier()), (Code::ACCESS_REQUEST, 0));
    assert_eq!(view.user_name(), Some(&b"nemo"[..]));
    assert_eq!(view.nas_ip_address(), Some(Ipv4Addr::new(192, 168, 1, 16)));
    assert_eq!(view.nas_port(), Some(3));
    assert_eq!(view.user_password().map(<[u8]>::len), Some(16));
    assert_eq!(view.attributes().map(|(kind, _)| kind).collect::<Vec<_>>(), [1, 2, 4, 5]);
    assert!(view.message_authenticator().is_none() && !view.has_proxy_state() && !view.has_eap_message());
}

#[test]
fn octets_after_the_header_length_are_padding() {
    let mut octets = rfc_2865_telnet_login();
    octets.extend([0xff; 9]);
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!(view.as_bytes().len(), 56);
}

#[test]
fn what_is_not_a_packet_is_named() {
    let octets = rfc_2865_telnet_login();
    let with = |at: usize, value: u8| {
        let mut changed = octets.clone();
        changed[at] = value;
        changed
    };
    for (octets, why) in [
        (octets[..19].to_vec(), Malformed::Short),
        (Vec::new(), Malformed::Short),
        (with(3, 19), Malformed::Length),
        (with(2, 0x11), Malformed::Length),
        (octets[..55].to_vec(), Malformed::Truncated),
        (with(3, 57), Malformed::Truncated),
        (with(21, 1), Malformed::AttributeShort),
        (with(21, 0), Malformed::AttributeShort),
        (with(51, 7), Malformed::AttributePastEnd),
        (packet(&[1]), Malformed::AttributePastEnd),
        (packet(&[80, 4, 0, 0]), Malformed::MessageAuthenticatorLength),
    ] {
        assert_eq!(PacketView::parse(&octets).err(), Some(why));
    }
}

#[test]
fn the_longest_packet_is_read_and_one_octet_more_is_not() {
    let full = vec![[25u8, 4, 1, 2]; (PACKET_OCTETS_MAX - HEADER_OCTETS) / 4].concat();
    let octets = packet(&full);
    assert_eq!(octets.len(), PACKET_OCTETS_MAX);
    assert_eq!(PacketView::parse(&octets).unwrap().values(25).count(), full.len() / 4);
    assert_eq!(PacketView::parse(&packet(&[&full[..], &[0]].concat())).err(), Some(Malformed::Length));
}

#[test]
fn several_vendor_attributes_in_one_attribute_26_are_found() {
    let octets = packet(
        &[
            &[26, 18, 0, 0, 1, 0x37][..],
            &[11, 4, 0xaa, 0xbb, 7, 3, 1, 25, 5, 1, 2, 3],
            &[26, 10, 0, 0, 0xd, 0xe9, 1, 4, b'g', b'1'],
        ]
        .concat(),
    );
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!(view.ms_chap_challenge(), Some(&[0xaa, 0xbb][..]));
    assert_eq!(view.ms_chap2_response(), Some(&[1, 2, 3][..]));
    assert_eq!(view.ms_chap_response(), None);
    assert_eq!(view.vendor_values(VENDOR_MICROSOFT, 7).next(), Some(&[1][..]));
    let circuit = view.vendor_values(VENDOR_ADSL_FORUM, ADSL_AGENT_CIRCUIT_ID).next();
    assert_eq!(circuit, Some(&b"g1"[..]));
}

#[test]
fn a_vendor_attribute_of_another_layout_is_left_alone() {
    for inside in [&[0, 0, 1][..], &[0, 0, 1, 0x37], &[0, 0, 1, 0x37, 25], &[0, 0, 1, 0x37, 25, 9, 1]] {
        let attribute = [&[26, u8::try_from(inside.len() + 2).unwrap()], inside, &[1, 3, b'x']].concat();
        let octets = packet(&attribute);
        let view = PacketView::parse(&octets).unwrap();
        assert_eq!(view.ms_chap2_response(), None);
        assert_eq!(view.user_name(), Some(&b"x"[..]));
    }
}

#[test]
fn a_value_of_the_wrong_length_is_absent_as_a_number() {
    let octets = packet(&[5, 5, 0, 0, 3, 42, 6, 0xff, 0xff, 0xff, 0xff, 52, 6, 0, 0, 0, 1]);
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!(view.nas_port(), None);
    assert_eq!(view.acct_input_octets(), Some(0x1_ffff_ffff));
    assert_eq!(view.usage(), Some(Usage { download_octets: 0, upload_octets: 0x1_ffff_ffff }));
    let empty = packet(&[]);
    assert_eq!(PacketView::parse(&empty).unwrap().usage(), None);
}

#[test]
fn of_attributes_given_twice_the_first_counts() {
    let octets = packet(&[1, 3, b'a', 1, 3, b'b', 33, 3, 1, 33, 2, 33, 3, 2]);
    let view = PacketView::parse(&octets).unwrap();
    assert_eq!(view.user_name(), Some(&b"a"[..]));
    assert_eq!(view.values(USER_NAME).collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(view.proxy_states().collect::<Vec<_>>(), [&[1][..], &[], &[2]]);
}

#[test]
fn every_accessor_reads_the_attribute_of_its_name() {
    let secret = SharedSecret::new(b"s");
    let mut out = Vec::new();
    let mut request = RequestWriter::accounting(&mut out, 1);
    let numbered = [
        ACCT_DELAY_TIME,
        ACCT_SESSION_TIME,
        ACCT_TERMINATE_CAUSE,
        EVENT_TIMESTAMP,
        NAS_PORT,
        NAS_PORT_TYPE,
        SERVICE_TYPE,
        ERROR_CAUSE,
        FRAMED_IP_ADDRESS,
        ACCT_OUTPUT_OCTETS,
    ];
    let texts = [
        NAS_IDENTIFIER,
        NAS_PORT_ID,
        STATE,
        CLASS,
        CALLING_STATION_ID,
        CALLED_STATION_ID,
        ACCT_SESSION_ID,
        CHAP_PASSWORD,
        CHAP_CHALLENGE,
    ];
    for kind in numbered {
        request.attribute_u32(kind, u32::from(kind)).unwrap();
    }
    for kind in texts {
        request.attribute(kind, &[kind]).unwrap();
    }
    request.finish(&secret);
    let view = PacketView::parse(&out).unwrap();
    let read = [
        view.acct_delay_time(),
        view.acct_session_time(),
        view.acct_terminate_cause(),
        view.event_timestamp(),
        view.nas_port(),
        view.nas_port_type(),
        view.service_type(),
        view.error_cause(),
        view.framed_ip_address().map(u32::from),
        view.acct_output_octets().and_then(|octets| u32::try_from(octets).ok()),
    ];
    assert_eq!(read, numbered.map(|kind| Some(u32::from(kind))));
    let read = [
        view.nas_identifier(),
        view.nas_port_id(),
        view.state(),
        view.class(),
        view.calling_station_id(),
        view.called_station_id(),
        view.acct_session_id(),
        view.chap_password(),
        view.chap_challenge(),
    ];
    assert_eq!(read.map(|value| value.map(<[u8]>::to_vec)), texts.map(|kind| Some(vec![kind])));
}

#[test]
fn an_ipv6_prefix_may_leave_its_zeros_out() {
    let read = |octets: &[u8]| ipv6_prefix(octets).map(|net| net.to_string());
    assert_eq!(read(&[0, 48, 0x20, 1, 0xd, 0xb8]), Some("2001:db8::/48".into()));
    assert_eq!(read(&[0, 32, 0x20, 1, 0xd, 0xb8, 0xff]), Some("2001:db8::/32".into()));
    assert_eq!(read(&[0, 0]), Some("::/0".into()));
    for bad in [&[][..], &[0], &[0, 129], &[0, 64, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]]
    {
        assert_eq!(read(bad), None);
    }
}
