//! Who calls `/rpc`: an API key (`Authorization: Bearer KEY`, RFC 6750) or an operator's login and password
//! (`Authorization: Basic`, RFC 7617).

use crate::doors::http::Request;
use crate::operations::{Operations, Principal};
use crate::writer::Rejected;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;
use zeroize::Zeroizing;

/// Longest key or password with its login, octets.
const CREDENTIALS_OCTETS_MAX: usize = 1_024;

/// What a request says of who it is.
pub(super) enum Credentials {
    Key(Zeroizing<String>),
    Password { login: String, password: Zeroizing<String> },
}

/// Why a caller is not let in.
#[derive(Debug)]
pub(super) enum NotLetIn {
    Refused(String),
    /// It cannot be said now.
    Later(String),
}

impl Credentials {
    /// None without the header; an error says what is wrong with its form.
    pub fn of(request: &Request) -> Option<Result<Credentials, &'static str>> {
        let given = request.headers.all("authorization").next()?;
        Some(read(given))
    }

    /// Whose they are.
    pub async fn principal(&self, operations: &Operations, source: IpAddr) -> Result<Principal, NotLetIn> {
        let principal = match self {
            Credentials::Key(key) => operations.staff_key(key).map_err(Rejected::Refused),
            Credentials::Password { login, password } => {
                operations.staff_login(login, password, Some(source)).await
            }
        };
        principal.map_err(|rejected| match rejected {
            Rejected::Refused(refusal) => NotLetIn::Refused(refusal.text),
            later => NotLetIn::Later(later.to_string()),
        })
    }
}

fn read(header: &[u8]) -> Result<Credentials, &'static str> {
    const EXPECTED: &str = "expected Bearer KEY or Basic with login and password";
    let header = std::str::from_utf8(header).map_err(|_| EXPECTED)?;
    let (scheme, rest) = header.split_once(' ').ok_or(EXPECTED)?;
    let rest = rest.trim();
    if rest.len() > CREDENTIALS_OCTETS_MAX {
        return Err("it is too long");
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Credentials::Key(Zeroizing::new(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(EXPECTED);
    }
    let decoded = Zeroizing::new(STANDARD.decode(rest).map_err(|_| "Basic: expected Base64")?);
    let pair = std::str::from_utf8(&decoded).map_err(|_| "Basic: expected UTF-8")?;
    let (login, password) = pair.split_once(':').ok_or("Basic: expected LOGIN:PASSWORD")?;
    Ok(Credentials::Password { login: login.to_owned(), password: Zeroizing::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(header: &str) -> Result<(String, String), &'static str> {
        read(header.as_bytes()).map(|credentials| match credentials {
            Credentials::Key(key) => (String::new(), key.to_string()),
            Credentials::Password { login, password } => (login, password.to_string()),
        })
    }

    #[test]
    fn keys_and_passwords_are_read_in_the_forms_of_their_rfcs() {
        let pair = |login: &str, secret: &str| Ok((login.to_owned(), secret.to_owned()));
        assert_eq!(known("Bearer abc"), pair("", "abc"));
        assert_eq!(known("bearer  abc "), pair("", "abc"));
        // RFC 7617, section 2 and section 2.1.
        assert_eq!(known("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(known("Basic dGVzdDoxMjPCow=="), pair("test", "123£"));
        for wrong in ["", "abc", "Digest abc", "Basic !!", "Basic YWJj", "Basic gIA6"] {
            assert!(known(wrong).is_err(), "{wrong}");
        }
        assert!(known(&format!("Bearer {}", "k".repeat(CREDENTIALS_OCTETS_MAX + 1))).is_err());
    }
}
