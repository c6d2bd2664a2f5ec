//! `headgate fw show`

use super::{may_enforce, settings};
use crate::cli::output::{print_json, print_table};
use crate::cli::{CliError, CliResult, Context};
use crate::enforcement::view::{self, AddressView, Direction, Overview};
use clap::Args;
use serde_json::{Value, json};
use std::net::IpAddr;

#[derive(Args)]
pub(in crate::cli) struct Show {
    /// An address; anybody else is asked of the server on this machine
    #[arg(value_name = "WHO|ADDRESS")]
    who: Option<String>,
}

impl Show {
    pub fn run(&self, context: &Context) -> CliResult {
        may_enforce()?;
        let settings = settings(&context.config_public()?, false);
        let Some(who) = &self.who else {
            let overview = view::overview(&settings)?;
            if context.json {
                print_json(&json!(overview));
            } else {
                print_overview(&overview);
            }
            return Ok(());
        };
        let addresses = addresses_of(context, who)?;
        let mut views = Vec::with_capacity(addresses.len());
        for address in addresses {
            views.push(view::address(&settings, address)?);
        }
        if context.json {
            print_json(&json!(views));
        } else {
            views.iter().for_each(print_address);
        }
        Ok(())
    }
}

/// The addresses of WHO. Logins are the server's: the enforcer knows addresses alone.
fn addresses_of(context: &Context, who: &str) -> Result<Vec<IpAddr>, CliError> {
    if let Ok(address) = who.parse() {
        return Ok(vec![address]);
    }
    let found = context.call("find", json!({ "words": [who] })).map_err(|error| {
        CliError::failed(format!("{who} is no address, and whose it is only the server knows: {error}"))
    })?;
    let is = |row: &&Value| ["contract", "login"].iter().any(|key| row[*key].as_str() == Some(who));
    let rows = found.as_array().into_iter().flatten().filter(is);
    let ips = rows.flat_map(|row| row["ips"].as_array().into_iter().flatten()).filter_map(Value::as_str);
    // Of a prefix its first address.
    let first = |text: &str| text.split('/').next().and_then(|address| address.parse().ok());
    let addresses: Vec<IpAddr> = ips.filter_map(first).collect();
    if addresses.is_empty() {
        return Err(CliError::failed(format!("{who}: nobody of that login or contract has an address")));
    }
    Ok(addresses)
}

fn print_overview(overview: &Overview) {
    match &overview.enforcer {
        None => println!("enforcer     none runs on this machine"),
        Some(status) => {
            let still = if status.still { ", stands still" } else { "" };
            println!("enforcer     process {}{still}", status.pid);
            println!("holds        {} addresses, cursor {}", status.addresses, status.cursor);
        }
    }
    println!();
    print_table(&[("SET", "name"), ("ELEMENTS", "elements")], &json!(overview.sets));
}

fn print_address(view: &AddressView) {
    let standing = match view.mark {
        Some("allow") => "let through",
        Some("captive") => "captive: has to pay, or paused",
        Some("blocked") => "blocked",
        _ => "nobody's address: dropped",
    };
    println!("{:<12} {standing}", view.address);
    if let (Some(set), Some(element)) = (&view.set, &view.element) {
        println!("  element    {element} in {set}");
    }
    if let Some(subscriber) = view.subscriber {
        println!("  subscriber {subscriber}");
    }
    if let Some(address) = view.source_nat {
        println!("  source NAT {address}");
    }
    for (name, direction) in [("down", &view.down), ("up", &view.up)] {
        if let Some(direction) = direction {
            println!("  {name:<10} {}", speed(direction));
            if let (Some(octets), Some(packets)) = (direction.octets, direction.packets) {
                println!("             {octets} octets in {packets} packets");
            }
        }
    }
}

fn speed(direction: &Direction) -> String {
    if let Some(policed) = &direction.policed {
        let kbit = policed.octets_per_second / 125;
        return format!("policed at {kbit} kbit/s, burst {} octets", policed.burst_octets);
    }
    match (&direction.class, &direction.shaped) {
        (None, _) => "not shaped".to_owned(),
        (Some(class), None) => format!("class {class}, which is on none of the devices"),
        (Some(class), Some(shaped)) => format!(
            "class {class} on {}: rate {} ceil {} kbit/s, burst {} cburst {} octets; {} octets sent, {} packets dropped",
            shaped.device,
            shaped.rate,
            shaped.ceil,
            shaped.burst,
            shaped.cburst,
            shaped.sent_octets,
            shaped.dropped_packets
        ),
    }
}
