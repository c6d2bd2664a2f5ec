//! MD5 (RFC 1321) of many messages at a time: eight in the lanes of one register where the processor has AVX2, else
//! one by one. A single MD5 waits for itself at every step; eight beside each other cost hardly more than one.

/// Messages digested beside each other.
const LANES: usize = 8;
pub(super) const BLOCK_OCTETS: usize = 64;

pub(super) type Block = [u8; BLOCK_OCTETS];
pub(super) type State = [u32; 4];

/// The state that a digest begins with (RFC 1321 section 3.3).
pub(super) const INITIAL: State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// One message, padded: `count` of the blocks from `first`, taken in from `state`, which is the digest afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub state: State,
    pub first: usize,
    pub count: usize,
}

impl Message {
    pub fn digest(&self) -> [u8; 16] {
        let mut digest = [0; 16];
        for (place, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *place = word.to_le_bytes();
        }
        digest
    }
}

/// Digests all messages; their blocks lie in `blocks`.
pub(super) fn digest(messages: &mut [Message], blocks: &[Block]) {
    for group in messages.chunks_mut(LANES) {
        digest_group(group, blocks);
    }
}

fn digest_group(group: &mut [Message], blocks: &[Block]) {
    #[cfg(target_arch = "x86_64")]
    if group.len() > 1 && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::digest_group(group, blocks) };
        return;
    }
    for message in group {
        for block in blocks.iter().skip(message.first).take(message.count) {
            compress(&mut message.state, block);
        }
    }
}

/// Floor of 2^32 times |sin n| for n from 1 (RFC 1321 section 3.4).
#[rustfmt::skip]
static SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a,
    0xa830_4613, 0xfd46_9501, 0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be,
    0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821, 0xf61e_2562, 0xc040_b340,
    0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8,
    0x676f_02d9, 0x8d2a_4c8a, 0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c,
    0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70, 0x289b_7ec6, 0xeaa1_27fa,
    0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92,
    0xffef_f47d, 0x8584_5dd1, 0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1,
    0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// The four rounds (RFC 1321 section 3.4) over words of one kind: what adding, choosing and turning are is given.
macro_rules! rounds {
    ($state:ident, $words:ident, $add:ident, $turn:ident, $splat:ident, $f:ident, $g:ident, $h:ident, $i:ident) => {{
        let [mut a, mut b, mut c, mut d] = $state;
        macro_rules! step {
            ($choose:ident, $n:expr, $k:expr, $s0:literal, $s1:literal, $s2:literal, $s3:literal) => {
                let (n, k) = ($n, $k);
                step!($choose, a, b, c, d, n, k(n), $s0);
                step!($choose, d, a, b, c, n + 1, k(n + 1), $s1);
                step!($choose, c, d, a, b, n + 2, k(n + 2), $s2);
                step!($choose, b, c, d, a, n + 3, k(n + 3), $s3);
            };
            ($choose:ident, $a:ident, $b:ident, $c:ident, $d:ident, $n:expr, $k:expr, $s:literal) => {
                let constant = $add($a, $add($words[$k % 16], $splat(SINES[$n % 64])));
                let sum = $add(constant, $choose($b, $c, $d));
                $a = $add($b, $turn!(sum, $s));
            };
        }
        for n in 0..4 {
            step!($f, 4 * n, |n: usize| n, 7, 12, 17, 22);
        }
        for n in 4..8 {
            step!($g, 4 * n, |n: usize| 5 * n + 1, 5, 9, 14, 20);
        }
        for n in 8..12 {
            step!($h, 4 * n, |n: usize| 3 * n + 5, 4, 11, 16, 23);
        }
        for n in 12..16 {
            step!($i, 4 * n, |n: usize| 7 * n, 6, 10, 15, 21);
        }
        let [a0, b0, c0, d0] = $state;
        [$add(a0, a), $add(b0, b), $add(c0, c), $add(d0, d)]
    }};
}

