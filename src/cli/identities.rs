//! The certificates of the doors that speak TLS.

use super::CliError;
use crate::config::{CertificateFiles, Config};
use crate::doors::tls::{Identity, SelfSigned};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Where no door speaks TLS, no certificate is made.
pub(super) struct Identities {
    /// Of `[management]` and `[cabinet]`.
    pub own: Option<Arc<Identity>>,
    /// Of `[payments]`, which looks at those of its clients too.
    pub payments: Option<Arc<Identity>>,
}

impl Identities {
    pub fn open(config: &Config) -> Result<Identities, CliError> {
        let (management, cabinet) = (&config.management.listen, &config.cabinet.tls_listen);
        let payments = &config.payments.tls_listen;
        let listen: Vec<SocketAddr> = management.iter().chain(cabinet).chain(payments).copied().collect();
        let self_signed = SelfSigned::new(&config.server.state_dir, &config.server.name, &listen);
        let open = |files: &CertificateFiles, client_ca: Option<&Path>| {
            Identity::open_for_clients(files, client_ca, self_signed.clone()).map(Some).map_err(
                |error| match (files, client_ca) {
                    (CertificateFiles::SelfSigned, None) => CliError::failed(error),
                    _ => CliError::Settings(error.to_string()),
                },
            )
        };
        Ok(Identities {
            own: match management.is_empty() && cabinet.is_empty() {
                true => None,
                false => open(&config.management.certificate, None)?,
            },
            payments: match payments.is_empty() {
                true => None,
                false => open(payment_certificate(config), config.payments.client_ca.as_deref())?,
            },
        })
    }

    /// Reads the files again; one that cannot be used leaves the old certificate in its place.
    pub fn reload(&self, new: &Config) {
        let own = self.own.as_ref().map(|own| own.reload(&new.management.certificate));
        let payments = self.payments.as_ref().map(|identity| {
            identity.reload_for_clients(payment_certificate(new), new.payments.client_ca.as_deref())
        });
        for error in [own, payments].into_iter().flatten().filter_map(Result::err) {
            tracing::error!(%error, "the old TLS certificate stays");
        }
    }
}

fn payment_certificate(config: &Config) -> &CertificateFiles {
    config.payments.certificate.as_ref().unwrap_or(&config.management.certificate)
}
