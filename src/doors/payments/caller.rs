//! Whose call it is: by path, then source address, then client certificate and HTTP Basic (RFC 7617).

use super::certificate;
use crate::config::{ClientName, PaymentOperator};
use crate::doors::http::{Request, Security};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Operators that a sentence names at most.
const NAMED_MAX: usize = 5;

/// Nobody's call: what the caller is told, and what is kept.
pub(super) struct Stranger {
    pub status: u16,
    pub token: &'static str,
    /// One line, without what a stranger need not know.
    pub text: String,
    pub advice: String,
    /// Whose it may have been.
    pub operator: String,
    /// A wrong password: its answer is held back.
    pub is_guess: bool,
}

impl Stranger {
    fn new(status: u16, token: &'static str, text: impl Into<String>, advice: String) -> Stranger {
        Stranger { status, token, text: text.into(), advice, operator: String::new(), is_guess: false }
    }

    fn maybe_of(mut self, operators: &[&Arc<PaymentOperator>]) -> Stranger {
        if let [one] = operators {
            self.operator.clone_from(&one.code);
        }
        self
    }
}

/// The operator, or why there is none. The configuration has seen to it that there are not two.
pub(super) fn operator_of<'a>(
    operators: &'a [Arc<PaymentOperator>],
    request: &Request,
    source: Option<IpAddr>,
) -> Result<&'a Arc<PaymentOperator>, Stranger> {
    let Some(source) = source else {
        return Err(Stranger::new(403, "no-address", "no address", "a connection without an address".into()));
    };
    let on_path: Vec<_> = operators.iter().filter(|one| one.paths.contains(&request.path)).collect();
    let from_here: Vec<_> =
        on_path.iter().copied().filter(|operator| operator.allow.allows(source)).collect();
    if from_here.is_empty() {
        return Err(match operators.iter().any(|operator| operator.allow.allows(source)) {
            true if on_path.is_empty() => unknown_path(operators, source, &request.path),
            _ => wrong_address(&on_path, source),
        });
    }
    let certified: Vec<_> =
        from_here.iter().copied().filter(|operator| shows_certificate(operator, &request.security)).collect();
    if certified.is_empty() {
        let names = codes(&from_here);
        let advice = format!(
            "{names} has to show a client certificate that [payments] client-ca has signed and that is the one of its \
             `client-certificate`, over TLS"
        );
        let text = "a client certificate is needed";
        return Err(Stranger::new(403, "no-certificate", text, advice).maybe_of(&from_here));
    }
    let given = basic(request);
    // Every one of them is compared: which was right must not show in the time.
    let known: Vec<_> =
        certified.iter().copied().filter(|operator| knows_password(operator, given.as_ref())).collect();
    if let Some(operator) = known.first() {
        return Ok(operator);
    }
    let names = codes(&certified);
    let (token, advice) = match given {
        None => ("no-password", format!("{names} has to send HTTP Basic with its `user` and `password`")),
        Some(_) => (
            "wrong-password",
            format!(
                "user or password of HTTP Basic are not those of {names}; compare them with the operator's"
            ),
        ),
    };
    let stranger = Stranger::new(401, token, "user and password are needed (HTTP Basic)", advice);
    Err(Stranger { is_guess: token == "wrong-password", ..stranger }.maybe_of(&certified))
}

fn unknown_path(operators: &[Arc<PaymentOperator>], source: IpAddr, path: &str) -> Stranger {
    let theirs: Vec<_> = operators.iter().filter(|operator| operator.allow.allows(source)).collect();
    let mut paths: Vec<&str> = theirs.iter().flat_map(|one| &one.paths).map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.truncate(NAMED_MAX);
    let advice = format!(
        "there is nothing at {}; from this address the path is {}: the operator has to correct its URL",
        path.chars().filter(|c| !c.is_control()).take(100).collect::<String>(),
        paths.join(" or ")
    );
    Stranger::new(404, "wrong-path", "there is no such path", advice).maybe_of(&theirs)
}

fn wrong_address(on_path: &[&Arc<PaymentOperator>], source: IpAddr) -> Stranger {
    let advice = match on_path {
        [] => format!("{source} is in no operator's `allow`; if it is an operator's, add it there"),
        _ => format!(
            "{source} is not in `allow` of {}; add it there if the operator says that it is its own",
            codes(on_path)
        ),
    };
    Stranger::new(403, "wrong-address", format!("address {source} is not allowed"), advice).maybe_of(on_path)
}

fn codes(operators: &[&Arc<PaymentOperator>]) -> String {
    let codes: Vec<&str> = operators.iter().take(NAMED_MAX).map(|operator| operator.code.as_str()).collect();
    codes.join(" or ")
}

fn shows_certificate(operator: &PaymentOperator, security: &Security) -> bool {
    let Some(name) = &operator.client_certificate else { return true };
    let Security::Tls { certificate: Some(shown) } = security else { return false };
    match name {
        ClientName::CommonName(wanted) => certificate::common_name(shown).as_deref() == Some(wanted),
        ClientName::Fingerprint(wanted) => Sha256::digest(shown).as_slice() == wanted,
    }
}

fn knows_password(operator: &PaymentOperator, given: Option<&(String, String)>) -> bool {
    let Some(user) = &operator.user else { return true };
    let Some((given_user, password)) = given else { return false };
    let same_user: bool = user.as_bytes().ct_eq(given_user.as_bytes()).into();
    let right = operator.password.accept(password);
    same_user && right
}

/// User and password of `Authorization: Basic`.
fn basic(request: &Request) -> Option<(String, String)> {
    let (scheme, credentials) = request.headers.find("authorization")?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
