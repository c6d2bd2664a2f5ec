//! The questions and answers: ARP (RFC 826, RFC 5227) and Neighbor Discovery (RFC 4861).

use pnet_base::MacAddr;
use pnet_packet::Packet;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, ArpPacket, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::{MutableNeighborSolicitPacket, NdpOptionTypes, NeighborAdvertPacket};
use pnet_packet::icmpv6::{self, Icmpv6Packet, Icmpv6Types};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::{Ipv6Packet, MutableIpv6Packet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ETHERNET: usize = 14;
const ARP: usize = 28;
const IPV6: usize = 40;
/// Solicitation with its source link-layer address.
const SOLICIT: usize = 24 + 8;
/// A Neighbor Discovery packet that was forwarded is not believed (RFC 4861 section 7.1).
const HOP_LIMIT: u8 = 255;

/// An ARP Probe: the sender's address is 0.0.0.0 (RFC 5227 section 1.1), so that nobody's cache is changed by it.
pub fn arp_probe(from: MacAddr, target: Ipv4Addr) -> [u8; ETHERNET + ARP] {
    let mut frame = [0; ETHERNET + ARP];
    let (ethernet, arp) = frame.split_at_mut(ETHERNET);
    if let Some(mut ethernet) = MutableEthernetPacket::new(ethernet) {
        ethernet.set_destination(MacAddr::broadcast());
        ethernet.set_source(from);
        ethernet.set_ethertype(EtherTypes::Arp);
    }
    if let Some(mut arp) = MutableArpPacket::new(arp) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(from);
        arp.set_sender_proto_addr(Ipv4Addr::UNSPECIFIED);
        arp.set_target_proto_addr(target);
    }
    frame
}

/// A Neighbor Solicitation to the target's solicited-node address (RFC 4861 section 4.3).
pub fn solicitation(from: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> [u8; ETHERNET + IPV6 + SOLICIT] {
    let mut frame = [0; ETHERNET + IPV6 + SOLICIT];
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
    let (ethernet, rest) = frame.split_at_mut(ETHERNET);
    let (ipv6, solicit) = rest.split_at_mut(IPV6);
    if let Some(mut ethernet) = MutableEthernetPacket::new(ethernet) {
        ethernet.set_destination(MacAddr::new(0x33, 0x33, 0xff, x, y, z));
        ethernet.set_source(from);
        ethernet.set_ethertype(EtherTypes::Ipv6);
    }
    if let Some(mut ipv6) = MutableIpv6Packet::new(ipv6) {
        ipv6.set_version(6);
        ipv6.set_payload_length(u16::try_from(SOLICIT).unwrap_or_default());
        ipv6.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ipv6.set_hop_limit(HOP_LIMIT);
        ipv6.set_source(source);
        ipv6.set_destination(group);
    }
    if let Some(mut packet) = MutableNeighborSolicitPacket::new(solicit) {
        packet.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
        packet.set_target_addr(target);
        let MacAddr(a, b, c, d, e, f) = from;
        // Its length is in units of eight octets.
        let option = [NdpOptionTypes::SourceLLAddr.0, 1, a, b, c, d, e, f];
        packet.get_options_raw_mut().iter_mut().zip(option).for_each(|(place, octet)| *place = octet);
    }
    let sum = Icmpv6Packet::new(solicit).map(|packet| icmpv6::checksum(&packet, &source, &group));
    if let (Some(sum), Some(mut packet)) = (sum, MutableNeighborSolicitPacket::new(solicit)) {
        packet.set_checksum(sum);
    }
    frame
}

/// Whose presence a frame proves: the sender of any ARP packet, the target of a Neighbor Advertisement.
pub fn present(frame: &[u8]) -> Option<IpAddr> {
    let ethernet = EthernetPacket::new(frame)?;
    match ethernet.get_ethertype() {
        EtherTypes::Arp => {
            let arp = ArpPacket::new(ethernet.payload())?;
            let sender = arp.get_sender_proto_addr();
            (arp.get_protocol_type() == EtherTypes::Ipv4 && !sender.is_unspecified()).then_some(sender.into())
        }
        EtherTypes::Ipv6 => {
            let ipv6 = Ipv6Packet::new(ethernet.payload())?;
            let believed =
                ipv6.get_next_header() == IpNextHeaderProtocols::Icmpv6 && ipv6.get_hop_limit() == HOP_LIMIT;
            let advert = NeighborAdvertPacket::new(ipv6.payload()).filter(|_| believed)?;
            let is_advert = advert.get_icmpv6_type() == Icmpv6Types::NeighborAdvert;
            is_advert.then(|| advert.get_target_addr().into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FROM: MacAddr = MacAddr(2, 0, 0, 0, 0, 1);

    #[test]
    fn an_arp_probe_is_what_rfc_5227_says() {
        let frame = arp_probe(FROM, Ipv4Addr::new(10, 9, 0, 2));
        let expected: Vec<u8> = [
            [0xff; 6].as_slice(),
            &[2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 10, 9, 0, 2],
        ]
        .concat();
        assert_eq!(frame.as_slice(), expected);
        assert_eq!(present(&frame), None, "a probe proves nobody's presence");
    }

    #[test]
    fn a_solicitation_has_its_group_its_source_and_a_right_checksum() {
        let (source, target) = ("fe80::1".parse().unwrap(), "2001:db8::5:6:7".parse().unwrap());
        let frame = solicitation(FROM, source, target);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 6, 0, 7]);
        let ipv6 = Ipv6Packet::new(&frame[ETHERNET..]).unwrap();
        assert_eq!(ipv6.get_destination(), "ff02::1:ff06:7".parse::<Ipv6Addr>().unwrap());
        assert_eq!((ipv6.get_hop_limit(), ipv6.get_payload_length()), (255, 32));
        // The sum over the pseudo header and the whole packet, checksum included, is all ones.
        let mut words: Vec<u8> = [source.octets(), ipv6.get_destination().octets()].concat();
        words.extend([0, 0, 0, 32, 0, 0, 0, 58]);
        words.extend(&frame[ETHERNET + IPV6..]);
        let sum: u32 = words.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_eq!(frame[ETHERNET + IPV6 + 24..], [1, 1, 2, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn answers_prove_presence() {
        let mut reply = arp_probe(FROM, Ipv4Addr::new(10, 9, 0, 1));
        reply[21] = 2;
        reply[28..32].copy_from_slice(&[10, 9, 0, 2]);
        assert_eq!(present(&reply), Some("10.9.0.2".parse().unwrap()));
        let mut advert = solicitation(FROM, "fe80::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert_eq!(present(&advert), None, "a question proves nobody's presence");
        advert[ETHERNET + IPV6] = 136;
        assert_eq!(present(&advert), Some("2001:db8::2".parse().unwrap()));
        advert[ETHERNET + 7] = 64;
        assert_eq!(present(&advert), None, "it was forwarded");
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(
            mut octets in prop::collection::vec(any::<u8>(), 0..120),
            ether_type in prop::sample::select(vec![0x0806u16, 0x86dd, 0x0800]),
        ) {
            if let Some(place) = octets.get_mut(12..14) {
                place.copy_from_slice(&ether_type.to_be_bytes());
            }
            present(&octets);
        }
    }
}
