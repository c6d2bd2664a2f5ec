//! SHA-1 (RFC 3174).

use super::{Algorithm, Block};

pub struct Sha1;

impl Sha1 {
    pub fn octets(state: &[u32; 5]) -> [u8; 20] {
        let mut octets = [0; 20];
        for (place, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *place = word.to_be_bytes();
        }
        octets
    }
}

/// The eighty steps (RFC 3174 section 6.2) over words of one kind: what adding, choosing and turning are is given.
/// The sixteen words at a time are those of the method of section 6.2, "alternate".
macro_rules! steps {
    ($state:ident, $words:ident, $add:ident, $xor:ident, $turn:ident, $splat:ident, $choose:ident, $majority:ident) => {{
        let [mut a, mut b, mut c, mut d, mut e] = $state;
        macro_rules! next_word {
            ($n:expr) => {{
                let (n, w) = ($n, &mut $words);
                if n >= 16 {
                    let mixed =
                        $xor($xor(w[(n + 13) % 16], w[(n + 8) % 16]), $xor(w[(n + 2) % 16], w[n % 16]));
                    w[n % 16] = $turn!(mixed, 1);
                }
                w[n % 16]
            }};
        }
        macro_rules! step {
            ($f:expr, $n:expr, $constant:expr) => {
                let word = $add(next_word!($n), $splat($constant));
                let sum = $add($add($turn!(a, 5), $f), $add(e, word));
                e = d;
                d = c;
                c = $turn!(b, 30);
                b = a;
                a = sum;
            };
        }
        for n in 0..20 {
            step!($choose(b, c, d), n, 0x5a82_7999);
        }
        for n in 20..40 {
            step!($xor(b, $xor(c, d)), n, 0x6ed9_eba1);
        }
        for n in 40..60 {
            step!($majority(b, c, d), n, 0x8f1b_bcdc);
        }
        for n in 60..80 {
            step!($xor(b, $xor(c, d)), n, 0xca62_c1d6);
        }
        let [a0, b0, c0, d0, e0] = $state;
        [$add(a0, a), $add(b0, b), $add(c0, c), $add(d0, d), $add(e0, e)]
    }};
}

impl Algorithm<5> for Sha1 {
    const INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

    fn length(bits: u64) -> [u8; 8] {
        bits.to_be_bytes()
    }

    fn compress(state: &mut [u32; 5], block: &Block) {
        let mut words = [0u32; 16];
        for (word, octets) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*octets);
        }
        let add = u32::wrapping_add;
        macro_rules! turn {
            ($x:expr, $s:literal) => {
                u32::rotate_left($x, $s)
            };
        }
        let splat = |x: u32| x;
        let xor = |a: u32, b: u32| a ^ b;
        let choose = |b: u32, c: u32, d: u32| d ^ (b & (c ^ d));
        let majority = |b: u32, c: u32, d: u32| (b & c) | (d & (b | c));
        let start = *state;
        *state = steps!(start, words, add, xor, turn, splat, choose, majority);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn compress_eight(
        state: [std::arch::x86_64::__m256i; 5],
        blocks: &[&Block; super::LANES],
    ) -> [std::arch::x86_64::__m256i; 5] {
        use super::avx2::words_of;
        use std::arch::x86_64::*;
        // Each word is big-endian.
        let reversed = _mm256_set_epi8(
            12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7,
            0, 1, 2, 3,
        );
        let mut words = words_of(blocks).map(|word| _mm256_shuffle_epi8(word, reversed));
        let splat = |x: u32| _mm256_set1_epi32(x.cast_signed());
        macro_rules! turn {
            ($x:expr, $s:literal) => {{
                let x = $x;
                _mm256_or_si256(_mm256_slli_epi32::<$s>(x), _mm256_srli_epi32::<{ 32 - $s }>(x))
            }};
        }
        let (and, or) = (|a, b| _mm256_and_si256(a, b), |a, b| _mm256_or_si256(a, b));
        let xor = |a, b| _mm256_xor_si256(a, b);
        let add = |a, b| _mm256_add_epi32(a, b);
        let choose = |b, c, d| xor(d, and(b, xor(c, d)));
        let majority = |b, c, d| or(and(b, c), and(d, or(b, c)));
        steps!(state, words, add, xor, turn, splat, choose, majority)
    }
}
