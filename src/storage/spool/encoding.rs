//! Entries as octets. The first octet names kind and version; a kind once released keeps its form.
//!
//! Integers are LEB128 (signed ones zigzag), times 8 octets little-endian, texts a length and UTF-8. Absent values
//! take no room: a bit of the flags says so.

use crate::model::*;
use ipnet::Ipv6Net;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ACCOUNTING_1: u8 = 1;
const GRANT_1: u8 = 2;
const RESERVATION_1: u8 = 3;

const HAS_SUBSCRIBER: u8 = 1;
const HAS_FRAMED_IP: u8 = 1 << 1;
const HAS_MAC: u8 = 1 << 2;
const HAS_USAGE: u8 = 1 << 3;
const NAS_IS_IPV6: u8 = 1 << 4;
const FLAGS_KNOWN: u8 = HAS_SUBSCRIBER | HAS_FRAMED_IP | HAS_MAC | HAS_USAGE | NAS_IS_IPV6;

/// Appends the entry's octets.
pub(super) fn encode(entry: &SpoolEntry, out: &mut Vec<u8>) {
    match entry {
        SpoolEntry::Accounting(record) => {
            out.push(ACCOUNTING_1);
            encode_accounting(record, out);
        }
        SpoolEntry::Grant(grant) => {
            out.push(GRANT_1);
            put_signed(out, grant.pool.0);
            put_signed(out, grant.subscriber.0);
            out.push(u8::from(grant.address.is_ipv6()));
            put_address(out, grant.address);
            out.extend_from_slice(&grant.at.micros().to_le_bytes());
        }
        SpoolEntry::Reservation(reservation) => {
            out.push(RESERVATION_1);
            encode_reservation(reservation, out);
        }
    }
}

/// None: of a kind or version that is not known here, or not written by [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Option<SpoolEntry> {
    let (kind, rest) = bytes.split_first()?;
    let mut input = Input(rest);
    let entry = match *kind {
        ACCOUNTING_1 => SpoolEntry::Accounting(decode_accounting(&mut input)?),
        GRANT_1 => SpoolEntry::Grant(decode_grant(&mut input)?),
        RESERVATION_1 => SpoolEntry::Reservation(decode_reservation(&mut input)?),
        _ => return None,
    };
    input.0.is_empty().then_some(entry)
}

fn encode_accounting(record: &AccountingRecord, out: &mut Vec<u8>) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(kind_code(record.kind));
    out.push(
        flag(record.subscriber.is_some(), HAS_SUBSCRIBER)
            | flag(record.framed_ip.is_some(), HAS_FRAMED_IP)
            | flag(record.mac.is_some(), HAS_MAC)
            | flag(record.has_usage, HAS_USAGE)
            | flag(record.nas_address.is_ipv6(), NAS_IS_IPV6),
    );
    put_signed(out, record.nas.0);
    put_address(out, record.nas_address);
    out.extend_from_slice(&record.event_time.micros().to_le_bytes());
    if let Some(subscriber) = record.subscriber {
        put_signed(out, subscriber.0);
    }
    put_unsigned(out, record.session_seconds.into());
    put_unsigned(out, record.terminate_cause.into());
    if let Some(address) = record.framed_ip {
        out.extend_from_slice(&address.octets());
    }
    if let Some(Mac(octets)) = record.mac {
        out.extend_from_slice(&octets);
    }
    put_unsigned(out, record.usage.download_octets);
    put_unsigned(out, record.usage.upload_octets);
    put_length(out, record.ipv6_prefixes.len());
    for prefix in &record.ipv6_prefixes {
        out.extend_from_slice(&prefix.addr().octets());
        out.push(prefix.prefix_len());
    }
    for text in [&record.login, &record.acct_session_id, &record.calling_station_id, &record.nas_port_id] {
        put_length(out, text.len());
        out.extend_from_slice(text.as_bytes());
    }
}

