//! A small repeatable generator of random numbers (splitmix64): the same seed gives the same load.

#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// The generator of thread `number` of a run with this seed.
    pub fn for_thread(seed: u64, number: u64) -> Random {
        Random(seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(number.wrapping_mul(77_777)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn octet(&mut self) -> u8 {
        let [low, ..] = self.next().to_le_bytes();
        low
    }

    pub fn octets16(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_le_bytes()
    }

    /// From 0 to `limit - 1`; 0 where `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u8) -> bool {
        percent > 0 && self.next() % 100 < u64::from(percent)
    }
}
