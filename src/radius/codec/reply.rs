//! Replies: Message-Authenticator first, then what the door puts in, then the two digests.

use super::{Authenticator, Code, PacketWriter, SharedSecret};
use std::ops::{Deref, DerefMut};

/// Writes one reply. In Access-Accept, -Reject, -Challenge and Protocol-Error, Message-Authenticator is the first
/// attribute (CVE-2024-3596); in others call [`PacketWriter::message_authenticator`] first if the request had one.
#[derive(Debug)]
pub struct ReplyWriter<'b>(PacketWriter<'b>);

impl<'b> ReplyWriter<'b> {
    /// Begins a reply in this buffer, which is cleared and never grows beyond 4096 octets.
    pub fn new(out: &'b mut Vec<u8>, code: Code, identifier: u8) -> ReplyWriter<'b> {
        let mut packet = PacketWriter::new(out, code, identifier);
        if code.is_signed_reply() {
            // An empty packet always has room for it.
            let _ = packet.message_authenticator();
        }
        ReplyWriter(packet)
    }

    /// Leaves the digests to [`super::Digests::sign`], which needs the place given here. The buffer holds the packet.
    pub fn unsigned(mut self) -> Option<usize> {
        self.0.put_length();
        self.0.message_authenticator_offset()
    }

    /// Signs the packet for the request's authenticator (RFC 3579 section 3.2, RFC 2865 section 3); the buffer holds
    /// it then.
    pub fn finish(mut self, request: &Authenticator, secret: &SharedSecret) {
        self.0.sign(secret, request);
        let authenticator = secret.authenticator_of(self.0.as_bytes(), request);
        self.0.put_authenticator(&authenticator);
    }
}

impl<'b> Deref for ReplyWriter<'b> {
    type Target = PacketWriter<'b>;

    fn deref(&self) -> &PacketWriter<'b> {
        &self.0
    }
}

impl<'b> DerefMut for ReplyWriter<'b> {
    fn deref_mut(&mut self) -> &mut PacketWriter<'b> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::dictionary::*;
    use crate::radius::codec::{
        HEADER_OCTETS, MessageAuthenticator, PACKET_OCTETS_MAX, PacketView, WriteError,
    };
    use crate::radius::testing::hex;
    use std::net::Ipv4Addr;

    #[test]
    fn an_accept_begins_with_message_authenticator_and_verifies() {
        let secret = SharedSecret::new(b"testing123");
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 7);
        reply.attribute_ipv4(FRAMED_IP_ADDRESS, Ipv4Addr::new(10, 9, 0, 2)).unwrap();
        reply.vendor(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT, b"20M/20M").unwrap();
        reply.finish(&[3; 16], &secret);
        assert_eq!(out[HEADER_OCTETS], MESSAGE_AUTHENTICATOR);
        let view = PacketView::parse(&out).unwrap();
        assert_eq!(secret.verify_reply(&view, &[3; 16]), MessageAuthenticator::Valid);
        assert_eq!(secret.verify_reply(&view, &[4; 16]), MessageAuthenticator::Invalid);
        assert_eq!(SharedSecret::new(b"other").verify_reply(&view, &[3; 16]), MessageAuthenticator::Invalid);
        assert_eq!(view.vendor_values(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT).next(), Some(&b"20M/20M"[..]));
    }

    #[test]
    fn the_replies_of_rfc_2865_section_7_verify() {
        let secret = SharedSecret::new(b"xyzzy5461");
        for (request, reply) in [
            (
                "0f403f9473978057bd83d5cb98f4227a",
                "02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2
                 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03",
            ),
            (
                "2aee86f08d0d55969ca5978e0d3367a2",
                "02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4
                 06 06 00 00 00 02 07 06 00 00 00 01 08 06 ff ff ff fe
                 0a 06 00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc",
            ),
        ] {
            let (request, reply) = (hex(request), hex(reply));
            let view = PacketView::parse(&reply).unwrap();
            let request = request.as_slice().try_into().unwrap();
            assert_eq!(secret.verify_reply(&view, request), MessageAuthenticator::Absent);
        }
    }

    #[test]
    fn an_accounting_response_has_no_message_authenticator_unless_asked_for() {
        let secret = SharedSecret::new(b"testing123");
        let mut out = Vec::new();
        ReplyWriter::new(&mut out, Code::ACCOUNTING_RESPONSE, 7).finish(&[3; 16], &secret);
        assert_eq!(out.len(), HEADER_OCTETS);
        let view = PacketView::parse(&out).unwrap();
        assert_eq!(secret.verify_reply(&view, &[3; 16]), MessageAuthenticator::Absent);

        let mut reply = ReplyWriter::new(&mut out, Code::ACCOUNTING_RESPONSE, 7);
        reply.message_authenticator().unwrap();
        reply.finish(&[3; 16], &secret);
        let view = PacketView::parse(&out).unwrap();
        assert_eq!(secret.verify_reply(&view, &[3; 16]), MessageAuthenticator::Valid);
    }

    #[test]
    fn proxy_states_come_back_in_order() {
        let secret = SharedSecret::new(b"testing123");
        let request = [&[4, 1, 0, 28][..], &[0; 16], &[33, 4, 1, 2, 33, 4, 3, 4]].concat();
        let request = PacketView::parse(&request).unwrap();
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, Code::ACCOUNTING_RESPONSE, 1);
        reply.proxy_states(&request).unwrap();
        reply.finish(request.authenticator(), &secret);
        assert_eq!(out[HEADER_OCTETS..], [33, 4, 1, 2, 33, 4, 3, 4]);
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_the_packet_stays_whole() {
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 7);
        assert_eq!(reply.attribute(CLASS, &[0; 254]), Err(WriteError::ValueTooLong));
        assert_eq!(reply.vendor(9, 1, &[0; 248]), Err(WriteError::ValueTooLong));
        let mut written = 0;
        while reply.attribute(CLASS, &[0; 253]).is_ok() {
            written += 1;
        }
        assert_eq!(written, (PACKET_OCTETS_MAX - HEADER_OCTETS - 18) / 255);
        assert_eq!(reply.vendor(9, 1, &[0; 247]), Err(WriteError::PacketFull));
        assert_eq!(reply.raw(&[0; 256]), Err(WriteError::PacketFull));
        reply.finish(&[0; 16], &SharedSecret::new(b"s"));
        let view = PacketView::parse(&out).unwrap();
        assert_eq!(view.values(CLASS).count(), written);
    }

    #[test]
    fn a_buffer_is_used_again_without_growing() {
        let secret = SharedSecret::new(b"testing123");
        let mut out = Vec::with_capacity(PACKET_OCTETS_MAX);
        let place = out.as_ptr();
        for identifier in 0..3 {
            let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_REJECT, identifier);
            while reply.attribute(REPLY_MESSAGE, &[b'x'; 253]).is_ok() {}
            reply.finish(&[0; 16], &secret);
        }
        assert_eq!((out.as_ptr(), out.capacity()), (place, PACKET_OCTETS_MAX));
    }
}
