//! How many octets a session may use, in the vendor's attributes.

use crate::model::Vendor;
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{PacketWriter, WriteError};

/// Which octets count, seen from the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Download,
    Upload,
    Both,
}

/// Octets-Direction, seen from the NAS: 0 both, 1 what it receives, 2 what it sends.
fn direction(counted: Counted) -> u32 {
    match counted {
        Counted::Both => 0,
        Counted::Upload => 1,
        Counted::Download => 2,
    }
}

/// Writes the limit; nothing for vendors without one. Where there is no second word for the upper half (pppd,
/// accel-ppp), a limit past 32 bits is the largest of them. At least one octet: 0 is no limit.
pub fn write_quota(
    reply: &mut PacketWriter<'_>,
    vendor: Vendor,
    counted: Counted,
    octets: u64,
) -> Result<(), WriteError> {
    let octets = octets.max(1);
    let [_, _, _, _, a, b, c, d] = octets.to_be_bytes();
    let (low, high) = (u32::from_be_bytes([a, b, c, d]), u32::try_from(octets >> 32).unwrap_or(u32::MAX));
    match vendor {
        Vendor::Mikrotik => {
            let (limit, gigawords) = match counted {
                Counted::Both => (MIKROTIK_TOTAL_LIMIT, MIKROTIK_TOTAL_LIMIT_GIGAWORDS),
                Counted::Upload => (MIKROTIK_RECV_LIMIT, MIKROTIK_RECV_LIMIT_GIGAWORDS),
                Counted::Download => (MIKROTIK_XMIT_LIMIT, MIKROTIK_XMIT_LIMIT_GIGAWORDS),
            };
            reply.vendor_u32(VENDOR_MIKROTIK, limit, low)?;
            if high > 0 { reply.vendor_u32(VENDOR_MIKROTIK, gigawords, high) } else { Ok(()) }
        }
        Vendor::Linux | Vendor::AccelPpp => {
            reply.attribute_u32(SESSION_OCTETS_LIMIT, if high > 0 { u32::MAX } else { low })?;
            reply.attribute_u32(OCTETS_DIRECTION, direction(counted))
        }
        Vendor::Cisco | Vendor::Juniper | Vendor::Huawei | Vendor::Nokia | Vendor::Wispr => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::rendered;

    #[test]
    fn each_vendor_is_told_in_its_own_attributes() {
        const GIB_5: u64 = 5 << 30;
        #[rustfmt::skip]
        let table: [(Vendor, Counted, u64, &[u8]); 8] = [
            (Vendor::Mikrotik, Counted::Both, 1000, b"\x1a\x0c\0\0\x3a\x8c\x11\x06\0\0\x03\xe8"),
            (Vendor::Mikrotik, Counted::Upload, 1000, b"\x1a\x0c\0\0\x3a\x8c\x01\x06\0\0\x03\xe8"),
            (Vendor::Mikrotik, Counted::Download, GIB_5,
             b"\x1a\x0c\0\0\x3a\x8c\x02\x06\x40\0\0\0\x1a\x0c\0\0\x3a\x8c\x0f\x06\0\0\0\x01"),
            (Vendor::Mikrotik, Counted::Both, 0, b"\x1a\x0c\0\0\x3a\x8c\x11\x06\0\0\0\x01"),
            (Vendor::AccelPpp, Counted::Both, 1000, b"\xe3\x06\0\0\x03\xe8\xe4\x06\0\0\0\0"),
            (Vendor::Linux, Counted::Download, 1000, b"\xe3\x06\0\0\x03\xe8\xe4\x06\0\0\0\x02"),
            (Vendor::Linux, Counted::Upload, GIB_5, b"\xe3\x06\xff\xff\xff\xff\xe4\x06\0\0\0\x01"),
            (Vendor::Cisco, Counted::Both, 1000, b""),
        ];
        for (vendor, counted, octets, wanted) in table {
            let written = rendered(|reply| write_quota(reply, vendor, counted, octets)).unwrap();
            assert_eq!(written[..], *wanted, "{vendor:?} {counted:?} {octets}");
        }
    }
}
