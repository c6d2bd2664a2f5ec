//! Writing a packet into a buffer that the caller keeps: header, attributes, and the bound of 4096 octets.

use super::dictionary::{MESSAGE_AUTHENTICATOR, PROXY_STATE, VENDOR_SPECIFIC};
use super::{Authenticator, Code, HEADER_OCTETS, PACKET_OCTETS_MAX, PacketView, SharedSecret};
use std::fmt;
use std::net::Ipv4Addr;

/// Why an attribute was not written. What was written before stays, and the packet can still be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The value is longer than one attribute can hold.
    ValueTooLong,
    /// The packet would be longer than 4096 octets.
    PacketFull,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WriteError::ValueTooLong => "the value is too long for an attribute",
            WriteError::PacketFull => "the packet would be longer than 4096 octets",
        })
    }
}

impl std::error::Error for WriteError {}

/// The common part of [`super::ReplyWriter`] and [`super::RequestWriter`]: appends attributes.
#[derive(Debug)]
pub struct PacketWriter<'b> {
    out: &'b mut Vec<u8>,
    code: Code,
    /// Where Message-Authenticator's value begins, once it is reserved.
    message_authenticator: Option<usize>,
}

impl<'b> PacketWriter<'b> {
    /// Clears the buffer and writes a header with no length and authenticator yet.
    pub(super) fn new(out: &'b mut Vec<u8>, code: Code, identifier: u8) -> PacketWriter<'b> {
        out.clear();
        out.extend_from_slice(&[code.0, identifier]);
        out.resize(HEADER_OCTETS, 0);
        PacketWriter { out, code, message_authenticator: None }
    }

    pub fn code(&self) -> Code {
        self.code
    }

    /// One attribute with this value.
    pub fn attribute(&mut self, kind: u8, value: &[u8]) -> Result<(), WriteError> {
        self.attribute_of_parts(kind, &[value])
    }

    /// A 32-bit integer, a time, or an enumerated value.
    pub fn attribute_u32(&mut self, kind: u8, value: u32) -> Result<(), WriteError> {
        self.attribute(kind, &value.to_be_bytes())
    }

    pub fn attribute_ipv4(&mut self, kind: u8, value: Ipv4Addr) -> Result<(), WriteError> {
        self.attribute(kind, &value.octets())
    }

    /// Framed-IPv6-Prefix, Delegated-IPv6-Prefix: a reserved octet, the length in bits, the 16 octets
    /// (RFC 3162 section 2.3, RFC 4818 section 3).
    pub fn attribute_ipv6_prefix(&mut self, kind: u8, value: ipnet::Ipv6Net) -> Result<(), WriteError> {
        self.attribute_of_parts(kind, &[&[0, value.prefix_len()], &value.network().octets()])
    }

    /// One vendor's attribute, alone in its attribute 26 (RFC 2865 section 5.26).
    pub fn vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<(), WriteError> {
        self.vendor_of_parts(vendor, kind, &[value])
    }

    pub fn vendor_u32(&mut self, vendor: u32, kind: u8, value: u32) -> Result<(), WriteError> {
        self.vendor(vendor, kind, &value.to_be_bytes())
    }

    pub(in crate::radius) fn vendor_of_parts(
        &mut self,
        vendor: u32,
        kind: u8,
        parts: &[&[u8]],
    ) -> Result<(), WriteError> {
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        let inner = attribute_length(octets)?;
        let outer = attribute_length(octets + 6)?;
        self.room(usize::from(outer))?;
        self.out.extend_from_slice(&[VENDOR_SPECIFIC, outer]);
        self.out.extend_from_slice(&vendor.to_be_bytes());
        self.out.extend_from_slice(&[kind, inner]);
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        Ok(())
    }

    fn attribute_of_parts(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), WriteError> {
        let length = attribute_length(parts.iter().map(|part| part.len()).sum())?;
        self.room(usize::from(length))?;
        self.out.extend_from_slice(&[kind, length]);
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        Ok(())
    }

    /// Complete attributes, rendered before (such as `auth::rates::rendered_rates`): all of them or none.
    pub fn raw(&mut self, attributes: &[u8]) -> Result<(), WriteError> {
        self.room(attributes.len())?;
        self.out.extend_from_slice(attributes);
        Ok(())
    }

    /// The Proxy-States of a request, in order (RFC 2865 section 5.33).
    pub fn proxy_states(&mut self, request: &PacketView<'_>) -> Result<(), WriteError> {
        request.proxy_states().try_for_each(|value| self.attribute(PROXY_STATE, value))
    }

    /// Keeps place for Message-Authenticator here; a second call changes nothing.
    pub fn message_authenticator(&mut self) -> Result<(), WriteError> {
        if self.message_authenticator.is_none() {
            self.attribute(MESSAGE_AUTHENTICATOR, &[0; 16])?;
            self.message_authenticator = Some(self.out.len() - 16);
        }
        Ok(())
    }

    /// Octets of the packet so far, the header included.
    pub fn octets(&self) -> usize {
        self.out.len()
    }

    fn room(&self, more: usize) -> Result<(), WriteError> {
        if self.out.len().saturating_add(more) > PACKET_OCTETS_MAX {
            return Err(WriteError::PacketFull);
        }
        Ok(())
    }

    /// Writes the length, and Message-Authenticator over the given authenticator where it is reserved.
    pub(super) fn sign(&mut self, secret: &SharedSecret, authenticator: &Authenticator) {
        self.put_length();
        if let Some(at) = self.message_authenticator {
            let value = secret.message_authenticator_of(self.out, at, authenticator);
            self.put(at, &value);
        }
    }

    pub(super) fn put_length(&mut self) {
        let length = u16::try_from(self.out.len()).unwrap_or(u16::MAX);
        self.put(2, &length.to_be_bytes());
    }

    pub(super) fn message_authenticator_offset(&self) -> Option<usize> {
        self.message_authenticator
    }

    pub(super) fn put_authenticator(&mut self, authenticator: &Authenticator) {
        self.put(4, authenticator);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.out
    }

    fn put(&mut self, at: usize, octets: &[u8]) {
        for (place, octet) in self.out.iter_mut().skip(at).zip(octets) {
            *place = *octet;
        }
    }
}

/// Complete attributes as octets, for [`PacketWriter::raw`]: what is the same in many packets is rendered once.
pub fn rendered(
    write: impl FnOnce(&mut PacketWriter<'_>) -> Result<(), WriteError>,
) -> Result<Box<[u8]>, WriteError> {
    let mut scratch = Vec::new();
    write(&mut PacketWriter::new(&mut scratch, Code(0), 0))?;
    Ok(scratch.get(HEADER_OCTETS..).unwrap_or_default().into())
}

fn attribute_length(value_octets: usize) -> Result<u8, WriteError> {
    u8::try_from(value_octets.saturating_add(2)).map_err(|_| WriteError::ValueTooLong)
}
