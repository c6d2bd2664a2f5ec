//! Keys for MPPE: how a NAS is told the session keys that MS-CHAP and EAP produce (RFC 2548 section 2.4).

use crate::radius::codec::dictionary::*;
use crate::radius::codec::{Authenticator, PacketWriter, SharedSecret, WriteError};
use std::fmt;
use zeroize::Zeroize;

/// Whether the link is to be encrypted, and how strongly (RFC 2548 sections 2.4.4 and 2.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// No keys are sent.
    Off,
    /// The NAS may, with 40 or 128 bits.
    #[default]
    Allowed,
    /// The NAS must, with 40 or 128 bits.
    Required,
    /// The NAS must, with 128 bits.
    RequiredStrong,
}

impl Encryption {
    /// MS-MPPE-Encryption-Policy and MS-MPPE-Encryption-Types.
    pub(super) fn write(self, reply: &mut PacketWriter<'_>) -> Result<(), WriteError> {
        let (policy, types) = match self {
            Encryption::Off => return Ok(()),
            Encryption::Allowed => (1, 6),
            Encryption::Required => (2, 6),
            Encryption::RequiredStrong => (2, 4),
        };
        reply.vendor_u32(VENDOR_MICROSOFT, MS_MPPE_ENCRYPTION_POLICY, policy)?;
        reply.vendor_u32(VENDOR_MICROSOFT, MS_MPPE_ENCRYPTION_TYPES, types)
    }
}

/// Session keys as the NAS uses them: `send` towards the subscriber. 16 octets from MS-CHAPv2, 32 from EAP; wiped
/// when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MppeKeys<const N: usize> {
    pub send: [u8; N],
    pub recv: [u8; N],
}

impl<const N: usize> MppeKeys<N> {
    /// Writes MS-MPPE-Send-Key and MS-MPPE-Recv-Key, hidden with the shared secret (RFC 2548 section 2.4.2).
    /// `salt` is random and new for each reply; its highest bit is set here and its lowest tells the two apart.
    pub fn write(
        &self,
        reply: &mut PacketWriter<'_>,
        request: &Authenticator,
        secret: &SharedSecret,
        salt: u16,
    ) -> Result<(), WriteError> {
        let (send, recv) = salts(salt);
        for (kind, key, salt) in [(MS_MPPE_SEND_KEY, &self.send, send), (MS_MPPE_RECV_KEY, &self.recv, recv)]
        {
            // One octet of length, the key, zeros to a whole block: three blocks hold the longest key.
            let mut blocks = [[0u8; 16]; 3];
            let plain = blocks.as_flattened_mut();
            let length = u8::try_from(N).map_err(|_| WriteError::ValueTooLong)?;
            for (place, octet) in plain.iter_mut().zip(std::iter::once(&length).chain(key)) {
                *place = *octet;
            }
            let hidden = blocks.get_mut(..(N + 1).div_ceil(16)).ok_or(WriteError::ValueTooLong)?;
            secret.hide(hidden, [request, &salt]);
            reply.vendor_of_parts(VENDOR_MICROSOFT, kind, &[&salt, hidden.as_flattened()])?;
        }
        Ok(())
    }
}

/// Two salts from one number: the highest bit is set, and the lowest tells the two apart.
pub(super) fn salts(salt: u16) -> ([u8; 2], [u8; 2]) {
    let salt = salt | 0x8000;
    ((salt & !1).to_be_bytes(), (salt | 1).to_be_bytes())
}

impl<const N: usize> Drop for MppeKeys<N> {
    fn drop(&mut self) {
        self.send.zeroize();
        self.recv.zeroize();
    }
}

impl<const N: usize> fmt::Debug for MppeKeys<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::{Code, PacketView, ReplyWriter};

    /// The NAS's side: salt, then blocks chained by their hidden form.
    fn revealed(value: &[u8], request: &Authenticator, secret: &SharedSecret) -> Vec<u8> {
        let (salt, hidden) = value.split_at(2);
        assert_eq!(salt[0] & 0x80, 0x80, "the highest bit of a salt is set");
        let mut pad = secret.pad([request, salt]);
        let mut plain = Vec::new();
        for block in hidden.chunks(16) {
            plain.extend(block.iter().zip(pad).map(|(octet, key)| octet ^ key));
            pad = secret.pad([block, &[]]);
        }
        let length = usize::from(plain[0]);
        assert!(plain[1 + length..].iter().all(|octet| *octet == 0));
        plain[1..=length].to_vec()
    }

    fn keys_come_back<const N: usize>() {
        let secret = SharedSecret::new(b"testing123");
        let keys = MppeKeys { send: [0x11; N], recv: [0x22; N] };
        for salt in [0, 1, 0x7fff, 0xffff] {
            let mut out = Vec::new();
            let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 1);
            keys.write(&mut reply, &[7; 16], &secret, salt).unwrap();
            reply.finish(&[7; 16], &secret);
            let view = PacketView::parse(&out).unwrap();
            let value = |kind| view.vendor_values(VENDOR_MICROSOFT, kind).next().unwrap();
            let (send, recv) = (value(MS_MPPE_SEND_KEY), value(MS_MPPE_RECV_KEY));
            assert_ne!(send[..2], recv[..2], "salts differ within a packet");
            assert_eq!(revealed(send, &[7; 16], &secret), keys.send);
            assert_eq!(revealed(recv, &[7; 16], &secret), keys.recv);
        }
    }

    #[test]
    fn a_nas_reveals_keys_of_16_and_of_32_octets() {
        keys_come_back::<16>();
        keys_come_back::<32>();
    }
}
