//! A response, and the head that goes before its body.

use serde::Serialize;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// What is sent after the head. The shared forms are written from where they lie.
#[derive(Clone, Debug)]
pub enum Body {
    Static(&'static [u8]),
    Owned(Vec<u8>),
    Shared(Arc<[u8]>),
    /// An own beginning before a shared rest.
    Prefixed(Vec<u8>, Arc<[u8]>),
}

impl Body {
    /// The pieces in order; the second may be empty.
    pub fn pieces(&self) -> [&[u8]; 2] {
        match self {
            Body::Static(octets) => [octets, &[]],
            Body::Owned(octets) => [octets, &[]],
            Body::Shared(octets) => [octets, &[]],
            Body::Prefixed(prefix, rest) => [prefix, rest],
        }
    }

    pub fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Without Content-Length, Connection and Transfer-Encoding, which the server sets.
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Response {
    pub fn new(status: u16, content_type: &'static str, body: Body) -> Response {
        let headers = if body.is_empty() && content_type.is_empty() {
            Vec::new()
        } else {
            vec![("Content-Type", content_type.to_owned()), ("X-Content-Type-Options", "nosniff".to_owned())]
        };
        Response { status, headers, body }
    }

    /// Plain text in UTF-8; the caller ends its lines.
    pub fn text(status: u16, text: impl Into<String>) -> Response {
        Response::new(status, "text/plain; charset=utf-8", Body::Owned(text.into().into_bytes()))
    }

    /// JSON in UTF-8, not escaped to ASCII, without a line end.
    pub fn json(status: u16, value: &impl Serialize) -> Response {
        match serde_json::to_vec(value) {
            Ok(body) => Response::new(status, "application/json; charset=utf-8", Body::Owned(body)),
            Err(error) => Response::text(500, format!("the answer cannot be written as JSON: {error}\n")),
        }
    }

    /// A method that the path does not have; `allow` lists those it has.
    pub fn method_not_allowed(allow: &'static str) -> Response {
        Response::text(405, format!("expected one of the methods {allow}\n")).with("Allow", allow)
    }

    /// A source that asks too often; it may come again after `wait`.
    pub fn too_many(wait: Duration) -> Response {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Response::text(429, format!("too many requests; come again in {seconds} s\n"))
            .with("Retry-After", seconds.to_string())
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }

    /// The head as it goes out; `connection` is what the Connection header says, if anything.
    pub(super) fn head(&self, connection: Option<&str>) -> Vec<u8> {
        let mut head = String::with_capacity(256);
        // Writing to a String cannot fail.
        let _ = write!(head, "HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: ");
            // A value that came from outside must not begin a line of its own.
            head.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
            head.push_str("\r\n");
        }
        if !matches!(self.status, 100..=199 | 204 | 304) {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        if let Some(connection) = connection {
            let _ = write!(head, "Connection: {connection}\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Whether a body goes out at all: not with a status that has none.
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.status, 100..=199 | 204 | 304)
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        // The phrase may be empty (RFC 9112 4).
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_value_cannot_begin_a_new_line() {
        let response = Response::text(200, "x").with("Location", "/a\r\nSet-Cookie: b");
        let head = String::from_utf8(response.head(None)).unwrap();
        assert!(head.contains("\r\nLocation: /a  Set-Cookie: b\r\n"), "{head}");
    }

    #[test]
    fn json_keeps_its_letters() {
        let response = Response::json(200, &serde_json::json!({"error_text": "Абонент не найден!"}));
        assert_eq!(response.body.pieces()[0], "{\"error_text\":\"Абонент не найден!\"}".as_bytes());
    }
}
