//! What the digests and DES are made of: 32-bit words, one or several beside each other.

/// Lanes of one register.
pub const LANES: usize = 8;

/// One 32-bit word or the words of several lanes. All methods are inlined into the function that begins the work, which
/// is compiled for the processor's extension.
pub trait Word: Copy {
    /// The same word in every lane.
    fn all(self, word: u32) -> Self;

    fn add(self, other: Self) -> Self;

    fn xor(self, other: Self) -> Self;

    /// Turned to the left by L bits; R is 32 - L.
    fn turn<const L: i32, const R: i32>(self) -> Self;

    /// Bits of `b` where `self` has ones, of `c` elsewhere: F of MD5, Ch of SHA-1.
    fn choose(self, b: Self, c: Self) -> Self;

    /// The bit that two or three have: Maj of SHA-1.
    fn majority(self, b: Self, c: Self) -> Self;

    /// `self`, `b` and `c` together.
    fn parity(self, b: Self, c: Self) -> Self;

    /// I of MD5 (RFC 1321 section 3.4).
    fn odd(self, b: Self, c: Self) -> Self;

    /// `self` with the entries of a table, which bits AT to AT + 5 of `index` choose, added without carry. UP is
    /// 26 - AT.
    fn xor_entry<const AT: i32, const UP: i32>(self, index: Self, table: &[u32; 64]) -> Self;
}

/// Several lanes.
pub trait Lanes: Word {
    const COUNT: usize;

    /// The words of lanes, as many as there are.
    ///
    /// # Safety
    /// The processor has the extension.
    unsafe fn load(words: &[u32]) -> Self;

    fn store(self, words: &mut [u32]);

    /// Word n of eight for each lane's part of a message: eight words, as they lie in memory.
    ///
    /// # Safety
    /// The processor has the extension.
    unsafe fn eight(parts: &[&[u8; 32]]) -> [Self; 8];

    /// Octets of each word in the other order.
    fn swapped(self) -> Self;

    /// The words of `other` in lanes where `mask` is all ones.
    fn or_where(self, mask: Self, other: Self) -> Self;
}

impl Word for u32 {
    #[inline(always)]
    fn all(self, word: u32) -> u32 {
        word
    }

    #[inline(always)]
    fn add(self, other: u32) -> u32 {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn xor(self, other: u32) -> u32 {
        self ^ other
    }

    #[inline(always)]
    fn turn<const L: i32, const R: i32>(self) -> u32 {
        self.rotate_left(L.unsigned_abs())
    }

    #[inline(always)]
    fn choose(self, b: u32, c: u32) -> u32 {
        c ^ (self & (b ^ c))
    }

    #[inline(always)]
    fn majority(self, b: u32, c: u32) -> u32 {
        (self & b) | (c & (self | b))
    }

    #[inline(always)]
    fn parity(self, b: u32, c: u32) -> u32 {
        self ^ b ^ c
    }

    #[inline(always)]
    fn odd(self, b: u32, c: u32) -> u32 {
        b ^ (self | !c)
    }

    #[inline(always)]
    fn xor_entry<const AT: i32, const UP: i32>(self, index: u32, table: &[u32; 64]) -> u32 {
        let [chosen, ..] = (index >> AT & 63).to_le_bytes();
        self ^ table[usize::from(chosen)]
    }
}

/// Twice as many lanes: two registers at a time, because each step waits for the one before.
#[derive(Clone, Copy)]
pub struct Two<V>(V, V);

impl<V: Word> Word for Two<V> {
    #[inline(always)]
    fn all(self, word: u32) -> Self {
        Two(self.0.all(word), self.1.all(word))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Two(self.0.add(other.0), self.1.add(other.1))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Two(self.0.xor(other.0), self.1.xor(other.1))
    }

    #[inline(always)]
    fn turn<const L: i32, const R: i32>(self) -> Self {
        Two(self.0.turn::<L, R>(), self.1.turn::<L, R>())
    }

    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        Two(self.0.choose(b.0, c.0), self.1.choose(b.1, c.1))
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        Two(self.0.majority(b.0, c.0), self.1.majority(b.1, c.1))
    }

    #[inline(always)]
    fn parity(self, b: Self, c: Self) -> Self {
        Two(self.0.parity(b.0, c.0), self.1.parity(b.1, c.1))
    }

    #[inline(always)]
    fn odd(self, b: Self, c: Self) -> Self {
        Two(self.0.odd(b.0, c.0), self.1.odd(b.1, c.1))
    }

    #[inline(always)]
    fn xor_entry<const AT: i32, const UP: i32>(self, index: Self, table: &[u32; 64]) -> Self {
        Two(self.0.xor_entry::<AT, UP>(index.0, table), self.1.xor_entry::<AT, UP>(index.1, table))
    }
}

impl<V: Lanes> Lanes for Two<V> {
    const COUNT: usize = 2 * V::COUNT;

    #[inline(always)]
    unsafe fn load(words: &[u32]) -> Self {
        let (first, second) = words.split_at_checked(V::COUNT).unwrap_or_default();
        // SAFETY: as the caller promises.
        unsafe { Two(V::load(first), V::load(second)) }
    }

    #[inline(always)]
    fn store(self, words: &mut [u32]) {
        if let Some((first, second)) = words.split_at_mut_checked(V::COUNT) {
            self.0.store(first);
            self.1.store(second);
        }
    }

    #[inline(always)]
    unsafe fn eight(parts: &[&[u8; 32]]) -> [Self; 8] {
        let (first, second) = parts.split_at_checked(V::COUNT).unwrap_or_default();
        // SAFETY: as the caller promises.
        let ([a0, a1, a2, a3, a4, a5, a6, a7], [b0, b1, b2, b3, b4, b5, b6, b7]) =
            unsafe { (V::eight(first), V::eight(second)) };
        [
            Two(a0, b0),
            Two(a1, b1),
            Two(a2, b2),
            Two(a3, b3),
            Two(a4, b4),
            Two(a5, b5),
            Two(a6, b6),
            Two(a7, b7),
        ]
    }

    #[inline(always)]
    fn swapped(self) -> Self {
        Two(self.0.swapped(), self.1.swapped())
    }

    #[inline(always)]
    fn or_where(self, mask: Self, other: Self) -> Self {
        Two(self.0.or_where(mask.0, other.0), self.1.or_where(mask.1, other.1))
    }
}