fn decode_accounting(input: &mut Input<'_>) -> Option<AccountingRecord> {
    let kind = kind_of(input.octet()?)?;
    let flags = input.octet()?;
    if flags & !FLAGS_KNOWN != 0 {
        return None;
    }
    let has = |bit: u8| flags & bit != 0;
    let nas = NasId(input.signed()?);
    let nas_address = input.address(has(NAS_IS_IPV6))?;
    let event_time = input.time()?;
    let subscriber = if has(HAS_SUBSCRIBER) { Some(SubscriberId(input.signed()?)) } else { None };
    let session_seconds = u32::try_from(input.unsigned()?).ok()?;
    let terminate_cause = u32::try_from(input.unsigned()?).ok()?;
    let framed_ip = if has(HAS_FRAMED_IP) { Some(Ipv4Addr::from(input.array::<4>()?)) } else { None };
    let mac = if has(HAS_MAC) { Some(Mac(input.array()?)) } else { None };
    let usage = Usage { download_octets: input.unsigned()?, upload_octets: input.unsigned()? };
    let prefixes = input.length()?;
    // Grows as octets are found, so that a wrong count asks for no memory.
    let mut ipv6_prefixes = Vec::new();
    for _ in 0..prefixes {
        let address = Ipv6Addr::from(input.array::<16>()?);
        ipv6_prefixes.push(Ipv6Net::new(address, input.octet()?).ok()?);
    }
    Some(AccountingRecord {
        kind,
        nas,
        nas_address,
        login: input.text()?,
        acct_session_id: input.text()?,
        subscriber,
        event_time,
        session_seconds,
        terminate_cause,
        framed_ip,
        ipv6_prefixes,
        mac,
        calling_station_id: input.text()?,
        nas_port_id: input.text()?,
        usage,
        has_usage: has(HAS_USAGE),
    })
}

fn decode_grant(input: &mut Input<'_>) -> Option<PoolGrant> {
    let (pool, subscriber) = (PoolId(input.signed()?), SubscriberId(input.signed()?));
    let is_ipv6 = match input.octet()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(PoolGrant { pool, subscriber, address: input.address(is_ipv6)?, at: input.time()? })
}

fn encode_reservation(reservation: &Reservation, out: &mut Vec<u8>) {
    put_signed(out, reservation.subscriber.0);
    put_signed(out, reservation.account.0);
    put_signed(out, reservation.nas.0);
    out.push(u8::from(reservation.mac.is_some()));
    if let Some(Mac(octets)) = reservation.mac {
        out.extend_from_slice(&octets);
    }
    put_signed(out, reservation.amount.micros());
    out.extend_from_slice(&reservation.at.micros().to_le_bytes());
    out.extend_from_slice(&reservation.expires.micros().to_le_bytes());
}

fn decode_reservation(input: &mut Input<'_>) -> Option<Reservation> {
    Some(Reservation {
        subscriber: SubscriberId(input.signed()?),
        account: AccountId(input.signed()?),
        nas: NasId(input.signed()?),
        mac: match input.octet()? {
            0 => None,
            1 => Some(Mac(input.array()?)),
            _ => return None,
        },
        amount: Money::from_micros(input.signed()?),
        at: input.time()?,
        expires: input.time()?,
    })
}

fn kind_code(kind: AccountingKind) -> u8 {
    match kind {
        AccountingKind::Start => 1,
        AccountingKind::Interim => 2,
        AccountingKind::Stop => 3,
        AccountingKind::On => 4,
        AccountingKind::Off => 5,
    }
}

fn kind_of(code: u8) -> Option<AccountingKind> {
    Some(match code {
        1 => AccountingKind::Start,
        2 => AccountingKind::Interim,
        3 => AccountingKind::Stop,
        4 => AccountingKind::On,
        5 => AccountingKind::Off,
        _ => return None,
    })
}

fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // A usize that does not fit is a text no memory holds.
    put_unsigned(out, u64::try_from(length).unwrap_or(u64::MAX));
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
    }
}

