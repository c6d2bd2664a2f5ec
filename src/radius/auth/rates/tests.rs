use super::*;
use crate::radius::codec::{Code, ReplyWriter, SharedSecret};
use proptest::prelude::*;

fn bandwidth(rate: i32, ceil: i32) -> Bandwidth {
    Bandwidth { rate, ceil, burst: 16, cburst: 16 }
}

fn shape(down: (i32, i32), up: (i32, i32)) -> Shape {
    Shape { download: bandwidth(down.0, down.1), upload: bandwidth(up.0, up.1) }
}

fn reply(vendor: Vendor, shape: &Shape, burst: &MikrotikBurst) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reply = ReplyWriter::new(&mut out, Code::ACCESS_ACCEPT, 1);
    reply.raw(&rendered_rates(vendor, shape, burst)).unwrap();
    reply.finish(&[0; 16], &SharedSecret::new(b"s"));
    out
}

/// The values written for a vendor, as text, or numbers in brackets.
fn written(vendor: Vendor, shape: &Shape, burst: &MikrotikBurst) -> Vec<String> {
    let octets = reply(vendor, shape, burst);
    let view = PacketView::parse(&octets).unwrap();
    let known = VENDOR_ATTRIBUTES.iter().flat_map(|attribute| {
        view.vendor_values(attribute.vendor, attribute.number).map(move |value| match attribute.kind {
            Kind::Integer => {
                format!("{}={}", attribute.name, u32::from_be_bytes(value.try_into().unwrap()))
            }
            _ => String::from_utf8(value.to_vec()).unwrap(),
        })
    });
    known.chain(view.values(FILTER_ID).map(|value| String::from_utf8(value.to_vec()).unwrap())).collect()
}

const PLAIN: MikrotikBurst =
    MikrotikBurst { rate_in: 0, threshold_in: 0, rate_out: 0, threshold_out: 0, time: 0 };

const VENDORS: [Vendor; 8] = [
    Vendor::Linux,
    Vendor::Mikrotik,
    Vendor::Cisco,
    Vendor::Juniper,
    Vendor::Huawei,
    Vendor::Nokia,
    Vendor::AccelPpp,
    Vendor::Wispr,
];

#[test]
fn each_vendor_is_told_in_its_own_words() {
    let shape = shape((10_000, 20_000), (5_000, 5_000));
    let told = |vendor| written(vendor, &shape, &PLAIN);
    assert_eq!(told(Vendor::Linux), ["20000/5000"]);
    assert_eq!(told(Vendor::AccelPpp), ["20000/5000"]);
    assert_eq!(told(Vendor::Mikrotik), ["5000k/20000k 0/0 0/0 0/0 8 5000k/10000k"]);
    assert_eq!(told(Vendor::Wispr), ["WISPr-Bandwidth-Max-Up=5000000", "WISPr-Bandwidth-Max-Down=20000000"]);
    assert_eq!(
        told(Vendor::Huawei),
        [
            "Huawei-Input-Average-Rate=5000000",
            "Huawei-Input-Peak-Rate=5000000",
            "Huawei-Output-Average-Rate=10000000",
            "Huawei-Output-Peak-Rate=20000000"
        ]
    );
    assert_eq!(told(Vendor::Nokia), ["i:q:1:pir=5000,cir=5000", "e:q:1:pir=20000,cir=10000"]);
    assert_eq!(told(Vendor::Juniper), ["T02 20000k", "T03 10000k"]);
    assert_eq!(
        told(Vendor::Cisco),
        [
            "lcp:interface-config#1=rate-limit output 20000000 3750000 7500000 \
             conform-action transmit exceed-action drop",
            "lcp:interface-config#2=rate-limit input 5000000 937500 1875000 \
             conform-action transmit exceed-action drop"
        ]
    );
}

#[test]
fn a_mikrotik_limit_is_as_short_as_it_can_be() {
    let text = |shape: Shape, burst: MikrotikBurst| mikrotik_rate_limit(&shape, &burst);
    let same = shape((20_000, 20_000), (10_000, 10_000));
    assert_eq!(text(same, PLAIN), "10000k/20000k");
    let burst =
        MikrotikBurst { rate_in: 40_000, threshold_in: 15_000, rate_out: 20_000, threshold_out: 0, time: 10 };
    assert_eq!(text(same, burst), "10000k/20000k 20000k/40000k 10000k/15000k 10/10 8 10000k/20000k");
    let one_way = MikrotikBurst { rate_in: 40_000, ..PLAIN };
    assert_eq!(text(same, one_way), "10000k/20000k 0/40000k 0/20000k 0/1 8 10000k/20000k");
    assert_eq!(text(shape((20_000, 20_000), (0, 0)), PLAIN), "0/20000k");
}

#[test]
fn an_unlimited_shape_writes_nothing() {
    for vendor in VENDORS {
        for kbit in [0, -1] {
            let shape = shape((kbit, kbit), (kbit, kbit));
            assert!(rendered_rates(vendor, &shape, &PLAIN).is_empty(), "{vendor:?}");
        }
        let octets = reply(vendor, &Shape::default(), &PLAIN);
        assert_eq!(read_rates(vendor, &PacketView::parse(&octets).unwrap()), None);
    }
}

