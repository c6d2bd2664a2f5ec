//! Where one request ends and the next begins: JSON values one after the other, with or without white space between.
//!
//! Only as much of JSON is looked at as it takes to find the end of a value, and to see at the first octet that what
//! comes can never become one. Whether it is JSON at all is seen when it is read.

/// Deepest nesting of a request; the reader behind goes no deeper either.
const DEPTH_MAX: u32 = 100;

/// What stands at the beginning of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// A whole value.
    Value(std::ops::Range<usize>),
    /// The beginning of one, or nothing.
    Incomplete,
    /// No value can come of this.
    Malformed,
}

/// Finds the ends of values in a buffer that grows. Never looks twice at an octet.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    at: usize,
    start: usize,
    depth: u32,
    /// One bit for each open bracket: set for `{`.
    objects: u128,
    in_string: bool,
    escaped: bool,
    /// Behind `{`: a name or the end must follow.
    wants_name: bool,
}

impl Splitter {
    /// The next value of `buffer`, which begins with what it began with at the last call.
    pub fn next(&mut self, buffer: &[u8]) -> Split {
        if self.depth == 0 {
            let blanks =
                buffer.get(self.at..).unwrap_or_default().iter().take_while(|o| is_blank(**o)).count();
            self.at += blanks;
            self.start = self.at;
            match buffer.get(self.at) {
                None => return Split::Incomplete,
                Some(b'{') => {}
                // An empty request, which the dialect answers.
                Some(b'n') => return self.null(buffer),
                Some(_) => return Split::Malformed,
            }
        }
        while let Some(octet) = buffer.get(self.at) {
            if self.in_string {
                self.skip_string(buffer);
                continue;
            }
            self.at += 1;
            if !self.outside(*octet) {
                return Split::Malformed;
            }
            if self.depth == 0 {
                return Split::Value(self.start..self.at);
            }
        }
        Split::Incomplete
    }

    /// To the end of a string, or of what has come of it. Most octets are in strings, so this is a tight loop.
    fn skip_string(&mut self, buffer: &[u8]) {
        if std::mem::take(&mut self.escaped) {
            self.at += 1;
            return;
        }
        let rest = buffer.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|octet| matches!(octet, b'"' | b'\\')) else {
            self.at = buffer.len();
            return;
        };
        self.at += length + 1;
        self.in_string = rest.get(length) == Some(&b'\\');
        self.escaped = self.in_string;
    }

    /// `count` octets were taken from the buffer's beginning.
    pub fn shift(&mut self, count: usize) {
        self.at = self.at.saturating_sub(count);
        self.start = self.start.saturating_sub(count);
    }

    /// Where the value that is not complete yet begins; behind everything when there is none.
    pub fn begun(&self) -> usize {
        if self.depth == 0 { self.at } else { self.start }
    }

    /// One octet outside strings; false when it cannot stand there.
    fn outside(&mut self, octet: u8) -> bool {
        if is_blank(octet) {
            return true;
        }
        if std::mem::take(&mut self.wants_name) && !matches!(octet, b'"' | b'}') {
            return false;
        }
        match octet {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.depth += 1;
                self.objects = self.objects << 1 | u128::from(octet == b'{');
                self.wants_name = octet == b'{';
                return self.depth <= DEPTH_MAX;
            }
            b'}' | b']' => {
                let fits = (self.objects & 1 == 1) == (octet == b'}');
                self.objects >>= 1;
                self.depth = self.depth.saturating_sub(1);
                return fits;
            }
            b',' | b':' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'E' => {}
            // Letters of true, false, null and of exponents.
            b't' | b'r' | b'u' | b'e' | b'f' | b'a' | b'l' | b's' | b'n' => {}
            _ => return false,
        }
        true
    }

    fn null(&mut self, buffer: &[u8]) -> Split {
        const NULL: &[u8] = b"null";
        let rest = buffer.get(self.start..).unwrap_or_default();
        if rest.starts_with(NULL) {
            self.at = self.start + NULL.len();
            return Split::Value(self.start..self.at);
        }
        if NULL.starts_with(rest) { Split::Incomplete } else { Split::Malformed }
    }
}

fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value of a stream that comes in pieces of `size` octets, and whether it ended in nonsense.
    fn split(stream: &[u8], size: usize) -> (Vec<String>, bool) {
        let (mut splitter, mut buffer, mut values) = (Splitter::default(), Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            buffer.extend_from_slice(piece);
            loop {
                match splitter.next(&buffer) {
                    Split::Value(range) => {
                        values.push(String::from_utf8(buffer[range].to_vec()).unwrap());
                        let begun = splitter.begun();
                        buffer.drain(..begun);
                        splitter.shift(begun);
                    }
                    Split::Incomplete => break,
                    Split::Malformed => return (values, true),
                }
            }
        }
        (values, false)
    }

    #[test]
    fn values_are_found_glued_spaced_and_cut_anywhere() {
        let stream = b" {\"a\":\"}\\\"{\"}{\"b\":[{},[1e5,-2.0],true,null]}\r\n\tnull{}  {\"c\"";
        for size in 1..=stream.len() {
            let (values, malformed) = split(stream, size);
            assert_eq!(
                values,
                [r#"{"a":"}\"{"}"#, r#"{"b":[{},[1e5,-2.0],true,null]}"#, "null", "{}"],
                "{size}"
            );
            assert!(!malformed);
        }
    }

    #[test]
    fn nonsense_is_seen_where_it_begins() {
        for (stream, before) in [
            ("hello", 0),
            ("{}[", 1),
            ("{id:1", 0),
            ("{}{\"a\":(", 1),
            ("{\"a\":[}", 0),
            ("}", 0),
            ("nil", 0),
            ("{\"a\":1]", 0),
            ("7", 0),
        ] {
            let (values, malformed) = split(stream.as_bytes(), 1);
            assert_eq!((values.len(), malformed), (before, true), "{stream}");
        }
        let deep = "{\"a\":".to_owned() + &"[".repeat(1000);
        assert!(split(deep.as_bytes(), 7).1);
    }
}
