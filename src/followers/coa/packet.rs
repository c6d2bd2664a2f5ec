//! CoA-Request and Disconnect-Request (RFC 5176): which session, and what it is to have.

use super::told::{Told, Treatment};
use crate::directory::NasEntry;
use crate::model::{Session, Timestamp, Vendor};
use crate::radius::auth::rates::write_rates;
use crate::radius::auth::write_redirect;
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{Authenticator, Code, PacketWriter, RequestWriter, WriteError};
use std::net::IpAddr;

/// A MikroTik's session is in one list at a time: this one takes it out of the captive list.
pub const OPEN_ADDRESS_LIST: &str = "headgate-open";
/// RouterOS takes 0 for no limit; without the attribute the old limit would stay.
const MIKROTIK_UNLIMITED: &[u8] = b"0/0";

/// Writes a request; gives the authenticator that the answer is checked with.
pub fn write_change(
    out: &mut Vec<u8>,
    (code, identifier): (Code, u8),
    session: &Session,
    nas: &NasEntry,
    told: &Told,
    (captive_url, now): (&str, Timestamp),
) -> Result<Authenticator, WriteError> {
    let mut request = RequestWriter::change(out, code, identifier);
    write_session(&mut request, session)?;
    // Against replay; the same in each repetition of the packet (RFC 5176 section 3.3).
    request.attribute_u32(EVENT_TIMESTAMP, u32::try_from(now.seconds()).unwrap_or(0))?;
    if code == Code::COA_REQUEST {
        write_treatment(&mut request, nas.nas.vendor, told, captive_url)?;
    }
    Ok(request.finish(&nas.secret))
}

/// What tells the session from all others (RFC 5176 section 3).
fn write_session(request: &mut PacketWriter<'_>, session: &Session) -> Result<(), WriteError> {
    if !session.key.login.is_empty() {
        request.attribute(USER_NAME, session.key.login.as_bytes())?;
    }
    request.attribute(ACCT_SESSION_ID, session.key.acct_session_id.as_bytes())?;
    if let Some(address) = session.framed_ip {
        request.attribute_ipv4(FRAMED_IP_ADDRESS, address)?;
    }
    if let IpAddr::V4(address) = session.nas_address {
        request.attribute_ipv4(NAS_IP_ADDRESS, address)?;
    }
    // A mere number is a NAS-Port that the NAS never named so.
    let port = &session.nas_port_id;
    if !port.is_empty() && !port.bytes().all(|octet| octet.is_ascii_digit()) {
        request.attribute(NAS_PORT_ID, port.as_bytes())?;
    }
    Ok(())
}

fn write_treatment(
    request: &mut PacketWriter<'_>,
    vendor: Vendor,
    told: &Told,
    captive_url: &str,
) -> Result<(), WriteError> {
    write_rates(request, vendor, &told.shape, &told.burst)?;
    if vendor == Vendor::Mikrotik && told.shape.is_unlimited() {
        request.vendor(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT, MIKROTIK_UNLIMITED)?;
    }
    match (told.treatment, vendor) {
        (Treatment::Captive, Vendor::Wispr) if captive_url.is_empty() => Ok(()),
        (Treatment::Captive, _) => write_redirect(request, vendor, captive_url),
        (_, Vendor::Mikrotik) => {
            request.vendor(VENDOR_MIKROTIK, MIKROTIK_ADDRESS_LIST, OPEN_ADDRESS_LIST.as_bytes())
        }
        _ => Ok(()),
    }
}
