//! One line of a collector list: 16 fields (the dialect's document; facts on the collector context).

use crate::directory::Visible;
use crate::model::Vendor;
use ipnet::IpNet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

/// What a line depends on beside its subscriber.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineStyle<'a> {
    /// The NAS asked for.
    pub nas: Option<IpAddr>,
    /// Its vendor, for subscribers that are on no NAS of their own.
    pub vendor: Option<Vendor>,
    /// Stands for an absent text, so that no field is empty.
    pub placeholder: &'a str,
}

/// Writes `ip login snatip mac logged negbal blocked rate_in ceil_in burst_in  rate_out ceil_out burst_out nas_ip
/// cburst_in cburst_out` and `\n`, with TWO spaces before `rate_out`, as the original does.
pub(super) fn write_line(out: &mut Vec<u8>, address: IpNet, visible: &Visible, style: &LineStyle<'_>) {
    write_address(out, address);
    out.push(b' ');
    write_text(out, &visible.login, style.placeholder);
    let snat = visible.snat.unwrap_or(Ipv4Addr::UNSPECIFIED);
    // Writing to a Vec cannot fail.
    let _ = write!(out, " {snat} ");
    match visible.mac {
        Some(mac) => drop(write!(out, "{mac}")),
        None => out.extend_from_slice(style.placeholder.as_bytes()),
    }
    let (logged, negbal, blocked) =
        (u8::from(visible.logged), u8::from(visible.negbal), u8::from(visible.blocked));
    let (down, up) = (visible.shape.download, visible.shape.upload);
    let bursts = bursts(visible, style);
    let _ = write!(
        out,
        " {logged} {negbal} {blocked} {} {} {}  {} {} {} ",
        down.rate, down.ceil, bursts.burst_in, up.rate, up.ceil, bursts.burst_out
    );
    match style.nas.or_else(|| own_nas(visible)) {
        Some(nas) => drop(write!(out, "{nas}")),
        None => out.extend_from_slice(style.placeholder.as_bytes()),
    }
    let _ = writeln!(out, " {} {}", bursts.cburst_in, bursts.cburst_out);
}

/// A host without its length, a prefix with it.
pub(super) fn write_address(out: &mut Vec<u8>, address: IpNet) {
    let _ = if address.prefix_len() == address.max_prefix_len() {
        write!(out, "{}", address.addr())
    } else {
        write!(out, "{address}")
    };
}

/// A login is without white space since it was loaded; should one not be, the fields behind it must not shift.
fn write_text(out: &mut Vec<u8>, text: &str, placeholder: &str) {
    if text.is_empty() {
        out.extend_from_slice(placeholder.as_bytes());
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let closed = text.replace(|c: char| c.is_whitespace() || c.is_control(), "_");
        out.extend_from_slice(closed.as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Where the session is, else the configured address of the NAS (the first one of a prefix).
fn own_nas(visible: &Visible) -> Option<IpAddr> {
    visible.nas.as_ref().map(|nas| nas.live.unwrap_or(nas.address.addr()).to_canonical())
}

struct Bursts {
    burst_in: i32,
    cburst_in: i32,
    burst_out: i32,
    cburst_out: i32,
}

/// Kilobytes; for MikroTik burst rate and burst threshold, kbit/s.
fn bursts(visible: &Visible, style: &LineStyle<'_>) -> Bursts {
    let vendor = visible.nas.as_ref().map(|nas| nas.vendor).or(style.vendor);
    if vendor == Some(Vendor::Mikrotik) {
        let burst = visible.mikrotik_burst;
        return Bursts {
            burst_in: burst.rate_in,
            cburst_in: burst.threshold_in,
            burst_out: burst.rate_out,
            cburst_out: burst.threshold_out,
        };
    }
    let (down, up) = (visible.shape.download, visible.shape.upload);
    Bursts { burst_in: down.burst, cburst_in: down.cburst, burst_out: up.burst, cburst_out: up.cburst }
}
