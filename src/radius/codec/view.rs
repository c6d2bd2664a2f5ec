//! A received packet, read where it lies: one pass checks the form and remembers where the attributes that every
//! login and accounting record needs stand.

mod accessors;

use super::dictionary::*;
use super::{Authenticator, Code, HEADER_OCTETS, PACKET_OCTETS_MAX};
use ipnet::Ipv6Net;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a datagram is not a RADIUS packet (RFC 2865 section 3: such packets are silently discarded).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Fewer than 20 octets.
    Short,
    /// The header's length is below 20 or above 4096.
    Length,
    /// The header's length is more than came.
    Truncated,
    /// An attribute's length is below 2.
    AttributeShort,
    /// An attribute reaches past the end of the packet.
    AttributePastEnd,
    /// Message-Authenticator is not 16 octets (RFC 3579 section 3.2).
    MessageAuthenticatorLength,
}

impl Malformed {
    /// One stable word, for metrics and logs.
    pub fn token(self) -> &'static str {
        match self {
            Malformed::Short => "short",
            Malformed::Length => "length",
            Malformed::Truncated => "truncated",
            Malformed::AttributeShort => "attribute-short",
            Malformed::AttributePastEnd => "attribute-past-end",
            Malformed::MessageAuthenticatorLength => "message-authenticator-length",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Short => "fewer than 20 octets",
            Malformed::Length => "header length outside 20 to 4096",
            Malformed::Truncated => "header length greater than the datagram",
            Malformed::AttributeShort => "attribute length below 2",
            Malformed::AttributePastEnd => "attribute past the end of the packet",
            Malformed::MessageAuthenticatorLength => "Message-Authenticator is not 16 octets",
        })
    }
}

impl std::error::Error for Malformed {}

/// Attributes whose place is remembered. `Unlisted` stands for all others and is never stored.
#[derive(Clone, Copy)]
enum Slot {
    Unlisted,
    UserName,
    UserPassword,
    ChapPassword,
    ChapChallenge,
    NasIpAddress,
    NasIdentifier,
    NasPort,
    NasPortId,
    NasPortType,
    ServiceType,
    FramedIpAddress,
    State,
    Class,
    CallingStationId,
    CalledStationId,
    ProxyState,
    EapMessage,
    MessageAuthenticator,
    EventTimestamp,
    ErrorCause,
    AcctStatusType,
    AcctDelayTime,
    AcctInputOctets,
    AcctOutputOctets,
    AcctInputGigawords,
    AcctOutputGigawords,
    AcctSessionId,
    AcctSessionTime,
    AcctTerminateCause,
    MsChapChallenge,
    MsChapResponse,
    MsChap2Response,
}

const SLOTS: usize = Slot::MsChap2Response as usize + 1;

/// The slot of each attribute type.
static SLOT_OF: [Slot; 256] = slot_table();

const fn slot_table() -> [Slot; 256] {
    let mut table = [Slot::Unlisted; 256];
    table[USER_NAME as usize] = Slot::UserName;
    table[USER_PASSWORD as usize] = Slot::UserPassword;
    table[CHAP_PASSWORD as usize] = Slot::ChapPassword;
    table[CHAP_CHALLENGE as usize] = Slot::ChapChallenge;
    table[NAS_IP_ADDRESS as usize] = Slot::NasIpAddress;
    table[NAS_IDENTIFIER as usize] = Slot::NasIdentifier;
    table[NAS_PORT as usize] = Slot::NasPort;
    table[NAS_PORT_ID as usize] = Slot::NasPortId;
    table[NAS_PORT_TYPE as usize] = Slot::NasPortType;
    table[SERVICE_TYPE as usize] = Slot::ServiceType;
    table[FRAMED_IP_ADDRESS as usize] = Slot::FramedIpAddress;
    table[STATE as usize] = Slot::State;
    table[CLASS as usize] = Slot::Class;
    table[CALLING_STATION_ID as usize] = Slot::CallingStationId;
    table[CALLED_STATION_ID as usize] = Slot::CalledStationId;
    table[PROXY_STATE as usize] = Slot::ProxyState;
    table[EAP_MESSAGE as usize] = Slot::EapMessage;
    table[MESSAGE_AUTHENTICATOR as usize] = Slot::MessageAuthenticator;
    table[EVENT_TIMESTAMP as usize] = Slot::EventTimestamp;
    table[ERROR_CAUSE as usize] = Slot::ErrorCause;
    table[ACCT_STATUS_TYPE as usize] = Slot::AcctStatusType;
    table[ACCT_DELAY_TIME as usize] = Slot::AcctDelayTime;
    table[ACCT_INPUT_OCTETS as usize] = Slot::AcctInputOctets;
    table[ACCT_OUTPUT_OCTETS as usize] = Slot::AcctOutputOctets;
    table[ACCT_INPUT_GIGAWORDS as usize] = Slot::AcctInputGigawords;
    table[ACCT_OUTPUT_GIGAWORDS as usize] = Slot::AcctOutputGigawords;
    table[ACCT_SESSION_ID as usize] = Slot::AcctSessionId;
    table[ACCT_SESSION_TIME as usize] = Slot::AcctSessionTime;
    table[ACCT_TERMINATE_CAUSE as usize] = Slot::AcctTerminateCause;
    table
}

