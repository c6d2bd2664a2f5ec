//! Longest-prefix lookup over dialled numbers: a prefix is one integer, cutting a digit is one mask.

use rustc_hash::FxHashMap;

/// Symbols that a stored prefix may have; dialled numbers are looked at no further.
pub(super) const PREFIX_SYMBOLS_MAX: u32 = 32;

/// Up to 32 dial symbols, four bits each, the first in the lowest bits. No symbol is zero, so the length is implied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Packed(u128);

impl Packed {
    /// The leading dial symbols of `text`, and how many they are.
    fn leading(text: &str) -> (Packed, u32) {
        let (mut packed, mut length) = (0, 0);
        for symbol in text.bytes().map_while(symbol) {
            if length == PREFIX_SYMBOLS_MAX {
                break;
            }
            packed |= symbol << (4 * length);
            length += 1;
        }
        (Packed(packed), length)
    }

    fn cut_to(self, length: u32) -> Packed {
        Packed(self.0 & 1u128.checked_shl(4 * length).map_or(u128::MAX, |bit| bit - 1))
    }

    /// Its key among the short ones.
    fn short(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    fn text(self) -> String {
        let mut text = String::new();
        let mut rest = self.0;
        while rest != 0 {
            text.push(match rest & 15 {
                11 => '*',
                12 => '#',
                13 => '+',
                digit => char::from(b'0' + u8::try_from(digit.saturating_sub(1)).unwrap_or(0)),
            });
            rest >>= 4;
        }
        text
    }
}

fn symbol(byte: u8) -> Option<u128> {
    match byte {
        b'0'..=b'9' => Some(u128::from(byte - b'0') + 1),
        b'*' => Some(11),
        b'#' => Some(12),
        b'+' => Some(13),
        _ => None,
    }
}

/// Values by prefix. A lookup tries only lengths that are stored. Prefixes of up to 16 symbols are kept by eight octets,
/// so that a million of them with small values stays small: with many, what a lookup costs is the memory it touches.
#[derive(Clone, Debug)]
pub(super) struct PrefixMap<V> {
    short: FxHashMap<u64, V>,
    long: FxHashMap<Packed, V>,
    /// Bit n: a prefix of n symbols is stored.
    lengths: u64,
}

impl<V> Default for PrefixMap<V> {
    fn default() -> Self {
        PrefixMap { short: FxHashMap::default(), long: FxHashMap::default(), lengths: 0 }
    }
}

/// Why a text cannot be stored as a prefix.
pub(super) const PREFIX_EXPECTED: &str = "expected at most 32 of the symbols 0-9 * # +";

impl<V> PrefixMap<V> {
    /// The value that was there before. `Err` when `prefix` is no prefix (see [`PREFIX_EXPECTED`]).
    pub(super) fn insert(&mut self, prefix: &str, value: V) -> Result<Option<V>, ()> {
        let (packed, length) = Packed::leading(prefix);
        if usize::try_from(length) != Ok(prefix.len()) {
            return Err(());
        }
        self.lengths |= 1 << length;
        Ok(match packed.short() {
            Some(short) => self.short.insert(short, value),
            None => self.long.insert(packed, value),
        })
    }

    /// The longest stored prefix of `dialled` with at least `symbols_min` symbols, as its length in octets. An empty
    /// prefix is found by an empty number only.
    pub(super) fn longest(&self, dialled: &str, symbols_min: u32) -> Option<(usize, &V)> {
        let (packed, length) = Packed::leading(dialled);
        let shortest = if dialled.is_empty() { 0 } else { symbols_min.max(1) };
        (shortest..=length)
            .rev()
            .filter(|length| self.lengths >> length & 1 == 1)
            .find_map(|length| Some((usize::try_from(length).ok()?, self.value(packed.cut_to(length))?)))
    }

    fn value(&self, packed: Packed) -> Option<&V> {
        match packed.short() {
            Some(short) => self.short.get(&short),
            None => self.long.get(&packed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &V)> {
        let short = self.short.iter().map(|(short, value)| (Packed(u128::from(*short)), value));
        short
            .chain(self.long.iter().map(|(packed, value)| (*packed, value)))
            .map(|(p, value)| (p.text(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_stored_prefix_is_found_by_cutting_from_the_end() {
        let mut map = PrefixMap::default();
        for prefix in ["0", "0723", "0723045326", "+40", "*100#", "12345678901234567890123456789012"] {
            assert_eq!(map.insert(prefix, prefix), Ok(None));
        }
        for (dialled, min, found) in [
            ("0723045326", 1, Some("0723045326")),
            ("07230453", 1, Some("0723")),
            ("0723-045326", 1, Some("0723")),
            ("0999", 1, Some("0")),
            ("0999", 2, None),
            ("+40723", 2, Some("+40")),
            ("*100#", 1, Some("*100#")),
            ("123456789012345678901234567890123", 1, Some("12345678901234567890123456789012")),
            ("", 1, None),
            ("x0723", 1, None),
        ] {
            assert_eq!(map.longest(dialled, min), found.as_ref().map(|text| (text.len(), text)), "{dialled}");
        }
        let mut texts: Vec<String> = map.iter().map(|(text, _)| text).collect();
        texts.sort_by_key(String::len);
        assert_eq!(texts[0], "0");
        assert_eq!(texts[3], "*100#");
    }

    #[test]
    fn what_cannot_be_dialled_is_no_prefix() {
        let mut map = PrefixMap::default();
        for text in ["07x", "0723 ", "123456789012345678901234567890123", "\u{660}"] {
            assert_eq!(map.insert(text, ()), Err(()), "{text}");
        }
        assert_eq!(map.insert("", ()), Ok(None));
        assert_eq!(map.longest("", 1), Some((0, &())));
        assert_eq!(map.longest("1", 1), None);
    }
}