/// Takes one block into one state.
pub(super) fn compress(state: &mut State, block: &Block) {
    let mut words = [0u32; 16];
    for (word, octets) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*octets);
    }
    let add = u32::wrapping_add;
    macro_rules! turn {
        ($x:expr, $s:literal) => {
            u32::rotate_left($x, $s)
        };
    }
    let splat = |x: u32| x;
    let f = |b: u32, c: u32, d: u32| d ^ (b & (c ^ d));
    let g = |b: u32, c: u32, d: u32| c ^ (d & (b ^ c));
    let h = |b: u32, c: u32, d: u32| b ^ c ^ d;
    let i = |b: u32, c: u32, d: u32| c ^ (b | !d);
    let start = *state;
    *state = rounds!(start, words, add, turn, splat, f, g, h, i);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK_OCTETS, Block, LANES, Message, SINES};
    use std::arch::x86_64::*;

    /// Takes the blocks of up to eight messages into their states.
    #[target_feature(enable = "avx2")]
    pub(super) fn digest_group(group: &mut [Message], blocks: &[Block]) {
        static NOTHING: Block = [0; BLOCK_OCTETS];
        let most = group.iter().map(|message| message.count).max().unwrap_or(0);
        let mut lanes = [[0u32; LANES]; 4];
        for (lane, message) in group.iter().enumerate().take(LANES) {
            for (row, word) in lanes.iter_mut().zip(message.state) {
                row[lane] = word;
            }
        }
        let mut state = lanes.map(|row| load(&row));
        for number in 0..most {
            let mut now = [&NOTHING; LANES];
            let mut active = [0u32; LANES];
            for ((place, mark), message) in now.iter_mut().zip(&mut active).zip(group.iter()) {
                if number < message.count
                    && let Some(block) = blocks.get(message.first + number)
                {
                    (*place, *mark) = (block, u32::MAX);
                }
            }
            let (next, active) = (compress(state, &now), load(&active));
            for (old, new) in state.iter_mut().zip(next) {
                *old = _mm256_blendv_epi8(*old, new, active);
            }
        }
        for (row, word) in lanes.iter_mut().zip(state) {
            store(row, word);
        }
        for (lane, message) in group.iter_mut().enumerate().take(LANES) {
            for (word, row) in message.state.iter_mut().zip(&lanes) {
                *word = row[lane];
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn compress(state: [__m256i; 4], blocks: &[&Block; LANES]) -> [__m256i; 4] {
        let words = words_of(blocks);
        let splat = |x: u32| _mm256_set1_epi32(x.cast_signed());
        macro_rules! turn {
            ($x:expr, $s:literal) => {
                _mm256_or_si256(_mm256_slli_epi32::<$s>($x), _mm256_srli_epi32::<{ 32 - $s }>($x))
            };
        }
        let (and, or, xor) =
            (|a, b| _mm256_and_si256(a, b), |a, b| _mm256_or_si256(a, b), |a, b| _mm256_xor_si256(a, b));
        let add = |a, b| _mm256_add_epi32(a, b);
        let ones = _mm256_set1_epi32(-1);
        let f = |b, c, d| xor(d, and(b, xor(c, d)));
        let g = |b, c, d| xor(c, and(d, xor(b, c)));
        let h = |b, c, d| xor(b, xor(c, d));
        let i = |b, c, d| xor(c, or(b, xor(d, ones)));
        rounds!(state, words, add, turn, splat, f, g, h, i)
    }

    /// Word n of every block beside each other.
    #[target_feature(enable = "avx2")]
    fn words_of(blocks: &[&Block; LANES]) -> [__m256i; 16] {
        let mut words = [_mm256_setzero_si256(); 16];
        for (half, places) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let rows = blocks.map(|block| {
                let (chunks, _) = block.as_chunks::<32>();
                // SAFETY: 32 octets are there; the load asks for no alignment.
                unsafe { _mm256_loadu_si256(chunks[half].as_ptr().cast()) }
            });
            *places = transposed(rows);
        }
        words
    }

    #[target_feature(enable = "avx2")]
    fn transposed(rows: [__m256i; 8]) -> [__m256i; 8] {
        let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
        let pair = |a, b| (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let ((a0, a1), (a2, a3)) = (pair(r0, r1), pair(r2, r3));
        let ((a4, a5), (a6, a7)) = (pair(r4, r5), pair(r6, r7));
        let four = |a, b| (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let ((b0, b1), (b2, b3)) = (four(a0, a2), four(a1, a3));
        let ((b4, b5), (b6, b7)) = (four(a4, a6), four(a5, a7));
        let low = |a, b| _mm256_permute2x128_si256::<0x20>(a, b);
        let high = |a, b| _mm256_permute2x128_si256::<0x31>(a, b);
        [
            low(b0, b4),
            low(b1, b5),
            low(b2, b6),
            low(b3, b7),
            high(b0, b4),
            high(b1, b5),
            high(b2, b6),
            high(b3, b7),
        ]
    }

    #[target_feature(enable = "avx2")]
    fn load(row: &[u32; LANES]) -> __m256i {
        // SAFETY: eight words are there; the load asks for no alignment.
        unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    fn store(row: &mut [u32; LANES], word: __m256i) {
        // SAFETY: eight words have room; the store asks for no alignment.
        unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), word) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::{Digest, Md5};

    /// RFC 1321 section 3.1 and 3.2.
    fn padded(message: &[u8]) -> Vec<Block> {
        let mut octets = message.to_vec();
        octets.push(0x80);
        octets.resize((message.len() + 9).next_multiple_of(BLOCK_OCTETS) - 8, 0);
        octets.extend((message.len() as u64 * 8).to_le_bytes());
        octets.as_chunks::<BLOCK_OCTETS>().0.to_vec()
    }

    #[test]
    fn any_number_of_messages_of_any_lengths_have_the_digests_of_the_other_implementation() {
        for count in [1, 2, 3, 7, 8, 9, 16, 65] {
            let texts: Vec<Vec<u8>> =
                (0..count).map(|n| (0..n * 37 % 400).map(|i| (i * 7 + n) as u8).collect()).collect();
            let mut blocks = Vec::new();
            let mut messages = Vec::new();
            for text in &texts {
                let padded = padded(text);
                messages.push(Message { state: INITIAL, first: blocks.len(), count: padded.len() });
                blocks.extend(padded);
            }
            digest(&mut messages, &blocks);
            for (text, message) in texts.iter().zip(&messages) {
                assert_eq!(message.digest()[..], Md5::digest(text)[..], "{} octets", text.len());
            }
        }
    }
}
