//! Many MS-CHAPv2 logins at a time: what their NT-Responses have to be, the server's proofs and the keys, worked out
//! beside each other.

use super::{Expected, ITERATION, MASTER_KEY, Reserved, SERVER_RECEIVE, SERVER_SEND, SIGNING};
use super::{V2Proof, V2Response, success_text};
use crate::radius::auth::NtKeys;
use crate::radius::auth::des::{SCHEDULES_WORDS, encrypt_three};
use crate::radius::codec::{Authenticator, SharedSecret};
use crate::radius::lanes::{self, Algorithm, Batch, Block, ConstantBlock, Kernel, LANES, Md5, Sha1, Word};

/// Octets of a session key of MS-CHAPv2, and of one block that hides it.
const KEY_OCTETS: usize = 16;
/// RFC 3079 section 3.4: between the key and the magic text, and after it.
const PADS: ([u8; 40], [u8; 40]) = ([0; 40], [0xf2; 40]);
/// Octets of both challenges, which stand before the name.
const CHALLENGES_OCTETS: usize = 32;
/// Names up to this length leave room in the first block for the end of the message.
const NAME_OCTETS_MAX: usize = 23;

/// A reply in which [`V2Proof::reserve`] has kept the places.
pub struct Unproved<'a> {
    pub octets: &'a mut Vec<u8>,
    pub proof: &'a V2Proof,
    pub reserved: Reserved,
    /// The request's authenticator.
    pub request: &'a Authenticator,
    pub secret: &'a SharedSecret,
}

/// ChallengeHash and ChallengeResponse (RFC 2759 sections 8.2 and 8.5): from the one block of the former's message and
/// the schedules of the keys, the hash (2 words) and the NT-Response (6).
struct Response;

impl Kernel<16, SCHEDULES_WORDS, 8> for Response {
    #[inline(always)]
    fn run<V: Word>(block: &[V; 16], schedules: &[V; SCHEDULES_WORDS]) -> [V; 8] {
        let [kind, ..] = *block;
        let [hash0, hash1, ..] = Sha1::rounds(Sha1::INITIAL.map_all(kind), block);
        let [a, b, c, d, e, f] = encrypt_three(schedules, [hash0, hash1]);
        [hash0, hash1, a, b, c, d, e, f]
    }
}

/// The server's proof (RFC 2759 section 8.7) and both keys (RFC 3079 section 3.4): from hash of the hash (4 words),
/// NT-Response (6) and ChallengeHash (2), the proof (5 words), the key to send (4) and the one to receive (4).
///
/// Of the thirteen blocks that the RFCs digest, the two keys share one, and seven are always the same.
struct Debt;

