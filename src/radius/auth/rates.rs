//! A plan's speeds as the attributes that each vendor's NAS understands, and back.
//!
//! All speeds inside are kbit/s of 1,000 bits. Vendors count in kbit/s or bit/s and look from the subscriber or from
//! the router: each has its own arm, and the way back undoes exactly it.

mod mikrotik;
mod text;

use crate::model::{Bandwidth, MikrotikBurst, Shape, Vendor};
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{PacketView, PacketWriter, WriteError, rendered};

pub use mikrotik::{mikrotik_rate_limit, parse_mikrotik_rate_limit};
pub use text::parse_down_up;

/// Speeds read from attributes. Bursts of `shape` are defaults: no vendor's attribute carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub shape: Shape,
    pub burst: MikrotikBurst,
}

/// One direction as attributes can say it. `maximum` 0: not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Speed {
    guaranteed: u32,
    maximum: u32,
}

impl Speed {
    fn of(bandwidth: Bandwidth) -> Speed {
        let positive = |kbit: i32| u32::try_from(kbit).ok().filter(|kbit| *kbit > 0);
        let maximum = positive(bandwidth.ceil).or(positive(bandwidth.rate)).unwrap_or(0);
        Speed { guaranteed: positive(bandwidth.rate).unwrap_or(maximum).min(maximum), maximum }
    }

    fn is_limited(self) -> bool {
        self.maximum > 0
    }

    fn bandwidth(self) -> Bandwidth {
        let ceil = i32::try_from(self.maximum).unwrap_or(i32::MAX);
        let rate = match self.guaranteed.min(self.maximum) {
            0 => ceil,
            kbit => i32::try_from(kbit).unwrap_or(i32::MAX),
        };
        let burst = if ceil > 0 { Bandwidth::burst_default(ceil) } else { 0 };
        Bandwidth { rate, ceil, burst, cburst: burst }
    }
}

/// Writes the vendor's attributes for these speeds. An unlimited shape writes nothing.
///
/// - MikroTik: Mikrotik-Rate-Limit with burst and minimum where there are any.
/// - Linux, accel-ppp: Filter-Id `down/up` in kbit/s.
/// - WISPr: WISPr-Bandwidth-Max-Up and -Down in bit/s, at most 4,294,967,295.
/// - Cisco: `lcp:interface-config` with `rate-limit`, bit/s.
/// - Huawei: average (rate) and peak (ceil) both ways, bit/s, at most 4,294,967,295.
/// - Nokia: Alc-Subscriber-QoS-Override for queue 1 both ways, kbit/s.
/// - Juniper: CoS parameters T02 (shaping) and T03 (guaranteed) towards the subscriber only; what comes from the
///   subscriber is limited by a policy of the router's own configuration.
pub fn write_rates(
    reply: &mut PacketWriter<'_>,
    vendor: Vendor,
    shape: &Shape,
    burst: &MikrotikBurst,
) -> Result<(), WriteError> {
    if shape.is_unlimited() {
        return Ok(());
    }
    let (down, up) = (Speed::of(shape.download), Speed::of(shape.upload));
    match vendor {
        Vendor::Mikrotik => {
            let text = mikrotik_rate_limit(shape, burst);
            reply.vendor(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT, text.as_bytes())
        }
        Vendor::Linux | Vendor::AccelPpp => {
            reply.attribute(FILTER_ID, format!("{}/{}", down.maximum, up.maximum).as_bytes())
        }
        Vendor::Wispr => write_numbers(
            reply,
            VENDOR_WISPR,
            &[(WISPR_BANDWIDTH_MAX_UP, up.maximum), (WISPR_BANDWIDTH_MAX_DOWN, down.maximum)],
        ),
        Vendor::Huawei => write_numbers(
            reply,
            VENDOR_HUAWEI,
            &[
                (HUAWEI_INPUT_AVERAGE_RATE, up.guaranteed),
                (HUAWEI_INPUT_PEAK_RATE, up.maximum),
                (HUAWEI_OUTPUT_AVERAGE_RATE, down.guaranteed),
                (HUAWEI_OUTPUT_PEAK_RATE, down.maximum),
            ],
        ),
        Vendor::Cisco => write_texts(reply, VENDOR_CISCO, CISCO_AVPAIR, text::cisco(down, up)),
        Vendor::Nokia => write_texts(reply, VENDOR_NOKIA, ALC_SUBSCRIBER_QOS_OVERRIDE, text::nokia(down, up)),
        Vendor::Juniper => {
            write_texts(reply, VENDOR_JUNIPER_ERX, ERX_COS_SHAPING_PMT_TYPE, text::juniper(down))
        }
    }
}

/// The same as complete attributes, for [`PacketWriter::raw`]: to be kept per plan and vendor.
pub fn rendered_rates(vendor: Vendor, shape: &Shape, burst: &MikrotikBurst) -> Box<[u8]> {
    // The longest of these texts is far below what an attribute holds, so there is nothing to report.
    rendered(|reply| write_rates(reply, vendor, shape, burst)).unwrap_or_default()
}

