//! Proofs of many packets at a time: what [`SharedSecret`] checks and signs one by one, digested beside each other.

use super::{Authenticator, HEADER_OCTETS, MessageAuthenticator, PacketView, SharedSecret};
use crate::radius::lanes::{BLOCK_OCTETS, Batch, Md5};
use subtle::ConstantTimeEq;

const ZEROS: Authenticator = [0; 16];

/// A reply that is written and not signed yet ([`super::ReplyWriter::unsigned`]).
pub struct Unsigned<'a> {
    pub octets: &'a mut Vec<u8>,
    /// Where Message-Authenticator's value begins, if the reply has one.
    pub message_authenticator: Option<usize>,
    /// The request's authenticator.
    pub request: &'a Authenticator,
    pub secret: &'a SharedSecret,
}

/// Room for the digests of a batch, used again for the next one.
#[derive(Default)]
pub struct Digests {
    inner: Batch<Md5, 4>,
    outer: Batch<Md5, 4>,
}

impl Digests {
    /// As [`SharedSecret::verify_message_authenticator`] for Access-Request and Status-Server: for each request what
    /// its Message-Authenticator says.
    pub fn verify_message_authenticators<'p>(
        &mut self,
        requests: impl Iterator<Item = (&'p PacketView<'p>, &'p SharedSecret)> + Clone,
        results: &mut Vec<MessageAuthenticator>,
    ) {
        let signed = requests
            .clone()
            .filter_map(|(packet, secret)| Some((packet.message_authenticator_offset()?, packet, secret)));
        self.inner.clear();
        for (at, packet, secret) in signed.clone() {
            let octets = packet.as_bytes();
            let parts = [part(octets, 0, at), &ZEROS, part(octets, at + 16, octets.len())];
            self.inner.push_after(secret.inner_state(), BLOCK_OCTETS, &parts);
        }
        self.digest_hmacs(signed.map(|(_, _, secret)| secret));
        let mut digests = self.outer.states().map(Md5::octets);
        results.clear();
        results.extend(requests.map(|(packet, _)| match packet.message_authenticator() {
            None => MessageAuthenticator::Absent,
            Some(received) => match digests.next() {
                Some(digest) if digest.ct_eq(received).into() => MessageAuthenticator::Valid,
                _ => MessageAuthenticator::Invalid,
            },
        }));
    }

    /// As [`SharedSecret::verify_accounting_authenticator`] for each request.
    pub fn verify_accounting_authenticators<'p>(
        &mut self,
        requests: impl Iterator<Item = (&'p PacketView<'p>, &'p SharedSecret)> + Clone,
        results: &mut Vec<bool>,
    ) {
        self.inner.clear();
        for (packet, secret) in requests.clone() {
            let octets = packet.as_bytes();
            let rest = part(octets, HEADER_OCTETS, octets.len());
            self.inner.push(&[part(octets, 0, 4), &ZEROS, rest, secret.octets()]);
        }
        self.inner.digest();
        let digests = self.inner.states().map(Md5::octets);
        results.clear();
        results.extend(
            requests
                .zip(digests)
                .map(|((packet, _), digest)| bool::from(digest.ct_eq(packet.authenticator()))),
        );
    }

    /// Signs replies as [`super::ReplyWriter::finish`] does.
    pub fn sign(&mut self, replies: &mut [Unsigned<'_>]) {
        self.inner.clear();
        for reply in replies.iter_mut() {
            // The digests are made over the request's authenticator; the reply's own takes its place at the end.
            put(reply.octets, 4, reply.request);
            if reply.message_authenticator.is_some() {
                // Its value is zeros so far.
                self.inner.push_after(reply.secret.inner_state(), BLOCK_OCTETS, &[reply.octets]);
            }
        }
        let signed = |reply: &Unsigned<'_>| reply.message_authenticator.is_some();
        self.digest_hmacs(replies.iter().filter(|reply| signed(reply)).map(|reply| reply.secret));
        let hmacs = self.outer.states().map(Md5::octets);
        for (reply, hmac) in replies.iter_mut().filter(|reply| signed(reply)).zip(hmacs) {
            if let Some(at) = reply.message_authenticator {
                put(reply.octets, at, &hmac);
            }
        }
        self.inner.clear();
        for reply in replies.iter() {
            self.inner.push(&[reply.octets, reply.secret.octets()]);
        }
        self.inner.digest();
        for (reply, digest) in replies.iter_mut().zip(self.inner.states().map(Md5::octets)) {
            put(reply.octets, 4, &digest);
        }
    }

    /// Makes HMACs (RFC 2104 section 2) of the inner messages; the secrets are theirs, in order.
    fn digest_hmacs<'p>(&mut self, secrets: impl Iterator<Item = &'p SharedSecret>) {
        self.inner.digest();
        self.outer.clear();
        for (inner, secret) in self.inner.states().map(Md5::octets).zip(secrets) {
            self.outer.push_after(secret.outer_state(), BLOCK_OCTETS, &[&inner]);
        }
        self.outer.digest();
    }
}

