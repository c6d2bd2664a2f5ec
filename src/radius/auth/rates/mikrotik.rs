//! Mikrotik-Rate-Limit (vendor 14988, attribute 8), as the RouterOS manual describes it:
//! `rx[/tx] [rx-burst[/tx-burst] [rx-threshold[/tx-threshold] [rx-time[/tx-time] [priority [rx-min[/tx-min]]]]]]`,
//! seen from the router, so that `rx` is what the subscriber uploads.

use super::{Rates, Speed, kbit_of_bits, rates, scaled};
use crate::model::{MikrotikBurst, Shape};

/// RouterOS's lowest priority, which is what a queue has that nobody gave one.
const PRIORITY: u32 = 8;

/// The text for these speeds: the short form `up/down`, or the full one where the guaranteed speed is below the
/// maximum or there is a burst. A missing threshold is the maximum speed, a missing time 1 s, as in RouterOS.
pub fn mikrotik_rate_limit(shape: &Shape, burst: &MikrotikBurst) -> String {
    let (down, up) = (Speed::of(shape.download), Speed::of(shape.upload));
    let limits = pair(kbit(up.maximum), kbit(down.maximum));
    let has_minimum = up.guaranteed < up.maximum || down.guaranteed < down.maximum;
    let [burst_up, burst_down] = bursts(burst, down, up);
    if !has_minimum && burst_up.is_none() && burst_down.is_none() {
        return limits;
    }
    let part = |part: fn(Burst) -> String| {
        pair(burst_up.map_or_else(none, part), burst_down.map_or_else(none, part))
    };
    format!(
        "{limits} {} {} {} {PRIORITY} {}",
        part(|burst| kbit(burst.rate)),
        part(|burst| kbit(burst.threshold)),
        part(|burst| burst.seconds.to_string()),
        pair(kbit(up.guaranteed), kbit(down.guaranteed)),
    )
}

/// Reads the text; None when it is not one. `k` is 1,000, `M` 1,000,000, `G` 1,000,000,000 bit/s.
pub fn parse_mikrotik_rate_limit(text: &str) -> Option<Rates> {
    let mut words = text.split_ascii_whitespace();
    let mut speeds = || words.next().map(|word| both(word, speed));
    let (up, down) = speeds()??;
    let burst = speeds().unwrap_or(Some((0, 0)))?;
    let threshold = speeds().unwrap_or(Some((up, down)))?;
    let time = words.next().map_or(Some((1, 1)), |word| both(word, seconds))?;
    // The priority has no meaning here, only a place.
    let minimum = words.nth(1).map_or(Some((up, down)), |word| both(word, speed))?;
    let mut read =
        rates(Speed { guaranteed: minimum.1, maximum: down }, Speed { guaranteed: minimum.0, maximum: up });
    read.burst = read_burst(burst, threshold, time, (up, down));
    Some(read)
}

#[derive(Clone, Copy)]
struct Burst {
    rate: u32,
    threshold: u32,
    seconds: u32,
}

/// Upload and download, as the text has them; None for a direction without a burst.
fn bursts(burst: &MikrotikBurst, down: Speed, up: Speed) -> [Option<Burst>; 2] {
    let positive = |value: i32| u32::try_from(value).ok().filter(|value| *value > 0);
    let one = |rate: i32, threshold: i32, speed: Speed| {
        Some(Burst {
            rate: positive(rate)?,
            threshold: positive(threshold).unwrap_or(speed.maximum),
            seconds: positive(burst.time).unwrap_or(1),
        })
    };
    [one(burst.rate_out, burst.threshold_out, up), one(burst.rate_in, burst.threshold_in, down)]
}

fn read_burst(rate: (u32, u32), threshold: (u32, u32), time: (u32, u32), limit: (u32, u32)) -> MikrotikBurst {
    let signed = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let one = |rate: u32, threshold: u32, limit: u32| match (rate, threshold) {
        (0, _) => (0, 0),
        (rate, 0) => (signed(rate), signed(limit)),
        (rate, threshold) => (signed(rate), signed(threshold)),
    };
    let (rate_out, threshold_out) = one(rate.0, threshold.0, limit.0);
    let (rate_in, threshold_in) = one(rate.1, threshold.1, limit.1);
    let time = if rate == (0, 0) { 0 } else { signed(time.0.max(time.1).max(1)) };
    MikrotikBurst { rate_in, threshold_in, rate_out, threshold_out, time }
}

/// A pair of the text: one value stands for both.
fn both(word: &str, read: fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
    match word.split_once('/') {
        Some((rx, tx)) => Some((read(rx)?, read(tx)?)),
        None => read(word).map(|value| (value, value)),
    }
}

fn speed(text: &str) -> Option<u32> {
    scaled(text, &[('k', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)]).map(kbit_of_bits)
}

fn seconds(text: &str) -> Option<u32> {
    scaled(text, &[('s', 1)]).and_then(|seconds| u32::try_from(seconds).ok())
}

fn pair(up: String, down: String) -> String {
    format!("{up}/{down}")
}

fn kbit(kbit: u32) -> String {
    if kbit == 0 { none() } else { format!("{kbit}k") }
}

fn none() -> String {
    "0".to_owned()
}
