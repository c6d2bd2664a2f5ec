//! CRC-32C (RFC 3720, appendix B.4): eight octets a step by eight tables.

/// Castagnoli's polynomial, reflected.
const POLYNOMIAL: u32 = 0x82F6_3B78;

static TABLES: [[u32; 256]; 8] = tables();

/// A checksum under way; parts may be added one after another.
#[derive(Clone, Copy)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    pub fn new() -> Crc32c {
        Crc32c(!0)
    }

    #[must_use]
    pub fn add(self, bytes: &[u8]) -> Crc32c {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        let mut crc = self.0;
        let (eights, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in eights {
            let [x0, x1, x2, x3] = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            crc = t7[usize::from(x0)]
                ^ t6[usize::from(x1)]
                ^ t5[usize::from(x2)]
                ^ t4[usize::from(x3)]
                ^ t3[usize::from(e)]
                ^ t2[usize::from(f)]
                ^ t1[usize::from(g)]
                ^ t0[usize::from(h)];
        }
        for &byte in rest {
            let [low, ..] = crc.to_le_bytes();
            crc = t0[usize::from(low ^ byte)] ^ (crc >> 8);
        }
        Crc32c(crc)
    }

    pub fn value(self) -> u32 {
        !self.0
    }
}

/// Table N: what an octet does to the checksum N octets later.
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_3720_come_out() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, crc) in [
            (vec![0; 32], 0x8A91_36AA),
            (vec![0xff; 32], 0x62A8_AB43),
            (ascending, 0x46DD_794E),
            (b"123456789".to_vec(), 0xE306_9283),
            (vec![], 0),
        ] {
            assert_eq!(Crc32c::new().add(&bytes).value(), crc);
        }
    }

    #[test]
    fn parts_give_the_checksum_of_the_whole() {
        let whole: Vec<u8> = (0..=255).collect();
        for at in 0..whole.len() {
            let (a, b) = whole.split_at(at);
            assert_eq!(Crc32c::new().add(a).add(b).value(), Crc32c::new().add(&whole).value());
        }
    }
}
