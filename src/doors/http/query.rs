//! Parameters of a query or a form, in whatever charset the client thinks in.

use super::Request;

/// Parameters of one request at most; those beyond are not read.
const PARAMETERS_MAX: usize = 256;

/// Names and values, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parameters of the query, then of the body where that is a form. A POST that does not say what its body is,
    /// or is sent by something that always says `text/plain`, is read as a form too.
    pub fn of(request: &Request) -> Parameters {
        let mut parameters = Parameters::default();
        parameters.read(&request.query);
        let kind = request.headers.find("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if ["", "application/x-www-form-urlencoded", "text/plain"]
            .into_iter()
            .any(|form| kind.eq_ignore_ascii_case(form))
        {
            parameters.read(request.body.trim_ascii());
        }
        parameters
    }

    /// Parameters of a text `a=b&c=d`. Empty pieces (a dangling `&`) are nothing.
    pub fn parse(octets: &[u8]) -> Parameters {
        let mut parameters = Parameters::default();
        parameters.read(octets);
        parameters
    }

    fn read(&mut self, octets: &[u8]) {
        let pieces = octets.split(|octet| *octet == b'&').filter(|piece| !piece.is_empty());
        for piece in pieces.take(PARAMETERS_MAX.saturating_sub(self.0.len())) {
            let equals = piece.iter().position(|octet| *octet == b'=').unwrap_or(piece.len());
            let (name, value) = piece.split_at(equals);
            self.0.push((form_text(name), form_text(value.get(1..).unwrap_or_default())));
        }
    }

    /// The value of a parameter; the last one where it is given twice, so that a body goes before the query.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn form_text(octets: &[u8]) -> String {
    let spaced: Vec<u8> = octets.iter().map(|octet| if *octet == b'+' { b' ' } else { *octet }).collect();
    text_of(percent_decoded(&spaced))
}

/// Takes `%XX` apart; a percent sign without two hexadecimal digits stands for itself.
pub fn percent_decoded(octets: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        let octet = match (first, others) {
            (b'%', [high, low, behind @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| {
                rest = behind;
                high << 4 | low
            }),
            _ => None,
        };
        decoded.push(octet.unwrap_or(*first));
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// UTF-8 where it is that, else Windows-1251: some builds of 1C encode Cyrillic so.
pub fn text_of(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap_or_else(|error| {
        encoding_rs::WINDOWS_1251.decode_without_bom_handling(error.as_bytes()).0.into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_any_order_with_dangling_ampersands() {
        let read = Parameters::parse(b"&b=2&&a=%7B%22x%22:+1%7D&c&d=e=f&a=last&");
        assert_eq!(read.find("a"), Some("last"));
        assert_eq!(read.iter().nth(1), Some(("a", "{\"x\": 1}")));
        assert_eq!((read.find("c"), read.find("d"), read.find("z")), (Some(""), Some("e=f"), None));
    }

    #[test]
    fn cyrillic_is_read_as_utf_8_and_else_as_windows_1251() {
        for text in
            [&b"%D0%98%D0%B2%D0%B0%D0%BD"[..], "Иван".as_bytes(), b"%C8%E2%E0%ED", b"\xc8\xe2\xe0\xed"]
        {
            assert_eq!(Parameters::parse(&[b"n=", text].concat()).find("n"), Some("Иван"));
        }
    }

    #[test]
    fn a_lonely_percent_sign_stands_for_itself() {
        assert_eq!(percent_decoded(b"100%&%4&%zz%41%"), b"100%&%4&%zzA%");
    }

    #[test]
    fn more_parameters_than_the_limit_are_not_read() {
        let many = "a=1&".repeat(PARAMETERS_MAX * 2);
        assert_eq!(Parameters::parse(many.as_bytes()).iter().count(), PARAMETERS_MAX);
    }
}
