//! The server's proofs and keys of many MS-CHAPv2 logins, worked out beside each other.

use super::{ITERATION, MASTER_KEY, Reserved, SERVER_RECEIVE, SERVER_SEND, SIGNING, V2Proof, hex_digits};
use crate::radius::codec::{Authenticator, SharedSecret};
use crate::radius::lanes::{Batch, Md5, Sha1};

/// Octets of a session key of MS-CHAPv2, and of one block that hides it.
const KEY_OCTETS: usize = 16;
/// RFC 3079 section 3.4: between the key and the magic text, and after it.
const PADS: ([u8; 40], [u8; 40]) = ([0; 40], [0xf2; 40]);

/// A reply in which [`V2Proof::reserve`] has kept the places.
pub struct Unproved<'a> {
    pub octets: &'a mut Vec<u8>,
    pub proof: &'a V2Proof,
    pub reserved: Reserved,
    /// The request's authenticator.
    pub request: &'a Authenticator,
    pub secret: &'a SharedSecret,
}

/// Room for the digests of a batch, used again for the next one.
#[derive(Default)]
pub struct Many {
    sha1: Batch<Sha1, 5>,
    second: Batch<Sha1, 5>,
    md5: Batch<Md5, 4>,
}

impl Many {
    /// Fills in what was reserved, as [`V2Proof::write`] would have written it.
    pub fn complete(&mut self, replies: &mut [Unproved<'_>]) {
        self.sha1.clear();
        for Unproved { proof, .. } in replies.iter() {
            self.sha1.push(&[&proof.hash_hash, &proof.nt_response, SIGNING]);
            self.sha1.push(&[&proof.hash_hash, &proof.nt_response, MASTER_KEY]);
        }
        self.sha1.digest();
        self.second.clear();
        let mut firsts = self.sha1.states().map(Sha1::octets);
        for Unproved { proof, .. } in replies.iter() {
            let (Some(inner), Some(master)) = (firsts.next(), firsts.next()) else { break };
            let master = master.first_chunk::<KEY_OCTETS>().unwrap_or(&[0; KEY_OCTETS]);
            self.second.push(&[&inner, &proof.challenge_hash, ITERATION]);
            for magic in [SERVER_SEND, SERVER_RECEIVE] {
                self.second.push(&[master, &PADS.0, magic, &PADS.1]);
            }
        }
        drop(firsts);
        self.second.digest();
        self.write(replies);
    }

    fn write(&mut self, replies: &mut [Unproved<'_>]) {
        self.md5.clear();
        for reply in replies.iter() {
            for salt in salts_of(reply) {
                self.md5.push(&[reply.secret.octets(), reply.request, &salt]);
            }
        }
        self.md5.digest();
        let mut pads = self.md5.states().map(Md5::octets);
        let mut seconds = self.second.states().map(Sha1::octets);
        for reply in replies.iter_mut() {
            let Some(proof) = seconds.next() else { break };
            let (text, at) = (b"S=".iter().copied().chain(hex_digits(&proof)), reply.reserved.success_at);
            reply.octets.iter_mut().skip(at).zip(text).for_each(|(place, octet)| *place = octet);
            for place in key_places(&reply.reserved) {
                let Some(key) = seconds.next() else { break };
                let (Some(at), Some(pad)) = (place, place.and_then(|_| pads.next())) else { continue };
                hide_first(reply.octets, at, &key, &pad);
            }
        }
        drop((pads, seconds));
        self.hide_second(replies);
    }

    /// The second blocks: chained to the first, and they hold the key's last octet.
    fn hide_second(&mut self, replies: &mut [Unproved<'_>]) {
        self.md5.clear();
        for reply in replies.iter() {
            for at in key_places(&reply.reserved).into_iter().flatten() {
                let first = reply.octets.get(at + 2..at + 2 + KEY_OCTETS).unwrap_or_default();
                self.md5.push(&[reply.secret.octets(), first]);
            }
        }
        self.md5.digest();
        let mut pads = self.md5.states().map(Md5::octets);
        for reply in replies.iter_mut() {
            for at in key_places(&reply.reserved).into_iter().flatten() {
                let Some(pad) = pads.next() else { return };
                let block = reply.octets.iter_mut().skip(at + 2 + KEY_OCTETS);
                block.zip(pad).for_each(|(place, octet)| *place ^= octet);
            }
        }
    }
}

fn key_places(reserved: &Reserved) -> [Option<usize>; 2] {
    [reserved.keys_at.map(|(send, _)| send), reserved.keys_at.map(|(_, recv)| recv)]
}

/// The salts as they stand in the reply.
fn salts_of(reply: &Unproved<'_>) -> impl Iterator<Item = [u8; 2]> {
    let places = key_places(&reply.reserved).into_iter().flatten();
    places.map(|at| reply.octets.get(at..at + 2).and_then(|salt| salt.try_into().ok()).unwrap_or_default())
}

/// One octet of length, the key, zeros to a whole block (RFC 2548 section 2.4.2): the first block is hidden, the
/// second is written as it is.
fn hide_first(octets: &mut [u8], at: usize, key: &[u8], pad: &[u8; 16]) {
    let length = u8::try_from(KEY_OCTETS).unwrap_or_default();
    let plain = std::iter::once(length).chain(key.iter().copied().take(KEY_OCTETS));
    let hidden = plain.zip(pad.iter().copied().chain(std::iter::repeat(0))).map(|(plain, pad)| plain ^ pad);
    octets.iter_mut().skip(at + 2).zip(hidden).for_each(|(place, octet)| *place = octet);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::auth::{Encryption, NtKeys};
    use crate::radius::codec::{Code, ReplyWriter};

    #[test]
    fn many_proofs_and_keys_are_those_of_each_alone() {
        let secrets: Vec<SharedSecret> =
            [&b"testing123"[..], &[7; 60], b""].into_iter().map(SharedSecret::new).collect();
        let request: Authenticator = [5; 16];
        let proofs: Vec<V2Proof> = (0..11u8)
            .map(|n| V2Proof {
                identifier: n,
                challenge_hash: [n; 8],
                nt_response: [n ^ 0x55; 24],
                hash_hash: *NtKeys::from_password(&format!("password {n}")).hash_hash(),
            })
            .collect();
        let encryption = |n: usize| if n % 4 == 3 { Encryption::Off } else { Encryption::Allowed };
        let salt = |n: usize| u16::try_from(n * 999).unwrap();
        let mut buffers = vec![Vec::new(); proofs.len()];
        let mut replies: Vec<Unproved<'_>> = buffers
            .iter_mut()
            .zip(&proofs)
            .enumerate()
            .map(|(n, (octets, proof))| {
                let mut reply = ReplyWriter::new(octets, Code::ACCESS_ACCEPT, 1);
                let reserved = proof.reserve(&mut reply, (encryption(n), salt(n))).unwrap();
                reply.unsigned();
                Unproved { octets, proof, reserved, request: &request, secret: &secrets[n % 3] }
            })
            .collect();
        Many::default().complete(&mut replies);
        for (n, (octets, proof)) in buffers.iter().zip(&proofs).enumerate() {
            let mut alone = Vec::new();
            let mut reply = ReplyWriter::new(&mut alone, Code::ACCESS_ACCEPT, 1);
            proof.write(&mut reply, &request, &secrets[n % 3], (encryption(n), salt(n))).unwrap();
            reply.unsigned();
            assert_eq!(*octets, alone, "{n}");
        }
    }
}
