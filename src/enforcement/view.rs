//! What the kernel holds, for people: how much each set has, and all about one address.

use super::EnforceError;
use super::desk::{Client, Status};
use super::difference::range_text;
use super::kernel::Kernel;
use super::lanes::Unshaped;
use super::ranges::{Family, number};
use super::saved::{self, Purpose};
use super::settings::Settings;
use super::shaping::assignment::ROOT_HANDLE;
use super::shaping::shaper::Shaper;
use super::wanted::{Data, Entry, Kind, Scope, SetId, Wanted};
use ipnet::IpNet;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// The table as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// How the running enforcer is; None: none runs here.
    pub enforcer: Option<Status>,
    pub sets: Vec<SetSize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetSize {
    pub name: String,
    pub elements: usize,
}

/// One address as the kernel holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressView {
    pub address: IpAddr,
    /// `allow`, `captive`, `blocked`; None: nobody's address, dropped.
    pub mark: Option<&'static str>,
    /// The element that decides: an address, a prefix or a range, and the set that it is in.
    pub element: Option<String>,
    pub set: Option<String>,
    pub down: Option<Direction>,
    pub up: Option<Direction>,
    /// From the held state, not the kernel.
    pub subscriber: Option<i64>,
    pub source_nat: Option<Ipv4Addr>,
}

/// One direction of one who is let through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Direction {
    /// As `tc` writes it; None: not shaped.
    pub class: Option<String>,
    pub shaped: Option<Shaped>,
    pub policed: Option<Policed>,
    pub octets: Option<u64>,
    pub packets: Option<u64>,
}

/// A class as the device has it. Rates in kbit/s, bursts in octets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shaped {
    pub device: String,
    pub rate: u64,
    pub ceil: u64,
    pub burst: u64,
    pub cburst: u64,
    /// Since the class was made.
    pub sent_octets: u64,
    pub dropped_packets: u64,
}

/// A limit beyond which packets are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policed {
    pub octets_per_second: u64,
    pub burst_octets: u32,
}

fn no_table() -> EnforceError {
    EnforceError::System("there is no table inet headgate".to_owned())
}

/// Every set with its size. An error when there is no table.
pub fn overview(settings: &Settings) -> Result<Overview, EnforceError> {
    let mut kernel = Kernel::open()?;
    if !kernel.is_there()? {
        return Err(no_table());
    }
    let enforcer = match Client::connect(&settings.state_dir)? {
        Some(mut client) => Some(client.status()?),
        None => None,
    };
    let sets = kernel.sizes()?.into_iter().map(|(name, elements)| SetSize { name, elements }).collect();
    Ok(Overview { enforcer, sets })
}

/// All about one address. An error when there is no table.
pub fn address(settings: &Settings, address: IpAddr) -> Result<AddressView, EnforceError> {
    let mut kernel = Kernel::open()?;
    if !kernel.is_there()? {
        return Err(no_table());
    }
    let family = Family::of(&address);
    let mut view = AddressView {
        address,
        mark: None,
        element: None,
        set: None,
        down: None,
        up: None,
        subscriber: None,
        source_nat: None,
    };
    // In the order of the rules: single addresses before prefixes.
    for make in [SetId::Hosts as fn(Kind, Family) -> SetId, SetId::Nets] {
        for (kind, mark) in [(Kind::Down, "allow"), (Kind::Captive, "captive"), (Kind::Blocked, "blocked")] {
            let id = make(kind, family);
            let Some(holding) = kernel.holding(id, number(&address))? else { continue };
            view.mark = Some(mark);
            view.element = Some(range_text(family, holding.range));
            view.set = Some(id.name());
            if kind == Kind::Down {
                let of = |kind| make(kind, family);
                let sides = [(Kind::Down, Kind::PoliceDown), (Kind::Up, Kind::PoliceUp)];
                let [down, up] =
                    sides.map(|(map, police)| direction(&mut kernel, address, of(map), of(police)));
                (view.down, view.up) = (down?, up?);
            }
            break;
        }
        if view.mark.is_some() {
            break;
        }
    }
    look_at_classes(settings, &mut view)?;
    if let Some(entry) = held(settings, address) {
        view.subscriber = Some(entry.subscriber.0);
        view.source_nat = entry.snat;
    }
    Ok(view)
}

