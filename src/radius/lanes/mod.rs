//! Digests of many messages at a time: eight or sixteen in the lanes of registers where the processor has AVX2 or
//! AVX-512, else one by one. A single MD5 or SHA-1 waits for itself at every step; eight beside each other cost hardly
//! more than one.
//!
//! Only what RADIUS makes of its packets in numbers; everything else uses the crates `md-5` and `sha1`, and so do the
//! tests here, as a second opinion. Who has work other than a digest to be done in lanes writes a [`Kernel`].

mod group;
mod md5;
mod sha1;
mod word;

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
pub use group::run_every_way;
pub use group::{Kernel, run};
pub use md5::Md5;
pub use sha1::{ConstantBlock, Sha1};
pub use word::{LANES, Word};

pub const BLOCK_OCTETS: usize = 64;

pub type Block = [u8; BLOCK_OCTETS];

/// A digest of the MD4 family with a state of W words.
pub trait Algorithm<const W: usize> {
    /// The state that a digest begins with.
    const INITIAL: [u32; W];
    /// How the words of a block are read.
    const BIG_ENDIAN: bool;

    /// The message's length in bits, as its last block ends.
    fn length(bits: u64) -> [u8; 8];

    /// Takes the words of a block into a state.
    fn rounds<V: Word>(state: [V; W], words: &[V; 16]) -> [V; W];

    /// Takes one block into one state.
    fn compress(state: &mut [u32; W], block: &Block) {
        let mut words = [0u32; 16];
        for (word, octets) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = if Self::BIG_ENDIAN { u32::from_be_bytes(*octets) } else { u32::from_le_bytes(*octets) };
        }
        *state = Self::rounds(*state, &words);
    }
}

/// One message, padded: `count` of the blocks from `first`.
#[derive(Clone, Copy, Debug)]
struct Message<const W: usize> {
    /// The digest, once it is made.
    state: [u32; W],
    first: usize,
    count: usize,
}

/// Messages to be digested together; used again for the next batch.
pub struct Batch<A, const W: usize> {
    blocks: Vec<Block>,
    messages: Vec<Message<W>>,
    algorithm: std::marker::PhantomData<A>,
}

impl<A, const W: usize> Default for Batch<A, W> {
    fn default() -> Batch<A, W> {
        Batch { blocks: Vec::new(), messages: Vec::new(), algorithm: std::marker::PhantomData }
    }
}

impl<A: Algorithm<W>, const W: usize> Batch<A, W> {
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.messages.clear();
    }

    /// A message of these parts.
    pub fn push(&mut self, parts: &[&[u8]]) {
        self.push_after(A::INITIAL, 0, parts);
    }

    /// A message of these parts, after `before` octets (whole blocks) that `state` has taken in.
    pub fn push_after(&mut self, state: [u32; W], before: usize, parts: &[&[u8]]) {
        let first = self.blocks.len();
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        let count = (octets + 9).div_ceil(BLOCK_OCTETS);
        self.blocks.resize(first + count, [0; BLOCK_OCTETS]);
        let place = self.blocks.get_mut(first..).unwrap_or_default().as_flattened_mut();
        let mut at = 0;
        for part in parts {
            put(place, at, part);
            at += part.len();
        }
        put(place, at, &[0x80]);
        let bits = u64::try_from(before + octets).unwrap_or_default() * 8;
        put(place, place.len() - 8, &A::length(bits));
        self.messages.push(Message { state, first, count });
    }

    /// Digests all messages.
    pub fn digest(&mut self) {
        group::digest::<A, W>(&mut self.messages, &self.blocks);
    }

    /// The digests as words, in the order of the messages.
    pub fn states(&self) -> impl Iterator<Item = &[u32; W]> {
        self.messages.iter().map(|message| &message.state)
    }
}

fn put(place: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(place) = place.get_mut(at..at + octets.len()) {
        place.copy_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::md5::Digest;

    /// Messages of many lengths, so that lanes end at different blocks.
    fn texts(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|n| (0..n * 37 % 400).map(|i| (i * 7 + n) as u8).collect()).collect()
    }

    #[test]
    fn any_number_of_messages_of_any_lengths_have_the_digests_of_the_other_implementation() {
        for count in [1, 2, 3, 7, 8, 9, 16, 65] {
            let texts = texts(count);
            let (mut md5, mut sha1) = (Batch::<Md5, 4>::default(), Batch::<Sha1, 5>::default());
            for text in &texts {
                md5.push(&[text]);
                sha1.push(&[text]);
            }
            md5.digest();
            sha1.digest();
            for ((text, md5), sha1) in texts.iter().zip(md5.states()).zip(sha1.states()) {
                assert_eq!(Md5::octets(md5)[..], ::md5::Md5::digest(text)[..], "{} octets", text.len());
                assert_eq!(Sha1::octets(sha1)[..], ::sha1::Sha1::digest(text)[..], "{} octets", text.len());
            }
        }
    }
}
