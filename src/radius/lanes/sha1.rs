//! SHA-1 (RFC 3174).

use super::word::Word;
use super::{Algorithm, Block};

pub struct Sha1;

#[cfg(test)]
impl Sha1 {
    pub fn octets(state: &[u32; 5]) -> [u8; 20] {
        let mut octets = [0; 20];
        for (place, word) in octets.as_chunks_mut::<4>().0.iter_mut().zip(state) {
            *place = word.to_be_bytes();
        }
        octets
    }
}

/// What the four parts of the steps add (RFC 3174 section 5).
const ADDED: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// Five steps, after which the five words stand where they stood.
macro_rules! five {
    ($state:ident, $next:expr, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {{
        let [a, b, c, d, e] = $state;
        let e = five!(@step a, b, c, d, e, $next, |$x, $y, $z| $mixed);
        let b = b.turn::<30, 2>();
        let d = five!(@step e, a, b, c, d, $next, |$x, $y, $z| $mixed);
        let a = a.turn::<30, 2>();
        let c = five!(@step d, e, a, b, c, $next, |$x, $y, $z| $mixed);
        let e = e.turn::<30, 2>();
        let b = five!(@step c, d, e, a, b, $next, |$x, $y, $z| $mixed);
        let d = d.turn::<30, 2>();
        let a = five!(@step b, c, d, e, a, $next, |$x, $y, $z| $mixed);
        let c = c.turn::<30, 2>();
        $state = [a, b, c, d, e];
    }};
    (@step $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $next:expr, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {{
        let mixed = {
            let ($x, $y, $z) = ($b, $c, $d);
            $mixed
        };
        $e.add($next).add(mixed).add($a.turn::<5, 27>())
    }};
}

/// Twenty steps; `$five` is given the number of each five.
macro_rules! twenty {
    ($five:ident, $n:literal, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {
        $five!($n, |$x, $y, $z| $mixed);
        $five!($n + 5, |$x, $y, $z| $mixed);
        $five!($n + 10, |$x, $y, $z| $mixed);
        $five!($n + 15, |$x, $y, $z| $mixed);
    };
}

/// The eighty steps (RFC 3174 section 6.1).
macro_rules! eighty {
    ($five:ident) => {
        twenty!($five, 0, |b, c, d| b.choose(c, d));
        twenty!($five, 20, |b, c, d| b.parity(c, d));
        twenty!($five, 40, |b, c, d| b.majority(c, d));
        twenty!($five, 60, |b, c, d| b.parity(c, d));
    };
}

#[inline(always)]
fn sum<V: Word>(a: [V; 5], b: [V; 5]) -> [V; 5] {
    let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (a, b);
    [a0.add(b0), a1.add(b1), a2.add(b2), a3.add(b3), a4.add(b4)]
}

/// The words of a block that is always the same, with what the steps add to them: half of the work of such a block.
pub struct ConstantBlock([u32; 80]);

impl ConstantBlock {
    pub const fn new(block: &Block) -> ConstantBlock {
        let mut words = [0; 80];
        let mut n = 0;
        while n < 80 {
            words[n] = if n < 16 {
                let at = 4 * n;
                u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
            } else {
                (words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16]).rotate_left(1)
            };
            n += 1;
        }
        n = 0;
        while n < 80 {
            words[n] = words[n].wrapping_add(ADDED[n / 20]);
            n += 1;
        }
        ConstantBlock(words)
    }

    /// Takes the block into a state. In loops: as straight code, seven such blocks would fill the processor's cache.
    #[inline(always)]
    pub fn take<V: Word>(&self, start: [V; 5]) -> [V; 5] {
        let [mut state, kind] = [start, start];
        let (fives, _) = self.0.as_chunks::<5>();
        macro_rules! part {
            ($from:literal, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {
                for words in fives.iter().skip($from).take(4) {
                    let mut words = words.iter();
                    five!(state, kind[0].all(words.next().copied().unwrap_or_default()), |$x, $y, $z| $mixed);
                }
            };
        }
        part!(0, |b, c, d| b.choose(c, d));
        part!(4, |b, c, d| b.parity(c, d));
        part!(8, |b, c, d| b.majority(c, d));
        part!(12, |b, c, d| b.parity(c, d));
        sum(start, state)
    }
}

impl Algorithm<5> for Sha1 {
    const INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    const BIG_ENDIAN: bool = true;

    fn length(bits: u64) -> [u8; 8] {
        bits.to_be_bytes()
    }

    /// The sixteen words at a time are those of RFC 3174 section 6.2.
    #[inline(always)]
    fn rounds<V: Word>(start: [V; 5], words: &[V; 16]) -> [V; 5] {
        let (mut state, mut words) = (start, *words);
        macro_rules! next_word {
            ($n:expr) => {{
                let n = $n;
                if n >= 16 {
                    let mixed = words[(n + 13) % 16].parity(words[(n + 8) % 16], words[(n + 2) % 16]);
                    words[n % 16] = mixed.xor(words[n % 16]).turn::<1, 31>();
                }
                words[n % 16].add(words[n % 16].all(ADDED[n / 20]))
            }};
        }
        macro_rules! five_of_words {
            ($n:expr, |$x:ident, $y:ident, $z:ident| $mixed:expr) => {{
                let mut number = $n;
                five!(
                    state,
                    {
                        number += 1;
                        next_word!(number - 1)
                    },
                    |$x, $y, $z| $mixed
                );
            }};
        }
        eighty!(five_of_words);
        sum(start, state)
    }
}
