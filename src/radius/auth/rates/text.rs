//! Speeds in the texts of accel-ppp, Cisco, Nokia and Juniper.

use super::{Rates, Speed, kbit_of_bits, rates, scaled};

/// Reads what accel-ppp's shaper takes: `down/up` in kbit/s (also parted by `\` or `:`), one value for both, a time
/// range's number and a comma in front. `K`, `M` and `G` are 1, 1,000 and 1,000,000 kbit/s.
pub fn parse_down_up(text: &str) -> Option<Rates> {
    let speeds = text.split_once(',').map_or(text, |(_, speeds)| speeds).trim();
    let (down, up) = speeds.split_once(['/', '\\', ':']).unwrap_or((speeds, speeds));
    let read = |text: &str| {
        let kbit = scaled(text.trim(), &[('K', 1), ('M', 1_000), ('G', 1_000_000)])?;
        u32::try_from(kbit).ok().map(limit)
    };
    Some(rates(read(down)?, read(up)?))
}

fn limit(maximum: u32) -> Speed {
    Speed { guaranteed: maximum, maximum }
}

/// `rate-limit` lines of an interface. Cisco advises a normal burst of 1.5 s at the rate and twice that at most.
pub(super) fn cisco(down: Speed, up: Speed) -> impl Iterator<Item = String> {
    let sides = [("1", "output", down), ("2", "input", up)];
    sides.into_iter().filter(|(_, _, speed)| speed.is_limited()).map(|(number, side, speed)| {
        let bits = u64::from(speed.maximum) * 1000;
        let burst_octets = (bits * 3 / 16).clamp(8_000, 256_000_000);
        format!(
            "lcp:interface-config#{number}=rate-limit {side} {bits} {burst_octets} {} \
             conform-action transmit exceed-action drop",
            burst_octets * 2
        )
    })
}

/// Speeds both ways from AV pairs that hold `rate-limit SIDE [access-group N] BITS ...`.
pub(super) fn read_cisco<'a>(pairs: impl Iterator<Item = &'a str>) -> Option<(Speed, Speed)> {
    let (mut down, mut up) = (None, None);
    for (_, limits) in pairs.filter_map(|pair| pair.split_once("rate-limit ")) {
        let mut words = limits.split_ascii_whitespace();
        let side = words.next();
        let mut speed = words.next();
        if speed == Some("access-group") {
            speed = words.nth(1);
        }
        let speed = speed.and_then(|bits| bits.parse().ok()).map(kbit_of_bits).map(limit);
        match side {
            Some("output") => down = down.or(speed),
            Some("input") => up = up.or(speed),
            _ => {}
        }
    }
    down.or(up)?;
    Some((down.unwrap_or_default(), up.unwrap_or_default()))
}

/// Overrides of queue 1, kbit/s: `i` is ingress, from the subscriber.
pub(super) fn nokia(down: Speed, up: Speed) -> impl Iterator<Item = String> {
    let sides = [("i", up), ("e", down)];
    sides
        .into_iter()
        .filter(|(_, speed)| speed.is_limited())
        .map(|(side, speed)| format!("{side}:q:1:pir={},cir={}", speed.maximum, speed.guaranteed))
}

/// Speeds both ways from overrides `i|e:q:QUEUE:pir=..,cir=..` or `e:r:rate=..`.
pub(super) fn read_nokia<'a>(overrides: impl Iterator<Item = &'a str>) -> Option<(Speed, Speed)> {
    let (mut down, mut up) = (None, None);
    for (side, rest) in overrides.filter_map(|text| text.split_once(':')) {
        let parameters = rest.rsplit_once(':').map_or(rest, |(_, parameters)| parameters);
        let value = |name: &str| {
            let values = parameters.split(',').filter_map(|parameter| parameter.split_once('='));
            values.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse::<u32>().ok())
        };
        let speed = value("pir")
            .or(value("rate"))
            .map(|maximum| Speed { guaranteed: value("cir").unwrap_or(maximum).min(maximum), maximum });
        match side {
            "e" => down = down.or(speed),
            "i" => up = up.or(speed),
            _ => {}
        }
    }
    down.or(up)?;
    Some((down.unwrap_or_default(), up.unwrap_or_default()))
}

/// CoS parameters towards the subscriber: T02 is `$junos-cos-shaping-rate`, T03 `$junos-cos-guaranteed-rate`.
pub(super) fn juniper(down: Speed) -> impl Iterator<Item = String> {
    let guaranteed = (down.guaranteed < down.maximum).then(|| format!("T03 {}k", down.guaranteed));
    let shaping = down.is_limited().then(|| format!("T02 {}k", down.maximum));
    shaping.into_iter().chain(guaranteed)
}

pub(super) fn read_juniper<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<Speed> {
    let (mut maximum, mut guaranteed) = (None, None);
    for (kind, value) in parameters.filter_map(|text| text.split_once(' ')) {
        let suffixes = [('k', 1_000), ('m', 1_000_000), ('g', 1_000_000_000)];
        let speed = scaled(value.trim(), &suffixes).map(kbit_of_bits);
        match kind {
            "T02" => maximum = maximum.or(speed),
            "T03" => guaranteed = guaranteed.or(speed),
            _ => {}
        }
    }
    let maximum = maximum.or(guaranteed)?;
    Some(Speed { guaranteed: guaranteed.unwrap_or(maximum).min(maximum), maximum })
}
