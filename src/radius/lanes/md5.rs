//! MD5 (RFC 1321).

use super::Algorithm;
use super::word::Word;

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

impl Algorithm<4> for Md5 {
    const INITIAL: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    const BIG_ENDIAN: bool = false;

    fn length(bits: u64) -> [u8; 8] {
        bits.to_le_bytes()
    }

    /// The four rounds (RFC 1321 section 3.4).
    #[inline(always)]
    fn rounds<V: Word>(state: [V; 4], words: &[V; 16]) -> [V; 4] {
        let [mut a, mut b, mut c, mut d] = state;
        macro_rules! step {
            ($a:ident, $b:ident, $c:ident, $d:ident, $n:expr, $word:expr, $turn:literal, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {
                // What does not wait for the step before comes first.
                let ready = $a.add(words[$word % 16].add($a.all(SINES[$n])));
                let mixed = {
                    let ($x, $y, $z) = ($b, $c, $d);
                    $mixed
                };
                $a = $b.add(ready.add(mixed).turn::<$turn, { 32 - $turn }>());
            };
        }
        macro_rules! four {
            ($n:literal, $first:literal, $more:literal, [$s0:literal, $s1:literal, $s2:literal, $s3:literal], |$x:ident, $y:ident, $z:ident| $mixed:expr) => {
                step!(a, b, c, d, $n, $more * $n + $first, $s0, |$x, $y, $z| $mixed);
                step!(d, a, b, c, $n + 1, $more * ($n + 1) + $first, $s1, |$x, $y, $z| $mixed);
                step!(c, d, a, b, $n + 2, $more * ($n + 2) + $first, $s2, |$x, $y, $z| $mixed);
                step!(b, c, d, a, $n + 3, $more * ($n + 3) + $first, $s3, |$x, $y, $z| $mixed);
            };
        }
        macro_rules! round {
            ([$n0:literal, $n1:literal, $n2:literal, $n3:literal], $first:literal, $more:literal, $turns:tt, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {
                four!($n0, $first, $more, $turns, |$x, $y, $z| $mixed);
                four!($n1, $first, $more, $turns, |$x, $y, $z| $mixed);
                four!($n2, $first, $more, $turns, |$x, $y, $z| $mixed);
                four!($n3, $first, $more, $turns, |$x, $y, $z| $mixed);
            };
        }
        round!([0, 4, 8, 12], 0, 1, [7, 12, 17, 22], |x, y, z| x.choose(y, z));
        round!([16, 20, 24, 28], 1, 5, [5, 9, 14, 20], |x, y, z| z.choose(x, y));
        round!([32, 36, 40, 44], 5, 3, [4, 11, 16, 23], |x, y, z| x.parity(y, z));
        round!([48, 52, 56, 60], 0, 7, [6, 10, 15, 21], |x, y, z| x.odd(y, z));
        let [a0, b0, c0, d0] = state;
        [a0.add(a), b0.add(b), c0.add(c), d0.add(d)]
    }
}