/// Reads speeds from the attributes of a reply or CoA; None when the packet has none of this vendor's. A direction
/// that is not limited is 0.
pub fn read_rates(vendor: Vendor, packet: &PacketView<'_>) -> Option<Rates> {
    let vendor_text = |vendor, kind| packet.vendor_values(vendor, kind).filter_map(text_of);
    let (down, up) = match vendor {
        Vendor::Mikrotik => {
            let text = vendor_text(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT).next();
            return match text {
                Some(text) => parse_mikrotik_rate_limit(text),
                // RouterOS takes WISPr's attributes where there is no limit of its own.
                None => read_rates(Vendor::Wispr, packet),
            };
        }
        Vendor::Linux | Vendor::AccelPpp => {
            return packet.values(FILTER_ID).filter_map(text_of).find_map(parse_down_up);
        }
        Vendor::Wispr => {
            let up = number(packet, VENDOR_WISPR, WISPR_BANDWIDTH_MAX_UP);
            let down = number(packet, VENDOR_WISPR, WISPR_BANDWIDTH_MAX_DOWN);
            up.or(down)?;
            (peak(down), peak(up))
        }
        Vendor::Huawei => {
            let value = |kind| number(packet, VENDOR_HUAWEI, kind);
            let (up, down) = (value(HUAWEI_INPUT_PEAK_RATE), value(HUAWEI_OUTPUT_PEAK_RATE));
            let (up_average, down_average) =
                (value(HUAWEI_INPUT_AVERAGE_RATE), value(HUAWEI_OUTPUT_AVERAGE_RATE));
            up.or(down).or(up_average).or(down_average)?;
            (average_and_peak(down_average, down), average_and_peak(up_average, up))
        }
        Vendor::Cisco => text::read_cisco(vendor_text(VENDOR_CISCO, CISCO_AVPAIR))?,
        Vendor::Nokia => text::read_nokia(vendor_text(VENDOR_NOKIA, ALC_SUBSCRIBER_QOS_OVERRIDE))?,
        Vendor::Juniper => {
            let down = text::read_juniper(vendor_text(VENDOR_JUNIPER_ERX, ERX_COS_SHAPING_PMT_TYPE))?;
            (down, Speed::default())
        }
    };
    Some(rates(down, up))
}

fn rates(down: Speed, up: Speed) -> Rates {
    let shape = Shape { download: down.bandwidth(), upload: up.bandwidth() };
    Rates { shape, burst: MikrotikBurst::default() }
}

/// Numbers in bit/s; a direction without a limit is left out.
fn write_numbers(reply: &mut PacketWriter<'_>, vendor: u32, speeds: &[(u8, u32)]) -> Result<(), WriteError> {
    speeds
        .iter()
        .filter(|(_, kbit)| *kbit > 0)
        .try_for_each(|(kind, kbit)| reply.vendor_u32(vendor, *kind, kbit.saturating_mul(1000)))
}

fn write_texts(
    reply: &mut PacketWriter<'_>,
    vendor: u32,
    kind: u8,
    texts: impl IntoIterator<Item = String>,
) -> Result<(), WriteError> {
    texts.into_iter().try_for_each(|text| reply.vendor(vendor, kind, text.as_bytes()))
}

fn text_of(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(|text| text.trim_end_matches('\0'))
}

/// kbit/s of an attribute that counts in bit/s.
fn number(packet: &PacketView<'_>, vendor: u32, kind: u8) -> Option<u32> {
    let bits = packet.vendor_values(vendor, kind).next()?.try_into().ok().map(u32::from_be_bytes)?;
    Some(kbit_of_bits(u64::from(bits)))
}

fn peak(maximum: Option<u32>) -> Speed {
    average_and_peak(None, maximum)
}

fn average_and_peak(average: Option<u32>, peak: Option<u32>) -> Speed {
    let maximum = peak.or(average).unwrap_or(0);
    Speed { guaranteed: average.unwrap_or(maximum).min(maximum), maximum }
}

/// To the nearest kbit/s, but never down to 0, which would mean no limit.
fn kbit_of_bits(bits: u64) -> u32 {
    let kbit = bits.saturating_add(500) / 1000;
    u32::try_from(kbit.max(u64::from(bits > 0))).unwrap_or(u32::MAX)
}

/// A decimal number with an optional fraction and one of these suffixes, multiplied out: `1.5M`.
fn scaled(text: &str, suffixes: &[(char, u64)]) -> Option<u64> {
    let (digits, factor) = match text.chars().last()? {
        last if last.is_ascii_digit() => (text, 1),
        last => {
            let (_, factor) = suffixes.iter().find(|(suffix, _)| suffix.eq_ignore_ascii_case(&last))?;
            (text.get(..text.len() - last.len_utf8())?, *factor)
        }
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let mut place = factor;
    for digit in fraction.bytes().map(|octet| u64::from(octet - b'0')) {
        place /= 10;
        value = value.checked_add(digit * place)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests;
