//! Proofs of many packets at a time: what [`SharedSecret`] checks and signs one by one, digested beside each other.

use super::lanes::{self, BLOCK_OCTETS, Block, INITIAL, Message};
use super::{Authenticator, HEADER_OCTETS, MessageAuthenticator, PacketView, SharedSecret};
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
    blocks: Vec<Block>,
    messages: Vec<Message>,
}

impl Digests {
    /// As [`SharedSecret::verify_message_authenticator`] for Access-Request and Status-Server: for each request what
    /// its Message-Authenticator says.
    pub fn verify_message_authenticators<'p>(
        &mut self,
        requests: impl Iterator<Item = (&'p PacketView<'p>, &'p SharedSecret)> + Clone,
        results: &mut Vec<MessageAuthenticator>,
    ) {
        self.clear();
        for (packet, secret) in requests.clone() {
            if let Some(at) = packet.message_authenticator_offset() {
                let octets = packet.as_bytes();
                let parts = [part(octets, 0, at), &ZEROS, part(octets, at + 16, octets.len())];
                self.push(secret.inner_state(), BLOCK_OCTETS, &parts);
            }
        }
        self.digest_inner_then_outer(
            requests
                .clone()
                .filter_map(|(packet, secret)| packet.message_authenticator_offset().map(|_| secret)),
        );
        let mut digests = self.messages.iter().map(Message::digest);
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
        self.clear();
        for (packet, secret) in requests.clone() {
            let octets = packet.as_bytes();
            let rest = part(octets, HEADER_OCTETS, octets.len());
            self.push(INITIAL, 0, &[part(octets, 0, 4), &ZEROS, rest, secret.octets()]);
        }
        lanes::digest(&mut self.messages, &self.blocks);
        let digests = self.messages.iter().map(Message::digest);
        results.clear();
        results.extend(
            requests
                .zip(digests)
                .map(|((packet, _), digest)| bool::from(digest.ct_eq(packet.authenticator()))),
        );
    }

    /// Signs replies as [`super::ReplyWriter::finish`] does.
    pub fn sign(&mut self, replies: &mut [Unsigned<'_>]) {
        self.clear();
        for reply in replies.iter_mut() {
            // The digests are made over the request's authenticator; the reply's own takes its place at the end.
            put(reply.octets, 4, reply.request);
            if reply.message_authenticator.is_some() {
                // Its value is zeros so far.
                self.push(reply.secret.inner_state(), BLOCK_OCTETS, &[reply.octets]);
            }
        }
        let signed = |reply: &Unsigned<'_>| reply.message_authenticator.is_some();
        self.digest_inner_then_outer(replies.iter().filter(|reply| signed(reply)).map(|reply| reply.secret));
        for (reply, message) in replies.iter_mut().filter(|reply| signed(reply)).zip(&self.messages) {
            if let Some(at) = reply.message_authenticator {
                put(reply.octets, at, &message.digest());
            }
        }
        self.clear();
        for reply in replies.iter() {
            self.push(INITIAL, 0, &[reply.octets, reply.secret.octets()]);
        }
        lanes::digest(&mut self.messages, &self.blocks);
        for (reply, message) in replies.iter_mut().zip(&self.messages) {
            put(reply.octets, 4, &message.digest());
        }
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.messages.clear();
    }

    /// Turns inner digests into HMACs (RFC 2104 section 2); the secrets are those of the messages, in order.
    fn digest_inner_then_outer<'p>(&mut self, secrets: impl Iterator<Item = &'p SharedSecret>) {
        lanes::digest(&mut self.messages, &self.blocks);
        self.blocks.clear();
        for (message, secret) in self.messages.iter_mut().zip(secrets) {
            let inner = message.digest();
            let first = push_padded(&mut self.blocks, BLOCK_OCTETS, &[&inner]);
            *message = Message { state: secret.outer_state(), first, count: self.blocks.len() - first };
        }
        lanes::digest(&mut self.messages, &self.blocks);
    }

    /// A message of these parts, after `before` octets that `state` has taken in.
    fn push(&mut self, state: lanes::State, before: usize, parts: &[&[u8]]) {
        let first = push_padded(&mut self.blocks, before, parts);
        self.messages.push(Message { state, first, count: self.blocks.len() - first });
    }
}

/// Appends a message with the padding of RFC 1321 sections 3.1 and 3.2; gives its first block.
fn push_padded(blocks: &mut Vec<Block>, before: usize, parts: &[&[u8]]) -> usize {
    let first = blocks.len();
    let octets: usize = parts.iter().map(|part| part.len()).sum();
    blocks.resize(first + (octets + 9).div_ceil(BLOCK_OCTETS), [0; BLOCK_OCTETS]);
    let place = blocks.get_mut(first..).unwrap_or_default().as_flattened_mut();
    let mut at = 0;
    for part in parts {
        put(place, at, part);
        at += part.len();
    }
    put(place, at, &[0x80]);
    let bits = u64::try_from(before + octets).unwrap_or_default() * 8;
    put(place, place.len() - 8, &bits.to_le_bytes());
    first
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
                octets[5] ^= u8::from(n % 3 == 0);
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