#[test]
fn limits_written_by_hand_in_the_field_are_read() {
    let read = |text| {
        parse_mikrotik_rate_limit(text).map(|rates| {
            let Shape { download, upload } = rates.shape;
            ((upload.rate, upload.ceil), (download.rate, download.ceil), rates.burst)
        })
    };
    let burst = |rate, threshold, time| MikrotikBurst {
        rate_in: rate,
        threshold_in: threshold,
        rate_out: rate,
        threshold_out: threshold,
        time,
    };
    assert_eq!(read("64k 256k"), Some(((64, 64), (64, 64), burst(256, 64, 1))));
    assert_eq!(read("1M/2M"), Some(((1_000, 1_000), (2_000, 2_000), PLAIN)));
    assert_eq!(read("1.5M/0.5G"), Some(((1_500, 1_500), (500_000, 500_000), PLAIN)));
    assert_eq!(read("512000"), Some(((512, 512), (512, 512), PLAIN)));
    assert_eq!(read("2M 4M 3M 10s 5 1M"), Some(((1_000, 2_000), (1_000, 2_000), burst(4_000, 3_000, 10))));
    assert_eq!(read("2M/2M 0/0 0/0 0/0 8 1M/1M"), Some(((1_000, 2_000), (1_000, 2_000), PLAIN)));
    for bad in ["", " ", "fast", "1M/", "/1M", "1M/2X", "1M x", "-1M", "1..5M", "99999999999999999999k", "ж"]
    {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn the_texts_of_accel_ppp_are_read() {
    let read = |text| parse_down_up(text).map(|rates| (rates.shape.download.ceil, rates.shape.upload.ceil));
    assert_eq!(read("20000/5000"), Some((20_000, 5_000)));
    assert_eq!(read("20M\\5m"), Some((20_000, 5_000)));
    assert_eq!(read("1,512:256"), Some((512, 256)));
    assert_eq!(read("1024"), Some((1_024, 1_024)));
    for bad in ["", "/", "x/y", "allow-all", "1,"] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn overrides_and_access_groups_of_other_hands_are_read() {
    let cisco =
        ["ip:addr-pool=x", "lcp:interface-config#1=rate-limit output access-group 101 1024000 192000 384000"];
    let (down, up) = text::read_cisco(cisco.into_iter()).unwrap();
    assert_eq!((down.maximum, up.maximum), (1_024, 0));
    let (down, up) = text::read_nokia(["i:q:1:pir=40000,cir=20000", "e:r:rate=800000"].into_iter()).unwrap();
    assert_eq!(up, Speed { guaranteed: 20_000, maximum: 40_000 });
    assert_eq!(down, Speed { guaranteed: 800_000, maximum: 800_000 });
    assert_eq!(
        text::read_juniper(["T01 smap", "T02 10m"].into_iter()).map(|speed| speed.maximum),
        Some(10_000)
    );
}

/// What a vendor can carry of a speed: some have no guaranteed rate, Juniper no upload.
fn carried(vendor: Vendor, shape: Shape) -> Shape {
    let one = |bandwidth: Bandwidth| {
        let mut speed = Speed::of(bandwidth);
        if matches!(vendor, Vendor::Linux | Vendor::AccelPpp | Vendor::Wispr | Vendor::Cisco) {
            speed.guaranteed = speed.maximum;
        }
        speed.bandwidth()
    };
    let upload = if vendor == Vendor::Juniper { Bandwidth::default() } else { one(shape.upload) };
    Shape { download: one(shape.download), upload }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_the_same_speeds(
        vendor in prop::sample::select(&VENDORS[..]),
        down in (1..=4_294_967i32, 0..=100i32),
        up in (1..=4_294_967i32, 0..=100i32),
        burst in (1..=i32::MAX, 1..=i32::MAX, 1..=i32::MAX, 1..=i32::MAX, 1..=3_600i32),
        with_burst in any::<bool>(),
    ) {
        let part = |(ceil, percent): (i32, i32)| {
            (i32::try_from(i64::from(ceil) * i64::from(percent) / 100).unwrap(), ceil)
        };
        let shape = shape(part(down), part(up));
        let (rate_in, threshold_in, rate_out, threshold_out, time) = burst;
        let burst = match with_burst {
            true => MikrotikBurst { rate_in, threshold_in, rate_out, threshold_out, time },
            false => PLAIN,
        };
        let octets = reply(vendor, &shape, &burst);
        let read = read_rates(vendor, &PacketView::parse(&octets).unwrap()).unwrap();
        prop_assert_eq!(read.shape, carried(vendor, shape));
        prop_assert_eq!(read.burst, if vendor == Vendor::Mikrotik { burst } else { PLAIN });
    }

    #[test]
    fn no_text_makes_the_readers_fail(text in "[0-9kKmMgGsS/:, .eiqr=TE-]{0,40}") {
        let _ = parse_mikrotik_rate_limit(&text);
        let _ = parse_down_up(&text);
        let _ = text::read_nokia([&text[..]].into_iter());
        let _ = text::read_juniper([&text[..]].into_iter());
        let _ = text::read_cisco([&format!("rate-limit {text}")[..]].into_iter());
    }
}