impl Kernel<16, 0, 13> for Debt {
    #[inline(always)]
    fn run<V: Word>(known: &[V; 16], _: &[V; 0]) -> [V; 13] {
        static AFTER_RESPONSE: [([u32; 6], ConstantBlock); 2] = [
            (words_at(SIGNING), ConstantBlock::new(&end_of(SIGNING, 24, 79))),
            (words_at(MASTER_KEY), ConstantBlock::new(&end_of(MASTER_KEY, 24, 67))),
        ];
        static ITERATION_END: ConstantBlock = ConstantBlock::new(&end_of(ITERATION, 36, 69));
        static KEYS: [[ConstantBlock; 2]; 2] = [key_blocks(SERVER_SEND), key_blocks(SERVER_RECEIVE)];
        let [h0, h1, h2, h3, n0, n1, n2, n3, n4, n5, c0, c1, ..] = *known;
        let start = Sha1::INITIAL.map_all(h0);
        // Loops of two: the digest's straight code is long, and shorter code stays in the processor's cache.
        let mut firsts = [start; 2];
        for (place, (magic, end)) in firsts.iter_mut().zip(&AFTER_RESPONSE) {
            let [m0, m1, m2, m3, m4, m5] = magic.map_all(h0);
            let block = [h0, h1, h2, h3, n0, n1, n2, n3, n4, n5, m0, m1, m2, m3, m4, m5];
            *place = end.take(Sha1::rounds(start, &block));
        }
        let [[i0, i1, i2, i3, i4], [k0, k1, k2, k3, _]] = firsts;
        let [m0, m1, m2, m3, m4, m5, m6, m7, m8] = words_at::<9>(ITERATION).map_all(h0);
        let block = [i0, i1, i2, i3, i4, c0, c1, m0, m1, m2, m3, m4, m5, m6, m7, m8];
        let [p0, p1, p2, p3, p4] = ITERATION_END.take(Sha1::rounds(start, &block));
        let ([m0, m1], zero) = (words_at(SERVER_SEND).map_all(h0), h0.all(0));
        let [z0, z1, z2, z3, z4, z5, z6, z7, z8, z9] = [zero; 10];
        let block = [k0, k1, k2, k3, z0, z1, z2, z3, z4, z5, z6, z7, z8, z9, m0, m1];
        let both = Sha1::rounds(start, &block);
        let mut keys = [both; 2];
        for (key, [middle, end]) in keys.iter_mut().zip(&KEYS) {
            *key = end.take(middle.take(*key));
        }
        let [[s0, s1, s2, s3, _], [r0, r1, r2, r3, _]] = keys;
        [p0, p1, p2, p3, p4, s0, s1, s2, s3, r0, r1, r2, r3]
    }
}

/// The same words in every lane.
trait MapAll<const N: usize> {
    fn map_all<V: Word>(self, kind: V) -> [V; N];
}

impl<const N: usize> MapAll<N> for [u32; N] {
    #[inline(always)]
    fn map_all<V: Word>(self, kind: V) -> [V; N] {
        let mut words = [kind; N];
        for (place, word) in words.iter_mut().zip(self) {
            *place = kind.all(word);
        }
        words
    }
}

/// The first N words of a text.
const fn words_at<const N: usize>(text: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    let mut n = 0;
    while n < N {
        let at = 4 * n;
        words[n] = u32::from_be_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]);
        n += 1;
    }
    words
}

/// Octets as words.
fn words_of<const N: usize>(octets: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*octets);
    }
    words
}

/// The last block of a message of `octets` octets that ends with a text, of which `before` octets are in blocks before.
const fn end_of(text: &[u8], before: usize, octets: u16) -> Block {
    let mut block = [0; lanes::BLOCK_OCTETS];
    let mut at = before;
    while at < text.len() {
        block[at - before] = text[at];
        at += 1;
    }
    block[at - before] = 0x80;
    [block[62], block[63]] = (octets * 8).to_be_bytes();
    block
}

/// The second and third block of a key's message (RFC 3079 section 3.4): key and zeros take 56 octets of the first, of
/// whose text 8 octets are there, the same in both texts.
const fn key_blocks(magic: &[u8; 84]) -> [ConstantBlock; 2] {
    let mut rest = [PADS.1[0]; 116];
    let mut at = 8;
    while at < magic.len() {
        rest[at - 8] = magic[at];
        at += 1;
    }
    let mut middle = [0; lanes::BLOCK_OCTETS];
    at = 0;
    while at < middle.len() {
        middle[at] = rest[at];
        at += 1;
    }
    [ConstantBlock::new(&middle), ConstantBlock::new(&end_of(&rest, 64, 180))]
}

/// Room for the work on a batch, used again for the next one.
#[derive(Default)]
pub struct Many {
    blocks: Vec<[u32; 16]>,
    /// The server's proof and both keys of each.
    debts: Vec<Owed>,
    md5: Batch<Md5, 4>,
}

struct Owed {
    proof: [u8; 20],
    keys: [[u8; KEY_OCTETS]; 2],
}

