//! `[payments]`: the listeners of payment operators, who they are and how they speak.
//!
//! An operator is added here and in no code: what dialects differ in is data ([`Dialect`]). Not here: what a payment does.

mod account;
mod dialect;
mod element;
mod operator;
#[cfg(test)]
mod tests;

pub use account::AccountPatterns;
pub use dialect::{Dialect, ParameterNames, PaymentAct, PaymentResult};
pub use element::{Element, Place, Template};
pub use operator::{ClientName, PaymentOperator, Protocol, Tells};

use super::allow::AllowList;
use super::currency::Currency;
use super::management::CertificateFiles;
use super::section::{ABSOLUTE_PATH, Section, absolute_path};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The dialect of signed notifications, and where they come in.
const HOOK: &str = "hook";
const HOOK_PATH: &str = "/hook/";
const OPERATORS_MAX: usize = 256;
const DIALECTS_MAX: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payments {
    pub listen: Vec<SocketAddr>,
    pub tls_listen: Vec<SocketAddr>,
    /// None: the certificate of `[management]`.
    pub certificate: Option<CertificateFiles>,
    /// Who signs the certificates of operators, PEM.
    pub client_ca: Option<PathBuf>,
    pub operators: Vec<Arc<PaymentOperator>>,
}

impl Payments {
    /// Everybody who may come to the listeners.
    pub fn allow(&self) -> AllowList {
        let networks: Vec<_> =
            self.operators.iter().flat_map(|operator| operator.allow.networks()).copied().collect();
        // None within another: a set of the kernel takes no prefix twice.
        AllowList::new(ipnet::IpNet::aggregate(&networks))
    }

    pub(super) fn read(section: &mut Section<'_>, currency: &Currency) -> Payments {
        let mut payments = Payments::default();
        let (mut certificate, mut key) = (None, None);
        let path = |text: &str| absolute_path(text).map(Some);
        section
            .listen("listen", &mut payments.listen)
            .listen("tls-listen", &mut payments.tls_listen)
            .parsed("tls-certificate", &mut certificate, ABSOLUTE_PATH, path)
            .parsed("tls-key", &mut key, ABSOLUTE_PATH, path)
            .parsed("client-ca", &mut payments.client_ca, ABSOLUTE_PATH, path);
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                payments.certificate = Some(CertificateFiles::Given { certificate, key });
            }
            (None, None) => {}
            (Some(_), None) => section.refuse("tls-certificate", "expected `tls-key` beside it"),
            (None, Some(_)) => section.refuse("tls-key", "expected `tls-certificate` beside it"),
        }
        let mut dialects = Dialect::built_in().to_vec();
        section.tables("dialect", DIALECTS_MAX, |table| {
            let dialect = Dialect::read(table, &dialects);
            dialects.push(Arc::new(dialect));
        });
        let client_ca = payments.client_ca.is_some();
        let mut operators: Vec<Arc<PaymentOperator>> = Vec::new();
        section.tables("operator", OPERATORS_MAX, |table| {
            let operator = PaymentOperator::read(table, &dialects, currency, client_ca);
            if operators.iter().any(|other| other.code == operator.code) {
                table.refuse("code", "another operator has this code; payments are named by it");
            } else if let Some(other) = operators.iter().find(|other| other.is_confused_with(&operator)) {
                let text = format!(
                    "a call could be of {} or of {}: they share a path and an address; give each its own `path`, or \
                     a `user`, a `client-certificate` or an `allow` that tells them apart",
                    other.code, operator.code
                );
                table.refuse("code", &text);
            }
            operators.push(Arc::new(operator));
        });
        payments.operators = operators;
        payments
    }
}