fn direction(
    kernel: &mut Kernel,
    address: IpAddr,
    map: SetId,
    police: SetId,
) -> Result<Option<Direction>, EnforceError> {
    let Some(holding) = kernel.holding(map, number(&address))? else { return Ok(None) };
    let class = match holding.data {
        Data::Class(class) | Data::Metered { class, .. } => class,
        Data::None | Data::Limit { .. } | Data::Address(_) => 0,
    };
    let policed = match kernel.holding(police, number(&address))?.map(|holding| holding.data) {
        Some(Data::Limit { octets_per_second, burst_octets }) => {
            Some(Policed { octets_per_second, burst_octets })
        }
        _ => None,
    };
    Ok(Some(Direction {
        class: (class != 0).then(|| format!("{:x}:{:x}", class >> 16, class & 0xffff)),
        shaped: None,
        policed,
        octets: holding.counted.map(|(octets, _)| octets),
        packets: holding.counted.map(|(_, packets)| packets),
    }))
}

fn look_at_classes(settings: &Settings, view: &mut AddressView) -> Result<(), EnforceError> {
    let devices = settings.shape.iter().chain(&settings.wan).map(String::as_str);
    let rtnetlink = |error| EnforceError::System(format!("rtnetlink: {error}"));
    let mut shaper = Shaper::open(devices).map_err(rtnetlink)?;
    let routed = shaper.device_of(view.address).map_err(rtnetlink)?.map(str::to_owned);
    // The one that the address is routed to first, then the others: a class stays where it was made.
    let down: Vec<String> = routed.into_iter().chain(settings.shape.iter().cloned()).collect();
    let up: Vec<String> = settings.wan.iter().cloned().collect();
    for (direction, devices) in [(view.down.as_mut(), down), (view.up.as_mut(), up)] {
        let Some(direction) = direction else { continue };
        let Some(minor) = direction.class.as_deref().and_then(minor) else { continue };
        for device in devices {
            if let Some((class, sent)) = shaper.class(&device, minor).map_err(rtnetlink)? {
                let (burst, cburst) = class.bursts();
                direction.shaped = Some(Shaped {
                    device,
                    rate: class.rate / 125,
                    ceil: class.ceil / 125,
                    burst,
                    cburst,
                    sent_octets: sent.octets,
                    dropped_packets: sent.dropped.into(),
                });
                break;
            }
        }
    }
    Ok(())
}

/// The minor of a class of ours.
fn minor(class: &str) -> Option<u16> {
    let (major, minor) = class.split_once(':')?;
    let ours = u32::from_str_radix(major, 16).ok()? == ROOT_HANDLE >> 16;
    ours.then(|| u16::from_str_radix(minor, 16).ok())?
}

/// What the saved state says of an address or the longest prefix around it.
fn held(settings: &Settings, address: IpAddr) -> Option<Entry> {
    let interfaces = settings.interfaces().ok()?;
    let guard = settings.protect_ports || settings.ports_only;
    let scope = Scope { filter: !interfaces.is_empty(), guard };
    let purpose = Purpose { nas: settings.nas, scope };
    // Not of use or not there: then nothing is known.
    let wanted: Wanted = saved::read_file(&settings.state_dir, &purpose, &mut Unshaped).ok()??;
    let longest = IpNet::from(address).max_prefix_len();
    (0..=longest)
        .rev()
        .filter_map(|length| IpNet::new(address, length).ok())
        .find_map(|net| wanted.entry(&net).copied())
}
