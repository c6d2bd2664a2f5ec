//! Eight lanes in one register of 256 bits, with AVX2 alone and with the better instructions of AVX-512 (never its
//! registers of 512 bits: processors slow down for those).

use super::word::{LANES, Lanes, Word};
use std::arch::x86_64::*;

/// A value exists only where the processor has AVX2.
#[derive(Clone, Copy)]
pub struct Avx2(__m256i);

/// A value exists only where the processor has AVX-512 F, VL and DQ.
#[derive(Clone, Copy)]
pub struct Avx512(__m256i);

/// The octets of each word in the other order, for `_mm256_shuffle_epi8`.
static REVERSED: [u8; 32] = {
    let mut order = [0; 32];
    let mut at = 0u8;
    while at < 32 {
        order[at as usize] = (at & 0x0c) | (3 - at % 4);
        at += 1;
    }
    order
};

/// Eight rows of eight words, turned into columns.
#[inline(always)]
unsafe fn columns(parts: &[&[u8; 32]]) -> [__m256i; 8] {
    // SAFETY: 32 octets are there, the loads ask for no alignment, and the caller has AVX2.
    unsafe {
        let Some(&[p0, p1, p2, p3, p4, p5, p6, p7]) = parts.first_chunk::<LANES>() else {
            return [_mm256_setzero_si256(); 8];
        };
        macro_rules! row {
            ($part:ident) => {
                _mm256_loadu_si256($part.as_ptr().cast())
            };
        }
        macro_rules! pairs {
            ($low:ident, $high:ident, $a:expr, $b:expr) => {{
                let (a, b) = ($a, $b);
                ($low(a, b), $high(a, b))
            }};
        }
        let (a0, a1) = pairs!(_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, row!(p0), row!(p1));
        let (a2, a3) = pairs!(_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, row!(p2), row!(p3));
        let (a4, a5) = pairs!(_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, row!(p4), row!(p5));
        let (a6, a7) = pairs!(_mm256_unpacklo_epi32, _mm256_unpackhi_epi32, row!(p6), row!(p7));
        let (b0, b1) = pairs!(_mm256_unpacklo_epi64, _mm256_unpackhi_epi64, a0, a2);
        let (b2, b3) = pairs!(_mm256_unpacklo_epi64, _mm256_unpackhi_epi64, a1, a3);
        let (b4, b5) = pairs!(_mm256_unpacklo_epi64, _mm256_unpackhi_epi64, a4, a6);
        let (b6, b7) = pairs!(_mm256_unpacklo_epi64, _mm256_unpackhi_epi64, a5, a7);
        [
            _mm256_permute2x128_si256::<0x20>(b0, b4),
            _mm256_permute2x128_si256::<0x20>(b1, b5),
            _mm256_permute2x128_si256::<0x20>(b2, b6),
            _mm256_permute2x128_si256::<0x20>(b3, b7),
            _mm256_permute2x128_si256::<0x31>(b0, b4),
            _mm256_permute2x128_si256::<0x31>(b1, b5),
            _mm256_permute2x128_si256::<0x31>(b2, b6),
            _mm256_permute2x128_si256::<0x31>(b3, b7),
        ]
    }
}

/// What both kinds do alike.
macro_rules! lanes_of_256_bits {
    ($kind:ident) => {
        impl Lanes for $kind {
            const COUNT: usize = LANES;

            #[inline(always)]
            unsafe fn load(words: &[u32]) -> $kind {
                let words = words.first_chunk::<LANES>().unwrap_or(&[0; LANES]);
                // SAFETY: eight words are there, the load asks for no alignment, and the caller has the extension.
                unsafe { $kind(_mm256_loadu_si256(words.as_ptr().cast())) }
            }

            #[inline(always)]
            fn store(self, words: &mut [u32]) {
                if let Some(words) = words.first_chunk_mut::<LANES>() {
                    // SAFETY: eight words have room, the store asks for no alignment, and `self` exists.
                    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) }
                }
            }

            #[inline(always)]
            unsafe fn eight(parts: &[&[u8; 32]]) -> [$kind; 8] {
                // SAFETY: as the caller promises.
                let [c0, c1, c2, c3, c4, c5, c6, c7] = unsafe { columns(parts) };
                [$kind(c0), $kind(c1), $kind(c2), $kind(c3), $kind(c4), $kind(c5), $kind(c6), $kind(c7)]
            }

            #[inline(always)]
            fn swapped(self) -> $kind {
                // SAFETY: `self` exists; 32 octets are there.
                unsafe { $kind(_mm256_shuffle_epi8(self.0, _mm256_loadu_si256(REVERSED.as_ptr().cast()))) }
            }

            #[inline(always)]
            fn or_where(self, mask: $kind, other: $kind) -> $kind {
                // SAFETY: `self` exists.
                unsafe { $kind(_mm256_blendv_epi8(self.0, other.0, mask.0)) }
            }
        }
    };
}

lanes_of_256_bits!(Avx2);
lanes_of_256_bits!(Avx512);

