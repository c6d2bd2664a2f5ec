//! Attribute values as text.

use std::borrow::Cow;
use std::fmt::Write;

/// A value for keys, logs and people: as it is where it is printable UTF-8, else as hexadecimal digits.
pub fn printable(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) if !text.chars().any(char::is_control) => Cow::Borrowed(text),
        _ => Cow::Owned(value.iter().fold(String::with_capacity(value.len() * 2), |mut digits, octet| {
            let _ = write!(digits, "{octet:02x}");
            digits
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_shown_in_hexadecimal() {
        assert_eq!(printable(b"81000001"), "81000001");
        assert_eq!(printable("Иванов".as_bytes()), "Иванов");
        assert_eq!(printable(&[0x81, 0, 0xff]), "8100ff");
        assert_eq!(printable(b"a\n"), "610a");
        assert_eq!(printable(b""), "");
    }
}
