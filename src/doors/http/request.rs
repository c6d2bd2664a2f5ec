//! A request, and its head read strictly or loosely as each part deserves.

use super::Security;
use std::net::SocketAddr;

/// Header lines of one request at most.
pub(super) const HEADERS_MAX: usize = 64;
/// Longest method, octets.
const METHOD_OCTETS_MAX: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Other(Box<str>),
}

/// A whole request, its body included.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// Percent-decoded; begins with a slash, or is `*`.
    pub path: String,
    /// What stands after the first `?`, as it came; empty when nothing does.
    pub query: Vec<u8>,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// None where the stream has no address (a Unix socket).
    pub peer: Option<SocketAddr>,
    pub security: Security,
}

/// Header lines; names in lower case, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(Box<str>, Vec<u8>)>);

impl Headers {
    /// The first value of a header (its name in lower case), if it is UTF-8.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of a header, in order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let name = name.to_owned();
        self.0.iter().filter(move |(known, _)| **known == *name).map(|(_, value)| value.as_slice())
    }

    /// Whether a header that is a list holds this word, in any case.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|octet| *octet == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

/// A request that is answered with a status and one line, after which the connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub status: u16,
    pub text: String,
}

impl Fault {
    pub fn new(status: u16, text: impl Into<String>) -> Fault {
        Fault { status, text: text.into() }
    }

    pub fn bad(text: impl Into<String>) -> Fault {
        Fault::new(400, text)
    }
}

/// A head that was understood.
#[derive(Debug)]
pub(super) struct Head {
    pub method: Method,
    pub path: String,
    pub query: Vec<u8>,
    pub headers: Headers,
    /// HTTP/1.1 rather than HTTP/1.0.
    pub modern: bool,
}

/// Index behind the empty line that ends a head; `from` is how far an earlier look came.
pub(super) fn head_end(buffer: &[u8], from: usize) -> Option<usize> {
    // The line that was cut at `from` began somewhere before it: two octets of `\n\r` back are enough.
    let mut at = from.saturating_sub(2);
    while let Some(offset) = buffer.get(at..)?.iter().position(|octet| *octet == b'\n') {
        let next = at + offset + 1;
        match buffer.get(next..)? {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// Reads a head that [`head_end`] has delimited.
pub(super) fn parse_head(head: &[u8]) -> Result<Head, Fault> {
    let line_end = head.iter().position(|octet| *octet == b'\n').unwrap_or(head.len());
    let (line, rest) = head.split_at(line_end);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (method, target, modern) = parse_request_line(line)?;
    let headers = parse_headers(rest.get(1..).unwrap_or_default())?;
    if modern && headers.all("host").count() != 1 {
        return Err(Fault::bad("one Host header is needed (RFC 9112 3.2)"));
    }
    let (path, query) = split_target(target, &method)?;
    Ok(Head { method, path, query, headers, modern })
}

/// `GET /system_api/?arg1={"nas_ip": "10.0.0.1"} HTTP/1.1`: the method ends at the first space and the version begins
/// after the last one, because pollers write spaces into the target between them.
fn parse_request_line(line: &[u8]) -> Result<(Method, &[u8], bool), Fault> {
    let shape = || Fault::bad("the request line is not \"METHOD target HTTP/1.1\"");
    let first = line.iter().position(|octet| *octet == b' ').ok_or_else(shape)?;
    let last = line.iter().rposition(|octet| *octet == b' ').ok_or_else(shape)?;
    let method = line.get(..first).unwrap_or_default();
    let version = line.get(last + 1..).unwrap_or_default();
    let target = line.get(first + 1..last).ok_or_else(shape)?.trim_ascii();
    let modern = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            return Err(Fault::new(505, "only HTTP/1.1 and HTTP/1.0 are spoken here"));
        }
        _ => return Err(shape()),
    };
    if target.iter().any(u8::is_ascii_control) {
        return Err(Fault::bad("a control character stands in the request target"));
    }
    Ok((parse_method(method)?, target, modern))
}

fn parse_method(method: &[u8]) -> Result<Method, Fault> {
    let token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    match method {
        b"GET" => Ok(Method::Get),
        b"HEAD" => Ok(Method::Head),
        b"POST" => Ok(Method::Post),
        [] => Err(Fault::bad("the request line begins with a space")),
        other if other.len() <= METHOD_OCTETS_MAX && other.iter().all(token) => {
            Ok(Method::Other(String::from_utf8_lossy(other).into()))
        }
        _ => Err(Fault::bad("the method is not a word of HTTP")),
    }
}

/// Path and query of `/path?query`, `http://host/path?query` (as to a proxy) or `*`.
fn split_target(target: &[u8], method: &Method) -> Result<(String, Vec<u8>), Fault> {
    let local = match target {
        [b'/', ..] => target,
        b"*" if *method == Method::Other("OPTIONS".into()) => target,
        _ => strip_authority(target)
            .ok_or_else(|| Fault::bad("the request target begins neither with a slash nor with http://"))?,
    };
    let query_at = local.iter().position(|octet| *octet == b'?').unwrap_or(local.len());
    let (path, query) = local.split_at(query_at);
    let path = String::from_utf8_lossy(&super::percent_decoded(path)).into_owned();
    let path = if path.is_empty() { "/".to_owned() } else { path };
    Ok((path, query.get(1..).unwrap_or_default().to_vec()))
}

fn strip_authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })?;
    let rest = target.get(scheme.len()..)?;
    let authority_end = rest.iter().position(|octet| matches!(octet, b'/' | b'?')).unwrap_or(rest.len());
    rest.get(authority_end..)
}