impl Many {
    /// What the NT-Response of each has to be, in order. None where the name is too long to be worked out here: then
    /// [`V2Response::prove`] does.
    pub fn expect(&mut self, asked: &[(V2Response<'_>, &NtKeys)], expected: &mut Vec<Option<Expected>>) {
        self.blocks.clear();
        self.blocks.extend(asked.iter().map(|(response, _)| challenge_block(response)));
        expected.clear();
        for (asked, blocks) in asked.chunks(LANES).zip(self.blocks.chunks(LANES)) {
            let mut inputs = [(&[0; 16], &[0; SCHEDULES_WORDS]); LANES];
            for ((input, (_, keys)), block) in inputs.iter_mut().zip(asked).zip(blocks) {
                *input = (block, keys.ciphers());
            }
            let found = lanes::run::<Response, _, _, _>(inputs.get(..asked.len()).unwrap_or_default());
            expected.extend(asked.iter().enumerate().map(|(lane, (response, _))| {
                let words: [[u8; 4]; 8] = octets_of(&found, 0, lane);
                let (challenge_hash, nt_response) = words.as_flattened().split_first_chunk::<8>()?;
                let nt_response = *nt_response.first_chunk::<24>()?;
                let fits = response.name.len() <= NAME_OCTETS_MAX;
                fits.then_some(Expected { challenge_hash: *challenge_hash, nt_response })
            }));
        }
    }

    /// Fills in what was reserved, as [`V2Proof::write`] would have written it.
    pub fn complete(&mut self, replies: &mut [Unproved<'_>]) {
        self.blocks.clear();
        self.blocks.extend(replies.iter().map(|reply| {
            let [h0, h1, h2, h3] = words_of(&reply.proof.hash_hash);
            let [n0, n1, n2, n3, n4, n5] = words_of(&reply.proof.nt_response);
            let [c0, c1] = words_of(&reply.proof.challenge_hash);
            [h0, h1, h2, h3, n0, n1, n2, n3, n4, n5, c0, c1, 0, 0, 0, 0]
        }));
        self.debts.clear();
        for blocks in self.blocks.chunks(LANES) {
            let mut inputs = [(&[0; 16], &[]); LANES];
            inputs.iter_mut().zip(blocks).for_each(|(input, block)| input.0 = block);
            let found = lanes::run::<Debt, _, _, _>(inputs.get(..blocks.len()).unwrap_or_default());
            self.debts.extend((0..blocks.len()).map(|lane| Owed {
                proof: flat(&octets_of::<13, 5>(&found, 0, lane)),
                keys: [
                    flat(&octets_of::<13, 4>(&found, 5, lane)),
                    flat(&octets_of::<13, 4>(&found, 9, lane)),
                ],
            }));
        }
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
        for (reply, owed) in replies.iter_mut().zip(&self.debts) {
            put(reply.octets, reply.reserved.success_at, &success_text(&owed.proof));
            for (place, key) in key_places(&reply.reserved).into_iter().zip(&owed.keys) {
                let (Some(at), Some(pad)) = (place, place.and_then(|_| pads.next())) else { continue };
                put(reply.octets, at + 2, &hidden_first(key, &pad));
            }
        }
        drop(pads);
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
                let at = at + 2 + KEY_OCTETS;
                let block = reply.octets.get_mut(at..at + pad.len()).unwrap_or_default();
                block.iter_mut().zip(pad).for_each(|(place, octet)| *place ^= octet);
            }
        }
    }
}

/// The message of ChallengeHash as the words of its one block. A name that is too long is cut: the result is not used.
fn challenge_block(response: &V2Response<'_>) -> [u32; 16] {
    let mut block = [0; lanes::BLOCK_OCTETS];
    let name = response.name.get(..NAME_OCTETS_MAX).unwrap_or(response.name);
    put(&mut block, 0, response.peer_challenge);
    put(&mut block, 16, response.challenge);
    put(&mut block, CHALLENGES_OCTETS, name);
    put(&mut block, CHALLENGES_OCTETS + name.len(), &[0x80]);
    let bits = u64::try_from((CHALLENGES_OCTETS + name.len()) * 8).unwrap_or_default();
    put(&mut block, lanes::BLOCK_OCTETS - 8, &bits.to_be_bytes());
    words_of(&block)
}

/// One lane's words from `from` on.
fn octets_of<const O: usize, const N: usize>(
    words: &[[u32; LANES]; O],
    from: usize,
    lane: usize,
) -> [[u8; 4]; N] {
    let mut octets = [[0; 4]; N];
    for (place, row) in octets.iter_mut().zip(words.iter().skip(from)) {
        *place = row.get(lane).copied().unwrap_or_default().to_be_bytes();
    }
    octets
}

fn flat<const N: usize>(octets: &[[u8; 4]]) -> [u8; N] {
    octets.as_flattened().try_into().unwrap_or([0; N])
}

fn put(place: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(place) = place.get_mut(at..at + octets.len()) {
        place.copy_from_slice(octets);
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
/// second is as it is.
fn hidden_first(key: &[u8; KEY_OCTETS], pad: &[u8; 16]) -> [u8; 2 * KEY_OCTETS] {
    let mut blocks = [0; 2 * KEY_OCTETS];
    put(&mut blocks, 0, &u8::try_from(KEY_OCTETS).unwrap_or_default().to_be_bytes());
    put(&mut blocks, 1, key);
    blocks.iter_mut().zip(pad).for_each(|(place, octet)| *place ^= octet);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::auth::Encryption;
    use crate::radius::codec::{Code, ReplyWriter};

    #[test]
    fn what_is_expected_of_many_is_what_is_expected_of_each_alone() {
        let keys: Vec<NtKeys> = (0..4).map(|n| NtKeys::from_password(&format!("password {n}"))).collect();
        for count in [1usize, 2, 8, 9, 30] {
            let names: Vec<String> = (0..count).map(|n| "x".repeat(n)).collect();
            let responses: Vec<[u8; 24]> = (0..count).map(|n| [n as u8; 24]).collect();
            let asked: Vec<(V2Response<'_>, &NtKeys)> = names
                .iter()
                .zip(&responses)
                .enumerate()
                .map(|(n, (name, nt_response))| {
                    let (challenge, peer_challenge) = (&[5; 16], &[6; 16]);
                    let name = name.as_bytes();
                    let response = V2Response { identifier: 1, challenge, peer_challenge, name, nt_response };
                    (response, &keys[n % 4])
                })
                .collect();
            let mut expected = Vec::new();
            Many::default().expect(&asked, &mut expected);
            assert_eq!(expected.len(), count);
            for ((response, keys), together) in asked.iter().zip(expected) {
                let alone = response.expected(response.name, keys);
                assert_eq!(together.is_some(), response.name.len() <= NAME_OCTETS_MAX);
                let Some(together) = together else { continue };
                assert_eq!(together.challenge_hash, alone.challenge_hash);
                assert_eq!(together.nt_response, alone.nt_response);
            }
        }
    }

    #[test]
    fn every_extension_of_the_processor_gives_the_same_responses_and_keys() {
        let words = |seed: u32, n: usize| (seed + u32::try_from(n).unwrap()).wrapping_mul(0x9e37_79b9);
        let blocks: [[u32; 16]; LANES] =
            std::array::from_fn(|lane| std::array::from_fn(|n| words(1000, 16 * lane + n)));
        let keys: Vec<NtKeys> = (0..LANES).map(|n| NtKeys::from_password(&format!("{n}"))).collect();
        let schedules: Vec<_> =
            blocks.iter().zip(&keys).map(|(block, keys)| (block, keys.ciphers())).collect();
        let responses = lanes::run_every_way::<Response, _, _, _>(&schedules);
        assert!(responses.iter().all(|found| *found == responses[0]));
        let known: Vec<(&[u32; 16], &[u32; 0])> = blocks.iter().map(|block| (block, &[])).collect();
        let debts = lanes::run_every_way::<Debt, _, _, _>(&known);
        assert!(debts.iter().all(|found| *found == debts[0]));
    }

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