// SAFETY of all blocks below: `self` exists, so the processor has what they use.

impl Word for Avx2 {
    #[inline(always)]
    fn all(self, word: u32) -> Avx2 {
        unsafe { Avx2(_mm256_set1_epi32(word.cast_signed())) }
    }

    #[inline(always)]
    fn add(self, other: Avx2) -> Avx2 {
        unsafe { Avx2(_mm256_add_epi32(self.0, other.0)) }
    }

    #[inline(always)]
    fn xor(self, other: Avx2) -> Avx2 {
        unsafe { Avx2(_mm256_xor_si256(self.0, other.0)) }
    }

    #[inline(always)]
    fn turn<const L: i32, const R: i32>(self) -> Avx2 {
        unsafe { Avx2(_mm256_or_si256(_mm256_slli_epi32::<L>(self.0), _mm256_srli_epi32::<R>(self.0))) }
    }

    #[inline(always)]
    fn choose(self, b: Avx2, c: Avx2) -> Avx2 {
        unsafe { Avx2(_mm256_xor_si256(c.0, _mm256_and_si256(self.0, _mm256_xor_si256(b.0, c.0)))) }
    }

    #[inline(always)]
    fn majority(self, b: Avx2, c: Avx2) -> Avx2 {
        unsafe {
            let (both, either) = (_mm256_and_si256(self.0, b.0), _mm256_or_si256(self.0, b.0));
            Avx2(_mm256_or_si256(both, _mm256_and_si256(c.0, either)))
        }
    }

    #[inline(always)]
    fn parity(self, b: Avx2, c: Avx2) -> Avx2 {
        self.xor(b.xor(c))
    }

    #[inline(always)]
    fn odd(self, b: Avx2, c: Avx2) -> Avx2 {
        unsafe {
            let not_c = _mm256_xor_si256(c.0, _mm256_set1_epi32(-1));
            Avx2(_mm256_xor_si256(b.0, _mm256_or_si256(self.0, not_c)))
        }
    }

    /// Lane by lane: some processors take longer to gather.
    #[inline(always)]
    fn xor_entry<const AT: i32, const UP: i32>(self, index: Avx2, table: &[u32; 64]) -> Avx2 {
        let mut words = [0; LANES];
        index.store(&mut words);
        for word in &mut words {
            *word = 0u32.xor_entry::<AT, UP>(*word, table);
        }
        // SAFETY: `self` exists.
        self.xor(unsafe { Avx2::load(&words) })
    }
}

impl Word for Avx512 {
    #[inline(always)]
    fn all(self, word: u32) -> Avx512 {
        unsafe { Avx512(_mm256_set1_epi32(word.cast_signed())) }
    }

    #[inline(always)]
    fn add(self, other: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_add_epi32(self.0, other.0)) }
    }

    #[inline(always)]
    fn xor(self, other: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_xor_si256(self.0, other.0)) }
    }

    #[inline(always)]
    fn turn<const L: i32, const R: i32>(self) -> Avx512 {
        unsafe { Avx512(_mm256_rol_epi32::<L>(self.0)) }
    }

    // The constants are truth tables: bit 4a + 2b + c is the result.

    #[inline(always)]
    fn choose(self, b: Avx512, c: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_ternarylogic_epi32::<0b1100_1010>(self.0, b.0, c.0)) }
    }

    #[inline(always)]
    fn majority(self, b: Avx512, c: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_ternarylogic_epi32::<0b1110_1000>(self.0, b.0, c.0)) }
    }

    #[inline(always)]
    fn parity(self, b: Avx512, c: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_ternarylogic_epi32::<0b1001_0110>(self.0, b.0, c.0)) }
    }

    #[inline(always)]
    fn odd(self, b: Avx512, c: Avx512) -> Avx512 {
        unsafe { Avx512(_mm256_ternarylogic_epi32::<0b0011_1001>(self.0, b.0, c.0)) }
    }

    /// The table is held in registers, sixteen entries in two: four look-ups, of which the upper two bits choose.
    #[inline(always)]
    fn xor_entry<const AT: i32, const UP: i32>(self, index: Avx512, table: &[u32; 64]) -> Avx512 {
        unsafe {
            let place = _mm256_srli_epi32::<AT>(index.0);
            let high = _mm256_slli_epi32::<UP>(index.0);
            let (second, upper) =
                (_mm256_movepi32_mask(_mm256_slli_epi32::<1>(high)), _mm256_movepi32_mask(high));
            macro_rules! sixteen {
                ($at:literal) => {{
                    let start = table.as_ptr().add($at);
                    let low = _mm256_loadu_si256(start.cast());
                    _mm256_permutex2var_epi32(low, place, _mm256_loadu_si256(start.add(LANES).cast()))
                }};
            }
            let low = _mm256_mask_blend_epi32(second, sixteen!(0), sixteen!(16));
            let high = _mm256_mask_blend_epi32(second, sixteen!(32), sixteen!(48));
            Avx512(_mm256_xor_si256(self.0, _mm256_mask_blend_epi32(upper, low, high)))
        }
    }
}