/// A packet over the datagram it came in. Where an attribute stands more than once, the accessors give the first;
/// [`PacketView::values`] gives all in order.
#[derive(Clone, Copy)]
pub struct PacketView<'a> {
    /// Exactly as long as the header says.
    packet: &'a [u8],
    code: Code,
    identifier: u8,
    authenticator: &'a Authenticator,
    /// Offset of the attribute's type octet, 0 for absent (attributes begin at 20).
    slots: [u16; SLOTS],
}

impl<'a> PacketView<'a> {
    /// Checks the form of a datagram. Octets after the header's length are padding and ignored (RFC 2865 section 3).
    pub fn parse(datagram: &'a [u8]) -> Result<PacketView<'a>, Malformed> {
        let header: &[u8; HEADER_OCTETS] = datagram.first_chunk().ok_or(Malformed::Short)?;
        let length = u16::from_be_bytes([header[2], header[3]]);
        if !(HEADER_OCTETS..=PACKET_OCTETS_MAX).contains(&usize::from(length)) {
            return Err(Malformed::Length);
        }
        let packet = datagram.get(..usize::from(length)).ok_or(Malformed::Truncated)?;
        let authenticator = header.last_chunk().ok_or(Malformed::Short)?;
        let (code, identifier) = (Code(header[0]), header[1]);
        let mut view = PacketView { packet, code, identifier, authenticator, slots: [0; SLOTS] };
        view.scan(length)?;
        if view.value(Slot::MessageAuthenticator).is_some_and(|value| value.len() != 16) {
            return Err(Malformed::MessageAuthenticatorLength);
        }
        Ok(view)
    }

    fn scan(&mut self, length: u16) -> Result<(), Malformed> {
        let mut at: u16 = 20;
        while at < length {
            let [kind, size] = octets_at(self.packet, at).ok_or(Malformed::AttributePastEnd)?;
            if size < 2 {
                return Err(Malformed::AttributeShort);
            }
            let next = at + u16::from(size);
            if next > length {
                return Err(Malformed::AttributePastEnd);
            }
            match SLOT_OF[usize::from(kind)] {
                Slot::Unlisted if kind == VENDOR_SPECIFIC => self.scan_vendor(at, next),
                Slot::Unlisted => {}
                slot => self.remember(slot, at),
            }
            at = next;
        }
        Ok(())
    }

    /// Microsoft's attributes, of which one attribute 26 may hold several (RFC 2865 section 5.26). What is not laid
    /// out so is some vendor's own format and none of our business.
    fn scan_vendor(&mut self, start: u16, end: u16) {
        if octets_at(self.packet, start + 2) != Some(VENDOR_MICROSOFT.to_be_bytes()) {
            return;
        }
        let mut at = start + 6;
        while let Some([kind, size]) = octets_at(self.packet, at) {
            let next = at + u16::from(size);
            if size < 2 || next > end {
                return;
            }
            match kind {
                MS_CHAP_CHALLENGE => self.remember(Slot::MsChapChallenge, at),
                MS_CHAP_RESPONSE => self.remember(Slot::MsChapResponse, at),
                MS_CHAP2_RESPONSE => self.remember(Slot::MsChap2Response, at),
                _ => {}
            }
            at = next;
        }
    }

    fn remember(&mut self, slot: Slot, at: u16) {
        let place = &mut self.slots[slot as usize];
        if *place == 0 {
            *place = at;
        }
    }

    fn offset(&self, slot: Slot) -> Option<usize> {
        let at = usize::from(self.slots[slot as usize]);
        (at != 0).then_some(at)
    }

    fn value(&self, slot: Slot) -> Option<&'a [u8]> {
        let at = self.offset(slot)?;
        let size = usize::from(*self.packet.get(at + 1)?);
        self.packet.get(at + 2..at + size)
    }

