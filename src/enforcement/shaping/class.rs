//! What an HTB class and its leaf look like for a speed. Pure.

use crate::model::Bandwidth;

/// `PSCHED_SHIFT` of the kernel: times of packet schedulers are counted in units of 64 ns (`/proc/net/psched`).
const TICK_NANOSECONDS: u128 = 64;
/// What a class may send in its turn when several borrow: 10 ms at its rate, between a full frame and this.
const QUANTUM_MIN: u64 = 1_514;
const QUANTUM_MAX: u64 = 60_000;
/// A leaf's queue holds this long at the ceil: enough for TCP to fill the line, short enough to talk over it.
const LEAF_MILLISECONDS: u64 = 100;
/// Two of the largest packets that the kernel makes of several (64 KiB): a smaller queue would never take one.
const LEAF_OCTETS_MIN: u64 = 128 << 10;
const LEAF_OCTETS_MAX: u64 = 4 << 20;
/// kbit/s to octets a second.
const OCTETS_PER_KBIT: u64 = 125;

/// An HTB class as the kernel knows it. Rates in octets a second; buffers in ticks of 64 ns at their rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    pub rate: u64,
    pub ceil: u64,
    pub buffer: u32,
    pub cbuffer: u32,
    /// Octets.
    pub quantum: u32,
}

impl ClassSpec {
    /// The class of one direction of a subscriber's traffic. A missing ceil is the rate, a missing rate the ceil; a
    /// missing burst is what 10 ms at the ceil need.
    pub fn of(bandwidth: Bandwidth) -> ClassSpec {
        let kbit = |value: i32| u64::try_from(value.max(0)).unwrap_or(0);
        let ceil = kbit(bandwidth.ceil.max(bandwidth.rate)).max(1) * OCTETS_PER_KBIT;
        let rate = match kbit(bandwidth.rate) * OCTETS_PER_KBIT {
            0 => ceil,
            rate => rate,
        };
        let bucket = |kilobytes: i32| {
            let kilobytes = match kilobytes {
                ..=0 => Bandwidth::burst_default(bandwidth.ceil.max(bandwidth.rate)),
                some => some,
            };
            u64::try_from(kilobytes).unwrap_or(0) * 1024
        };
        ClassSpec::new(rate, ceil, bucket(bandwidth.burst), bucket(bandwidth.cburst))
    }

    /// Of rates in octets a second and buckets in octets.
    pub fn new(rate: u64, ceil: u64, burst: u64, cburst: u64) -> ClassSpec {
        let quantum = (rate / 100).clamp(QUANTUM_MIN, QUANTUM_MAX);
        ClassSpec {
            rate,
            ceil,
            buffer: ticks(burst, rate),
            cbuffer: ticks(cburst, ceil),
            quantum: u32::try_from(quantum).unwrap_or(u32::MAX),
        }
    }

    /// Octets of burst and cburst, counted back from the ticks.
    pub fn bursts(&self) -> (u64, u64) {
        (octets(self.buffer, self.rate), octets(self.cbuffer, self.ceil))
    }

    /// How many octets the leaf's queue holds.
    pub fn leaf_octets(&self) -> u32 {
        let octets = (self.ceil / 1000).saturating_mul(LEAF_MILLISECONDS);
        u32::try_from(octets.clamp(LEAF_OCTETS_MIN, LEAF_OCTETS_MAX)).unwrap_or(u32::MAX)
    }
}

/// How many octets pass in so many ticks.
fn octets(ticks: u32, rate: u64) -> u64 {
    let octets = u128::from(ticks) * TICK_NANOSECONDS * u128::from(rate) / 1_000_000_000;
    u64::try_from(octets).unwrap_or(u64::MAX)
}

/// How long so many octets take, rounded up, so that `tc` shows at least the bucket that was asked for.
fn ticks(octets: u64, rate: u64) -> u32 {
    let nanoseconds = u128::from(octets) * 1_000_000_000 / u128::from(rate.max(1));
    u32::try_from(nanoseconds.div_ceil(TICK_NANOSECONDS)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_in_kbit_and_kilobytes_becomes_octets_and_ticks() {
        let class = ClassSpec::of(Bandwidth { rate: 5_000, ceil: 20_000, burst: 16, cburst: 256 });
        assert_eq!((class.rate, class.ceil), (625_000, 2_500_000));
        // 16,384 octets at 625,000 a second are 26,214,400 ns; 262,144 at 2,500,000 are 104,857,600 ns.
        assert_eq!((class.buffer, class.cbuffer), (409_600, 1_638_400));
        assert_eq!(class.bursts(), (16_384, 262_144));
        assert_eq!(class.quantum, 6_250);
        assert_eq!(class.leaf_octets(), 250_000);
    }

    #[test]
    fn what_is_missing_or_absurd_gets_something_that_works() {
        let of = |rate, ceil, burst| ClassSpec::of(Bandwidth { rate, ceil, burst, cburst: burst });
        assert_eq!(of(5_000, 0, 16), of(5_000, 5_000, 16));
        assert_eq!(of(5_000, 1_000, 16), of(5_000, 5_000, 16), "a ceil below the rate");
        assert_eq!(of(-1, 5_000, 16), of(5_000, 5_000, 16));
        assert_eq!(of(20_000, 20_000, 0), of(20_000, 20_000, 25));
        assert_eq!(of(20_000, 20_000, -1), of(20_000, 20_000, 25));
        let slowest = of(1, 1, i32::MAX);
        assert_eq!((slowest.buffer, slowest.quantum, slowest.leaf_octets()), (u32::MAX, 1_514, 131_072));
        let fastest = of(i32::MAX, i32::MAX, 16);
        assert_eq!((fastest.rate, fastest.buffer), (268_435_455_875, 1));
        assert_eq!((fastest.quantum, fastest.leaf_octets()), (60_000, 4_194_304));
    }
}