fn part(octets: &[u8], from: usize, to: usize) -> &[u8] {
    octets.get(from..to).unwrap_or_default()
}

fn put(place: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(place) = place.get_mut(at..at + octets.len()) {
        place.copy_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::dictionary::{ACCT_STATUS_TYPE, CLASS, USER_NAME};
    use crate::radius::codec::{Code, ReplyWriter, RequestWriter};

    fn secrets() -> Vec<SharedSecret> {
        [&b"testing123"[..], b"", &[7; 70], b"another"].into_iter().map(SharedSecret::new).collect()
    }

    #[test]
    fn many_requests_are_judged_as_each_alone() {
        let secrets = secrets();
        for count in [1, 2, 7, 8, 9, 64] {
            let packets: Vec<Vec<u8>> = (0..count)
                .map(|n: usize| {
                    let mut octets = Vec::new();
                    let random = [n as u8; 16];
                    let mut request = RequestWriter::access(&mut octets, Code::ACCESS_REQUEST, 1, random);
                    request.attribute(USER_NAME, &vec![b'x'; n * 3 % 200]).unwrap();
                    request.finish(&secrets[n % 4]);
                    match n % 5 {
                        0 => octets[25] ^= 1,
                        1 => {
                            // Without Message-Authenticator.
                            octets.drain(20..38);
                            let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
                            octets[2..4].copy_from_slice(&length);
                        }
                        _ => {}
                    }
                    octets
                })
                .collect();
            let views: Vec<_> = packets.iter().map(|octets| PacketView::parse(octets).unwrap()).collect();
            let requests = views.iter().enumerate().map(|(n, view)| (view, &secrets[n % 4]));
            let mut results = Vec::new();
            Digests::default().verify_message_authenticators(requests.clone(), &mut results);
            let alone: Vec<_> =
                requests.map(|(view, secret)| secret.verify_message_authenticator(view)).collect();
            assert_eq!(results, alone);
        }
    }

    #[test]
    fn many_accounting_requests_are_judged_as_each_alone() {
        let secrets = secrets();
        let packets: Vec<Vec<u8>> = (0..20)
            .map(|n: usize| {
                let mut octets = Vec::new();
                let mut request = RequestWriter::accounting(&mut octets, 1);
                request.attribute_u32(ACCT_STATUS_TYPE, 1).unwrap();
                request.attribute(CLASS, &vec![1; n * 11]).unwrap();
                request.finish(&secrets[n % 4]);
                octets[5] ^= u8::from(n.is_multiple_of(3));
                octets
            })
            .collect();
        let views: Vec<_> = packets.iter().map(|octets| PacketView::parse(octets).unwrap()).collect();
        let requests = views.iter().enumerate().map(|(n, view)| (view, &secrets[n % 4]));
        let mut results = Vec::new();
        Digests::default().verify_accounting_authenticators(requests, &mut results);
        assert_eq!(results, (0..20).map(|n| n % 3 != 0).collect::<Vec<_>>());
    }

    #[test]
    fn many_replies_are_signed_as_each_alone() {
        let secrets = secrets();
        let codes = [Code::ACCESS_ACCEPT, Code::ACCOUNTING_RESPONSE, Code::ACCESS_REJECT];
        let write = |n: usize, out: &mut Vec<u8>| {
            let mut reply = ReplyWriter::new(out, codes[n % 3], n as u8);
            reply.attribute(CLASS, &vec![9; n * 5 % 250]).unwrap();
            reply.unsigned()
        };
        let request: Authenticator = [3; 16];
        let mut buffers = vec![Vec::new(); 50];
        let mut replies: Vec<_> = buffers
            .iter_mut()
            .enumerate()
            .map(|(n, octets)| {
                let message_authenticator = write(n, octets);
                Unsigned { octets, message_authenticator, request: &request, secret: &secrets[n % 4] }
            })
            .collect();
        Digests::default().sign(&mut replies);
        for (n, octets) in buffers.iter().enumerate() {
            let mut alone = Vec::new();
            let mut reply = ReplyWriter::new(&mut alone, codes[n % 3], n as u8);
            reply.attribute(CLASS, &vec![9; n * 5 % 250]).unwrap();
            reply.finish(&request, &secrets[n % 4]);
            assert_eq!(*octets, alone);
        }
    }
}
