//! Accounting-Request (RFC 2866) as a record for the ledger.

use super::access::{calling_mac, text_of};
use super::class::subscriber_of;
use super::handle::Request;
use super::silence::Silence;
use crate::directory::Inner;
use crate::model::{AccountingKind, AccountingRecord, SubscriberId};
use crate::radius::codec::PacketView;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Prefixes of one session taken at most.
const PREFIXES_MAX: usize = 8;
/// Octets kept of texts that only people read.
const TEXT_OCTETS_MAX: usize = 128;
/// An event is at most this old; a NAS that counts its delay from the year 2000 is not believed.
const DELAY_SECONDS_MAX: u32 = 7 * 86_400;

/// Decodes a request whose authenticator was right.
pub fn record_of(inner: &Inner, request: &Request<'_>) -> Result<AccountingRecord, Silence> {
    let packet = &request.packet;
    let kind = packet.accounting_kind().ok_or(Silence::UnknownStatusType)?;
    let delay = packet.acct_delay_time().unwrap_or(0).min(DELAY_SECONDS_MAX);
    let mut record = AccountingRecord {
        kind,
        nas: request.nas.nas.id,
        nas_address: request.origin.peer.ip(),
        login: String::new(),
        acct_session_id: String::new(),
        subscriber: None,
        event_time: request.now.saturating_sub(Duration::from_secs(delay.into())),
        session_seconds: packet.acct_session_time().unwrap_or(0),
        terminate_cause: packet.acct_terminate_cause().unwrap_or(0),
        framed_ip: packet.framed_ip_address().filter(is_address),
        ipv6_prefixes: Vec::new(),
        mac: None,
        calling_station_id: String::new(),
        nas_port_id: String::new(),
        usage: packet.usage().unwrap_or_default(),
        has_usage: packet.usage().is_some(),
    };
    if matches!(kind, AccountingKind::On | AccountingKind::Off) {
        return Ok(record);
    }
    record.acct_session_id = packet
        .acct_session_id()
        .filter(|id| !id.is_empty())
        .map(session_id_of)
        .ok_or(Silence::NoSessionId)?;
    (record.subscriber, record.login) = whose(inner, packet);
    record.ipv6_prefixes = packet.ipv6_prefixes().take(PREFIXES_MAX).collect();
    record.mac = calling_mac(packet);
    record.calling_station_id = short_text(packet.calling_station_id().unwrap_or_default());
    record.nas_port_id = match (packet.nas_port_id(), packet.nas_port()) {
        (Some(text), _) => short_text(text),
        (None, Some(number)) => number.to_string(),
        (None, None) => String::new(),
    };
    Ok(record)
}

/// By the Class we gave, else by User-Name. A NAS that sends no name still sends Class.
fn whose(inner: &Inner, packet: &PacketView<'_>) -> (Option<SubscriberId>, String) {
    let by_class = packet.class().and_then(|class| inner.subscriber(subscriber_of(class)?));
    let sent = packet.user_name().map(text_of);
    let login = match (&sent, by_class) {
        (Some(login), _) => login.as_ref(),
        (None, Some(entry)) => entry.view.subscriber.login.as_str(),
        (None, None) => "",
    };
    let entry = by_class.or_else(|| inner.login(login));
    (entry.map(|entry| entry.id()), login.to_owned())
}

/// As sent where it is plain text, else hexadecimal (so that it prints, and two stay two).
fn session_id_of(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) if text.bytes().all(|octet| octet.is_ascii_graphic()) => text.to_owned(),
        _ => octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        }),
    }
}

fn short_text(octets: &[u8]) -> String {
    let text = text_of(octets);
    text.get(..text.floor_char_boundary(TEXT_OCTETS_MAX)).unwrap_or_default().to_owned()
}

/// Not one of the values that say "choose yourself" (RFC 2865 section 5.8).
fn is_address(address: &Ipv4Addr) -> bool {
    !address.is_unspecified() && *address < Ipv4Addr::new(255, 255, 255, 254)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_that_does_not_print_is_kept_as_hexadecimal() {
        assert_eq!(session_id_of(b"81000001"), "81000001");
        assert_eq!(session_id_of(&[0x81, 0, 1]), "810001");
        assert_eq!(session_id_of("сессия 1".as_bytes()).len(), 2 * "сессия 1".len());
        assert_eq!(session_id_of(b"a b"), "612062");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short_text("я".repeat(100).as_bytes()), "я".repeat(64));
        assert_eq!(short_text(b"x\xff"), "x\u{fffd}");
    }

    #[test]
    fn addresses_that_ask_for_a_choice_are_none() {
        for (text, address) in
            [("255.255.255.255", false), ("255.255.255.254", false), ("0.0.0.0", false), ("10.0.0.1", true)]
        {
            assert_eq!(is_address(&text.parse().unwrap()), address);
        }
    }
}
