//! One POST for each event, signed as Standard Webhooks say (standardwebhooks.com, "Webhook metadata", "Signature scheme").

use super::{Attempt, Parcel, Way};
use crate::config::{HookUrl, signing_key};
use crate::model::SecretText;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::Sha256;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

/// Where Debian and Red Hat keep the authorities that the system trusts.
const SYSTEM_AUTHORITIES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const PEM_OCTETS_MAX: u64 = 4 << 20;
/// Of an answer this much is read, so that its connection can be used again; nothing is done with it.
const ANSWER_OCTETS_MAX: u64 = 64 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Webhook {
    /// Or why there is none.
    agent: Result<Agent, String>,
    url: HookUrl,
    keys: Vec<Zeroizing<Vec<u8>>>,
}

impl Webhook {
    /// Side effects: reads the authorities that are trusted.
    pub fn new(url: &HookUrl, secrets: &[SecretText], ca: Option<&Path>, timeout: Duration) -> Webhook {
        let tls = url.expose().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let roots = if tls { roots(ca) } else { Ok(RootCerts::Specific(Arc::new(Vec::new()))) };
        Webhook {
            agent: roots.map(|roots| agent(roots, timeout)),
            url: url.clone(),
            keys: secrets.iter().filter_map(signing_key).collect(),
        }
    }

    fn post(&self, agent: &Agent, parcel: &Parcel<'_>) -> Result<(u16, Option<Duration>), ureq::Error> {
        let timestamp = parcel.now.seconds();
        let mut response = agent
            .post(self.url.expose())
            .header("content-type", "application/json")
            .header("webhook-id", parcel.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signatures(&self.keys, parcel.id, timestamp, parcel.body))
            .send(parcel.body)?;
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let status = response.status().as_u16();
        // The answer has been given; whether its body comes is of no matter.
        let _ = response.body_mut().with_config().limit(ANSWER_OCTETS_MAX).read_to_vec();
        Ok((status, after))
    }
}

impl Way for Webhook {
    fn deliver(&self, parcel: &Parcel<'_>) -> Attempt {
        let agent = match &self.agent {
            Ok(agent) => agent,
            Err(why) => return Attempt::Again { why: why.clone(), trouble: true, after: None },
        };
        match self.post(agent, parcel) {
            Ok((status, after)) => judged(status, after),
            Err(error) => Attempt::Again { why: self.said(&error), trouble: true, after: None },
        }
    }
}

impl Webhook {
    /// An error in words, without the URL.
    fn said(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            error => error.to_string().replace(self.url.expose(), &self.url.to_string()),
        }
    }
}

/// What an answer's status means (Standard Webhooks, "Delivery and response").
fn judged(status: u16, after: Option<Duration>) -> Attempt {
    match status {
        200..=299 => Attempt::Done,
        410 => Attempt::Gone,
        300..=399 => Attempt::Again {
            why: format!("HTTP {status}: redirects are not followed"),
            trouble: false,
            after: None,
        },
        _ => {
            let trouble = status >= 500 || matches!(status, 408 | 425 | 429);
            Attempt::Again { why: format!("HTTP {status}"), trouble, after }
        }
    }
}

/// `v1,SIGNATURE` for each key, separated by spaces: the receiver may know the new one or the old one.
fn signatures(keys: &[Zeroizing<Vec<u8>>], id: &str, timestamp: i64, body: &str) -> String {
    let signed = |key: &Zeroizing<Vec<u8>>| {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    keys.iter().filter_map(signed).collect::<Vec<_>>().join(" ")
}

fn agent(roots: RootCerts, timeout: Duration) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // The configuration says where events go, and nobody's environment.
        .proxy(None)
        .user_agent(concat!("headgate/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn roots(ca: Option<&Path>) -> Result<RootCerts, String> {
    let system = || SYSTEM_AUTHORITIES.into_iter().map(Path::new).find(|path| path.exists());
    let path = ca.or_else(system).ok_or("the system has no authorities to trust; install ca-certificates")?;
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(PEM_OCTETS_MAX).read_to_end(&mut pem).map_err(|error| failed(&error))?;
    let trusted: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let trusted = trusted.map_err(|error| failed(&error))?;
    if trusted.is_empty() {
        return Err(failed(&"holds no certificate"));
    }
    let owned = trusted.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(RootCerts::Specific(Arc::new(owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secret = SecretText::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let keys = [signing_key(&secret).unwrap()];
        let signed =
            signatures(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_keys_make_two_signatures_the_newest_first() {
        let key = |text: &str| signing_key(&SecretText::new(text)).unwrap();
        let both = signatures(&[key("new-secret"), key("old-secret")], "i", 1, "{}");
        let alone = |text: &str| signatures(&[key(text)], "i", 1, "{}");
        assert_eq!(both, format!("{} {}", alone("new-secret"), alone("old-secret")));
    }

    #[test]
    fn an_answer_is_done_gone_or_tried_again() {
        assert_eq!(judged(204, None), Attempt::Done);
        assert_eq!(judged(410, None), Attempt::Gone);
        let trouble = |status| match judged(status, None) {
            Attempt::Again { trouble, .. } => trouble,
            other => panic!("{other:?}"),
        };
        assert!([500, 503, 429, 408].into_iter().all(trouble));
        assert!(![301, 308, 400, 401, 404, 422].into_iter().any(trouble));
    }
}
