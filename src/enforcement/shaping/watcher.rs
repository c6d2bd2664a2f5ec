//! Notices that somebody else changed a device on which classes are made, or that one came or went.

use super::keeper::Disturbance;
use super::route::{self, Message, Traffic, messages};
use crate::enforcement::kernel::NetlinkError;
use crate::enforcement::netlink::socket::{Listener, RECEIVE_BUFFER_OCTETS};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(200);

pub struct RouteWatcher {
    listener: Listener,
    devices: Vec<String>,
    shared: Disturbance,
    stop: Arc<AtomicBool>,
}

impl RouteWatcher {
    /// Hears from now on. `own_port`: whose changes are not foreign.
    pub fn open(
        own_port: u32,
        devices: Vec<String>,
        shared: Disturbance,
        stop: Arc<AtomicBool>,
    ) -> Result<RouteWatcher, NetlinkError> {
        // Interfaces, their addresses, and traffic control.
        let groups =
            [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR, libc::RTNLGRP_TC];
        let listener =
            Listener::open(libc::NETLINK_ROUTE, &groups, own_port, PATIENCE, RECEIVE_BUFFER_OCTETS)?;
        Ok(RouteWatcher { listener, devices, shared, stop })
    }

    /// Watches until it is to stop. `wake` is called with each change; false: nobody is there any more.
    pub fn run(mut self, wake: impl Fn() -> bool) {
        while !self.stop.load(Ordering::Relaxed) {
            let (devices, shared) = (&self.devices, &self.shared);
            let concerned =
                |datagram: &[u8]| messages(datagram).any(|message| concerns(&message, devices, shared));
            if self.listener.hears(concerned) {
                self.shared.disturbed.store(true, Ordering::Release);
                if !wake() {
                    return;
                }
            }
        }
    }
}

fn concerns(message: &Message<'_>, devices: &[String], shared: &Disturbance) -> bool {
    match message.kind {
        route::NEWLINK | route::DELLINK => {
            route::link(message).is_some_and(|(_, name)| devices.iter().any(|device| device == name))
        }
        // Where addresses are routed to may have changed.
        route::NEWADDR | route::DELADDR => {
            route::address_device(message).is_some_and(|index| shared.watched.lock().contains(&index))
        }
        route::NEWQDISC..=route::DELTCLASS => {
            Traffic::read(message).is_some_and(|traffic| shared.watched.lock().contains(&traffic.index))
        }
        _ => false,
    }
}
