//! The attributes that logins and accounting need, by name. Absent, or of a length that its type cannot have: None.

use super::{PacketView, Slot};
use crate::model::{AccountingKind, Usage};
use crate::radius::codec::dictionary::{EAP_MESSAGE, PROXY_STATE};
use std::net::Ipv4Addr;

impl<'a> PacketView<'a> {
    pub fn user_name(&self) -> Option<&'a [u8]> {
        self.value(Slot::UserName)
    }

    /// Still hidden; `auth::pap` reveals it.
    pub fn user_password(&self) -> Option<&'a [u8]> {
        self.value(Slot::UserPassword)
    }

    pub fn chap_password(&self) -> Option<&'a [u8]> {
        self.value(Slot::ChapPassword)
    }

    pub fn chap_challenge(&self) -> Option<&'a [u8]> {
        self.value(Slot::ChapChallenge)
    }

    pub fn ms_chap_challenge(&self) -> Option<&'a [u8]> {
        self.value(Slot::MsChapChallenge)
    }

    pub fn ms_chap_response(&self) -> Option<&'a [u8]> {
        self.value(Slot::MsChapResponse)
    }

    pub fn ms_chap2_response(&self) -> Option<&'a [u8]> {
        self.value(Slot::MsChap2Response)
    }

    pub fn nas_ip_address(&self) -> Option<Ipv4Addr> {
        self.ipv4(Slot::NasIpAddress)
    }

    pub fn nas_identifier(&self) -> Option<&'a [u8]> {
        self.value(Slot::NasIdentifier)
    }

    pub fn nas_port(&self) -> Option<u32> {
        self.number(Slot::NasPort)
    }

    pub fn nas_port_id(&self) -> Option<&'a [u8]> {
        self.value(Slot::NasPortId)
    }

    pub fn nas_port_type(&self) -> Option<u32> {
        self.number(Slot::NasPortType)
    }

    pub fn service_type(&self) -> Option<u32> {
        self.number(Slot::ServiceType)
    }

    pub fn framed_ip_address(&self) -> Option<Ipv4Addr> {
        self.ipv4(Slot::FramedIpAddress)
    }

    pub fn state(&self) -> Option<&'a [u8]> {
        self.value(Slot::State)
    }

    pub fn class(&self) -> Option<&'a [u8]> {
        self.value(Slot::Class)
    }

    pub fn calling_station_id(&self) -> Option<&'a [u8]> {
        self.value(Slot::CallingStationId)
    }

    pub fn called_station_id(&self) -> Option<&'a [u8]> {
        self.value(Slot::CalledStationId)
    }

    pub fn has_proxy_state(&self) -> bool {
        self.offset(Slot::ProxyState).is_some()
    }

    /// Proxy-State, in order.
    pub fn proxy_states(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.has_proxy_state().then(|| self.values(PROXY_STATE)).into_iter().flatten()
    }

    pub fn has_eap_message(&self) -> bool {
        self.offset(Slot::EapMessage).is_some()
    }

    /// The parts of an EAP packet, in order (RFC 3579 section 3.1).
    pub fn eap_messages(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.values(EAP_MESSAGE)
    }

    pub fn message_authenticator(&self) -> Option<&'a [u8]> {
        self.value(Slot::MessageAuthenticator)
    }

    /// Seconds since 1970 by the NAS's clock (RFC 2869 section 5.3).
    pub fn event_timestamp(&self) -> Option<u32> {
        self.number(Slot::EventTimestamp)
    }

    /// RFC 5176 section 3.5; [`super::error_cause_name`] names it.
    pub fn error_cause(&self) -> Option<u32> {
        self.number(Slot::ErrorCause)
    }

    /// Acct-Status-Type (RFC 2866 section 5.1) where it is one that billing knows.
    pub fn accounting_kind(&self) -> Option<AccountingKind> {
        match self.number(Slot::AcctStatusType)? {
            1 => Some(AccountingKind::Start),
            2 => Some(AccountingKind::Stop),
            3 => Some(AccountingKind::Interim),
            7 => Some(AccountingKind::On),
            8 => Some(AccountingKind::Off),
            _ => None,
        }
    }

    pub fn acct_status_type(&self) -> Option<u32> {
        self.number(Slot::AcctStatusType)
    }

    pub fn acct_session_id(&self) -> Option<&'a [u8]> {
        self.value(Slot::AcctSessionId)
    }

    /// Seconds.
    pub fn acct_session_time(&self) -> Option<u32> {
        self.number(Slot::AcctSessionTime)
    }

    /// Seconds since the event.
    pub fn acct_delay_time(&self) -> Option<u32> {
        self.number(Slot::AcctDelayTime)
    }

    /// RFC 2866 section 5.10; [`super::terminate_cause_name`] names it.
    pub fn acct_terminate_cause(&self) -> Option<u32> {
        self.number(Slot::AcctTerminateCause)
    }

    /// Octets from the subscriber, Gigawords counted in (RFC 2869 section 5.1).
    pub fn acct_input_octets(&self) -> Option<u64> {
        self.octets(Slot::AcctInputOctets, Slot::AcctInputGigawords)
    }

    /// Octets towards the subscriber, Gigawords counted in (RFC 2869 section 5.2).
    pub fn acct_output_octets(&self) -> Option<u64> {
        self.octets(Slot::AcctOutputOctets, Slot::AcctOutputGigawords)
    }

    fn octets(&self, low: Slot, high: Slot) -> Option<u64> {
        let low = u64::from(self.number(low)?);
        Some(u64::from(self.number(high).unwrap_or(0)) << 32 | low)
    }

    /// Both counters, or None when the packet has neither (a Start).
    pub fn usage(&self) -> Option<Usage> {
        let (upload, download) = (self.acct_input_octets(), self.acct_output_octets());
        if upload.is_none() && download.is_none() {
            return None;
        }
        Some(Usage { download_octets: download.unwrap_or(0), upload_octets: upload.unwrap_or(0) })
    }
}
