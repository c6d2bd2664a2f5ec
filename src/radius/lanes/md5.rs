//! MD5 (RFC 1321).

use super::{Algorithm, Block};

pub struct Md5;

impl Md5 {
    pub fn octets(state: &[u32; 4]) -> [u8; 16] {
        let mut octets = [0; 16];
        for (place, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *place = word.to_le_bytes();
        }
        octets
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

impl Algorithm<4> for Md5 {
    const INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

    fn length(bits: u64) -> [u8; 8] {
        bits.to_le_bytes()
    }

    fn compress(state: &mut [u32; 4], block: &Block) {
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
    #[target_feature(enable = "avx2")]
    unsafe fn compress_eight(
        state: [std::arch::x86_64::__m256i; 4],
        blocks: &[&Block; super::LANES],
    ) -> [std::arch::x86_64::__m256i; 4] {
        use super::avx2::words_of;
        use std::arch::x86_64::*;
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
}