/// What is still to be read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let octet = self.octet()?;
            let part = u64::from(octet & 0x7f);
            // The tenth octet has room for one bit.
            if part << shift >> shift != part {
                return None;
            }
            value |= part << shift;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_micros(i64::from_le_bytes(self.array()?)))
    }

    fn address(&mut self, is_ipv6: bool) -> Option<IpAddr> {
        Some(if is_ipv6 {
            Ipv6Addr::from(self.array::<16>()?).into()
        } else {
            Ipv4Addr::from(self.array::<4>()?).into()
        })
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| IpAddr::V4(octets.into())),
            any::<[u8; 16]>().prop_map(|octets| IpAddr::V6(octets.into())),
        ]
    }

    fn kind() -> impl Strategy<Value = AccountingKind> {
        use AccountingKind::*;
        prop::sample::select(vec![Start, Interim, Stop, On, Off])
    }

    fn prefix() -> impl Strategy<Value = Ipv6Net> {
        (any::<[u8; 16]>(), 0..=128u8)
            .prop_map(|(octets, length)| Ipv6Net::new(octets.into(), length).unwrap())
    }

    prop_compose! {
        fn accounting()(
            (kind, nas, nas_address) in (kind(), any::<i64>(), address()),
            texts in any::<[String; 4]>(),
            (subscriber, time, numbers) in (any::<Option<i64>>(), any::<i64>(), any::<(u32, u32, u64, u64)>()),
            (framed_ip, mac, has_usage) in any::<(Option<[u8; 4]>, Option<[u8; 6]>, bool)>(),
            ipv6_prefixes in prop::collection::vec(prefix(), 0..4),
        ) -> SpoolEntry {
            let [login, acct_session_id, calling_station_id, nas_port_id] = texts;
            SpoolEntry::Accounting(AccountingRecord {
                kind,
                nas: NasId(nas),
                nas_address,
                login,
                acct_session_id,
                subscriber: subscriber.map(SubscriberId),
                event_time: Timestamp::from_micros(time),
                session_seconds: numbers.0,
                terminate_cause: numbers.1,
                framed_ip: framed_ip.map(Ipv4Addr::from),
                ipv6_prefixes,
                mac: mac.map(Mac),
                calling_station_id,
                nas_port_id,
                usage: Usage { download_octets: numbers.2, upload_octets: numbers.3 },
                has_usage,
            })
        }
    }

    prop_compose! {
        fn grant()(numbers in any::<(i64, i64, i64)>(), address in address()) -> SpoolEntry {
            SpoolEntry::Grant(PoolGrant {
                pool: PoolId(numbers.0),
                subscriber: SubscriberId(numbers.1),
                address,
                at: Timestamp::from_micros(numbers.2),
            })
        }
    }

    prop_compose! {
        fn reservation()(
            numbers in any::<(i64, i64, i64, i64, i64, i64)>(),
            mac in any::<Option<[u8; 6]>>(),
        ) -> SpoolEntry {
            SpoolEntry::Reservation(Reservation {
                subscriber: SubscriberId(numbers.0),
                account: AccountId(numbers.1),
                nas: NasId(numbers.2),
                mac: mac.map(Mac),
                amount: Money::from_micros(numbers.3),
                at: Timestamp::from_micros(numbers.4),
                expires: Timestamp::from_micros(numbers.5),
            })
        }
    }

    pub fn entry() -> impl Strategy<Value = SpoolEntry> {
        prop_oneof![4 => accounting(), 1 => grant(), 1 => reservation()]
    }

    proptest! {
        #[test]
        fn every_entry_comes_back_as_it_was(entry in entry()) {
            let mut bytes = Vec::new();
            encode(&entry, &mut bytes);
            prop_assert_eq!(decode(&bytes), Some(entry));
        }

        #[test]
        fn a_cut_or_lengthened_entry_is_refused(entry in entry(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            encode(&entry, &mut bytes);
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), None);
            bytes.push(0);
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn no_octets_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..5u8) {
            decode(&bytes);
            let mut named = vec![kind];
            named.extend(bytes);
            decode(&named);
        }
    }

    #[test]
    fn a_number_past_64_bits_is_refused() {
        let number = |bytes: &[u8]| Input(bytes).unsigned();
        let mut most = Vec::new();
        put_unsigned(&mut most, u64::MAX);
        assert_eq!(most.len(), 10);
        assert_eq!(number(&most), Some(u64::MAX));
        most[9] = 2;
        assert_eq!(number(&most), None);
        assert_eq!(number(&[0x80; 11]), None);
        assert_eq!(number(&[]), None);
    }

    #[test]
    fn the_form_of_version_1_is_kept() {
        let grant = SpoolEntry::Grant(PoolGrant {
            pool: PoolId(-2),
            subscriber: SubscriberId(300),
            address: "10.0.0.1".parse().unwrap(),
            at: Timestamp::from_micros(1),
        });
        assert_eq!(decode(&[2, 3, 0xd8, 0x04, 0, 10, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]), Some(grant));
    }
}
