//! Whether a packet may come to a port and is of the NAS whose address it has (RFC 2866 section 3, RFC 3579
//! section 3.2, RFC 5997, CVE-2024-3596).

use super::silence::Silence;
use super::{Port, Shared};
use crate::config::RequireMessageAuthenticator;
use crate::directory::NasEntry;
use crate::radius::codec::{Code, MessageAuthenticator, PacketView};
use std::sync::atomic::Ordering;

/// Requests that a port serves.
pub fn check_code(port: Port, code: Code) -> Result<(), Silence> {
    match (port, code) {
        (Port::Auth, Code::ACCESS_REQUEST)
        | (Port::Acct, Code::ACCOUNTING_REQUEST)
        | (_, Code::STATUS_SERVER) => Ok(()),
        _ => Err(Silence::WrongCode),
    }
}

/// What the digests said of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signatures {
    pub message_authenticator: MessageAuthenticator,
    /// The Request Authenticator of an Accounting-Request; true for others, whose authenticator is random.
    pub authenticator: bool,
}

impl Signatures {
    /// One packet's, digested alone.
    pub fn of(packet: &PacketView<'_>, nas: &NasEntry) -> Signatures {
        let accounting = packet.code() == Code::ACCOUNTING_REQUEST;
        Signatures {
            message_authenticator: nas.secret.verify_message_authenticator(packet),
            authenticator: !accounting || nas.secret.verify_accounting_authenticator(packet),
        }
    }
}

impl Shared {
    /// Decides upon signatures; gives whether the request had a Message-Authenticator.
    pub fn authenticate(
        &self,
        packet: &PacketView<'_>,
        nas: &NasEntry,
        signatures: Signatures,
    ) -> Result<MessageAuthenticator, Silence> {
        if !signatures.authenticator {
            return Err(Silence::BadAuthenticator);
        }
        match (signatures.message_authenticator, packet.code()) {
            (MessageAuthenticator::Invalid, _) => Err(Silence::BadAuthenticator),
            (MessageAuthenticator::Valid, Code::ACCESS_REQUEST) => {
                // Read first: the line stays shared between the workers.
                if !nas.sends_message_authenticator.load(Ordering::Relaxed)
                    && !nas.sends_message_authenticator.swap(true, Ordering::Relaxed)
                {
                    self.operations.nas_signs_requests(nas.nas.id);
                }
                Ok(MessageAuthenticator::Valid)
            }
            (MessageAuthenticator::Absent, Code::ACCESS_REQUEST) => self.tolerate(packet, nas),
            (MessageAuthenticator::Absent, Code::STATUS_SERVER) => Err(Silence::NoMessageAuthenticator),
            (signed, _) => Ok(signed),
        }
    }

    /// An Access-Request without Message-Authenticator.
    fn tolerate(&self, packet: &PacketView<'_>, nas: &NasEntry) -> Result<MessageAuthenticator, Silence> {
        let policy = self.settings.require_message_authenticator;
        let demanded = match policy {
            RequireMessageAuthenticator::Yes => true,
            RequireMessageAuthenticator::Auto => nas.sends_message_authenticator.load(Ordering::Relaxed),
            RequireMessageAuthenticator::No => false,
        };
        if demanded || packet.has_eap_message() {
            return Err(Silence::NoMessageAuthenticator);
        }
        if packet.has_proxy_state() && policy != RequireMessageAuthenticator::No {
            return Err(Silence::ProxyStateUnsigned);
        }
        Ok(MessageAuthenticator::Absent)
    }
}