    fn number(&self, slot: Slot) -> Option<u32> {
        self.value(slot)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn ipv4(&self, slot: Slot) -> Option<Ipv4Addr> {
        self.number(slot).map(Ipv4Addr::from)
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn identifier(&self) -> u8 {
        self.identifier
    }

    pub fn authenticator(&self) -> &'a Authenticator {
        self.authenticator
    }

    /// The whole packet, without padding.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.packet
    }

    /// The attributes' octets.
    pub(super) fn attribute_bytes(&self) -> &'a [u8] {
        self.packet.get(HEADER_OCTETS..).unwrap_or_default()
    }

    /// Where Message-Authenticator's 16 octets begin in the packet.
    pub(super) fn message_authenticator_offset(&self) -> Option<usize> {
        self.offset(Slot::MessageAuthenticator).map(|at| at + 2)
    }

    /// Framed-IPv6-Prefix (RFC 3162), Delegated-IPv6-Prefix (RFC 4818) and Framed-IPv6-Address (RFC 6911, as /128),
    /// in the order of the packet.
    pub fn ipv6_prefixes(&self) -> impl Iterator<Item = Ipv6Net> + use<'a> {
        self.attributes().filter_map(|(kind, value)| match kind {
            FRAMED_IPV6_PREFIX | DELEGATED_IPV6_PREFIX => ipv6_prefix(value),
            FRAMED_IPV6_ADDRESS => {
                let octets: [u8; 16] = value.try_into().ok()?;
                Ipv6Net::new(Ipv6Addr::from(octets), 128).ok()
            }
            _ => None,
        })
    }

    /// All attributes in order: type and value.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attribute_bytes() }
    }

    /// The values of every attribute of one type, in order.
    pub fn values(&self, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.attributes().filter_map(move |(found, value)| (found == kind).then_some(value))
    }

    /// The values of one vendor's attributes of one type, in order; several may share one attribute 26.
    pub fn vendor_values(&self, vendor: u32, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.values(VENDOR_SPECIFIC)
            .filter_map(move |value| {
                let (id, rest) = value.split_first_chunk::<4>()?;
                (u32::from_be_bytes(*id) == vendor).then_some(Attributes { rest })
            })
            .flatten()
            .filter_map(move |(found, value)| (found == kind).then_some(value))
    }
}

impl fmt::Debug for PacketView<'_> {
    /// Head only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} id {} of {} octets", self.code(), self.identifier(), self.packet.len())
    }
}

/// Type and value of attributes one after another; ends at the first that is not well formed.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [kind, size] = *self.rest.first_chunk()?;
        let value = self.rest.get(2..usize::from(size))?;
        self.rest = self.rest.get(usize::from(size)..)?;
        Some((kind, value))
    }
}

/// The value of Framed-IPv6-Prefix or Delegated-IPv6-Prefix (RFC 3162 section 2.3): a reserved octet, the length in
/// bits, and as many octets of the prefix as the sender cared to write. Bits beyond the length are cleared.
pub fn ipv6_prefix(value: &[u8]) -> Option<Ipv6Net> {
    let (&[_, bits], prefix) = value.split_first_chunk::<2>()?;
    let mut octets = [0; 16];
    octets.get_mut(..prefix.len())?.copy_from_slice(prefix);
    Ipv6Net::new(Ipv6Addr::from(octets), bits).ok().map(|net| net.trunc())
}

fn octets_at<const N: usize>(packet: &[u8], at: u16) -> Option<[u8; N]> {
    packet.get(usize::from(at)..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