fn parse_headers(lines: &[u8]) -> Result<Headers, Fault> {
    let mut storage = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::parse_headers(lines, &mut storage) {
        Ok(httparse::Status::Complete((length, headers))) if length == lines.len() => Ok(Headers(
            headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase().into(), header.value.to_vec()))
                .collect(),
        )),
        Ok(_) => Err(Fault::bad("the header lines are not whole")),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Fault::new(431, format!("more than {HEADERS_MAX} header lines")))
        }
        Err(error) => Err(Fault::bad(format!("a header line is wrong: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(line: &[u8]) -> Result<Head, Fault> {
        parse_head(&[line, b"\r\nHost: x\r\n\r\n"].concat())
    }

    #[test]
    fn raw_braces_quotes_spaces_and_octets_stand_in_a_target() {
        let read = head(b"GET /system_api/?arg1={\"nas_ip\": \"10.0.0.1\"}&x=\xcf\xf0 HTTP/1.1").unwrap();
        assert_eq!((read.method, read.path.as_str(), read.modern), (Method::Get, "/system_api/", true));
        assert_eq!(read.query, b"arg1={\"nas_ip\": \"10.0.0.1\"}&x=\xcf\xf0");
    }

    #[test]
    fn every_form_of_target_has_a_path() {
        for (line, path, query) in [
            ("GET / HTTP/1.0", "/", ""),
            ("GET /a%20b?c=d?e HTTP/1.1", "/a b", "c=d?e"),
            ("GET http://example.org/x?y HTTP/1.1", "/x", "y"),
            ("GET HTTP://example.org HTTP/1.1", "/", ""),
            ("GET http://example.org?y HTTP/1.1", "/", "y"),
            ("OPTIONS * HTTP/1.1", "*", ""),
        ] {
            let read = head(line.as_bytes()).unwrap();
            assert_eq!((read.path.as_str(), read.query.as_slice()), (path, query.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_bad_head_says_what_is_wrong() {
        for (line, status) in [
            (&b"GET /"[..], 400),
            (b"GET / HTTP/2.0", 505),
            (b"GET / http/1.1", 400),
            (b" / HTTP/1.1", 400),
            (b"G\xffT / HTTP/1.1", 400),
            (b"GET x HTTP/1.1", 400),
            (b"GET  HTTP/1.1", 400),
            (b"GET HTTP/1.1", 400),
            (b"GET /a\x00b HTTP/1.1", 400),
            (b"CONNECT example.org:443 HTTP/1.1", 400),
        ] {
            assert_eq!(head(line).map(|_| ()).unwrap_err().status, status, "{:?}", line.escape_ascii());
        }
        let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX));
        assert_eq!(parse_head(many.as_bytes()).unwrap_err().status, 431);
        for headers in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nX : y\r\n", "Host: a\r\n folded\r\n"] {
            let text = format!("GET / HTTP/1.1\r\n{headers}\r\n");
            assert_eq!(parse_head(text.as_bytes()).unwrap_err().status, 400, "{headers:?}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_however_it_arrives() {
        for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\n\n", "GET / HTTP/1.0\nA: b\n\r\n"]
        {
            let mut seen = 0;
            for length in 0..text.len() {
                assert_eq!(head_end(&text.as_bytes()[..length], seen), None, "{text:?} {length}");
                seen = length;
            }
            assert_eq!(head_end(text.as_bytes(), seen), Some(text.len()));
        }
    }
}
