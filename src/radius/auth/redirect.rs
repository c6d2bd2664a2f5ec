//! What a NAS is told so that it sends a debtor's web to the captive page by itself.

use crate::model::Vendor;
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{PacketWriter, WriteError, rendered};

/// The address list that a MikroTik's own rules redirect (docs/radius.md shows them).
pub const CAPTIVE_ADDRESS_LIST: &str = "headgate-captive";

/// Whether a reply can make this vendor redirect. Of the others, Linux is redirected by the enforcer, and the rest
/// need a policy that only their own configuration can hold.
pub fn redirects(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::Mikrotik | Vendor::Wispr)
}

/// Whether a debtor's open session on this vendor's NAS reaches the captive page without a new login: by the reply's
/// attributes, or by the kernel of a Linux box.
pub fn reaches_captive(vendor: Vendor) -> bool {
    redirects(vendor) || matches!(vendor, Vendor::Linux | Vendor::AccelPpp)
}

/// Writes the vendor's redirection to the captive page; nothing for vendors without one. The URL is of at most 247
/// octets.
pub fn write_redirect(
    reply: &mut PacketWriter<'_>,
    vendor: Vendor,
    captive_url: &str,
) -> Result<(), WriteError> {
    match vendor {
        Vendor::Mikrotik => {
            reply.vendor(VENDOR_MIKROTIK, MIKROTIK_ADDRESS_LIST, CAPTIVE_ADDRESS_LIST.as_bytes())
        }
        Vendor::Wispr => reply.vendor(VENDOR_WISPR, WISPR_REDIRECTION_URL, captive_url.as_bytes()),
        _ => Ok(()),
    }
}

/// The same as complete attributes, for [`PacketWriter::raw`].
pub fn rendered_redirect(vendor: Vendor, captive_url: &str) -> Result<Box<[u8]>, WriteError> {
    rendered(|reply| write_redirect(reply, vendor, captive_url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vendors_that_redirect_are_told_to() {
        for vendor in [
            Vendor::Linux,
            Vendor::Mikrotik,
            Vendor::Cisco,
            Vendor::Juniper,
            Vendor::Huawei,
            Vendor::Nokia,
            Vendor::AccelPpp,
            Vendor::Wispr,
        ] {
            let written = rendered_redirect(vendor, "http://10.0.0.1:8080/").unwrap();
            assert_eq!(!written.is_empty(), redirects(vendor), "{vendor:?}");
        }
        let list = rendered_redirect(Vendor::Mikrotik, "").unwrap();
        assert_eq!(list[..], *b"\x1a\x18\0\0\x3a\x8c\x13\x12headgate-captive");
        assert_eq!(rendered_redirect(Vendor::Wispr, &"u".repeat(248)), Err(WriteError::ValueTooLong));
    }
}
