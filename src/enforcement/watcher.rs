//! Notices that somebody else changed our table.

use super::daemon::Event;
use super::kernel::NetlinkError;
use super::netlink::socket::{Listener, RECEIVE_BUFFER_OCTETS};
use super::netlink::wire::{ATTR_TABLE, NEWGEN, messages};
use super::skeleton::TABLE;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

/// How often it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(200);

pub struct Watcher {
    listener: Listener,
    events: SyncSender<Event>,
    changed: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    /// Hears from now on. `own_port`: whose changes are not foreign. `changed` is set with each foreign change; an
    /// event wakes its reader.
    pub fn open(
        own_port: u32,
        events: SyncSender<Event>,
        changed: Arc<AtomicBool>,
        stop: Arc<AtomicBool>,
    ) -> Result<Watcher, NetlinkError> {
        let listener = listener(own_port, RECEIVE_BUFFER_OCTETS)?;
        Ok(Watcher { listener, events, changed, stop })
    }

    /// Watches until it is to stop.
    pub fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            if self.listener.hears(is_about_our_table) && !self.report() {
                return;
            }
        }
    }

    /// False when nobody listens any more.
    fn report(&self) -> bool {
        self.changed.store(true, Ordering::Release);
        // With the queue full its reader is awake, and looks at `changed` after each event.
        !matches!(self.events.try_send(Event::Foreign), Err(TrySendError::Disconnected(_)))
    }
}

fn listener(own_port: u32, room: libc::c_int) -> Result<Listener, NetlinkError> {
    let groups = [libc::NFNLGRP_NFTABLES.unsigned_abs()];
    Listener::open(libc::NETLINK_NETFILTER, &groups, own_port, PATIENCE, room)
}

fn is_about_our_table(datagram: &[u8]) -> bool {
    messages(datagram).any(|message| {
        message.is_nftables
            && message.kind != NEWGEN
            && i32::from(message.family) == libc::NFPROTO_INET
            && message.attributes().text(ATTR_TABLE) == Some(TABLE)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::kernel::Kernel;
    use crate::enforcement::skeleton::{Layout, Skeleton};
    use crate::enforcement::wanted::{Scope, Wanted};

    /// Whether anything about our table is heard within the listener's patience.
    fn hears(watcher: &mut Watcher) -> bool {
        let mut ours = false;
        while let Some(datagram) = watcher.listener.receive().unwrap() {
            ours |= is_about_our_table(datagram);
        }
        ours
    }

    #[test]
    fn foreign_changes_of_our_table_are_heard_and_our_own_and_other_tables_are_not() {
        // SAFETY: takes a plain number; only this thread, which is the test's own, changes its namespace.
        let moved = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(moved, 0, "this test makes a network namespace: run it as root");
        let mut kernel = Kernel::open().unwrap();
        let (events, _kept) = std::sync::mpsc::sync_channel(1);
        let mut watcher = Watcher::open(kernel.port(), events, Arc::default(), Arc::default()).unwrap();

        let wanted = Wanted::new(Scope { filter: true, guard: false });
        let interfaces = ["lan0".parse().unwrap()];
        let skeleton = Skeleton::build(&Layout {
            interfaces: &interfaces,
            captive: None,
            sightings: false,
            wanted: &wanted,
        });
        kernel.rebuild(&skeleton, wanted.sets()).unwrap();
        assert!(!hears(&mut watcher), "our own change");

        let nft = |command: &str| {
            let status = std::process::Command::new("nft").args(command.split(' ')).status().unwrap();
            assert!(status.success(), "{command}");
        };
        for command in ["add table inet other", "add table ip headgate", "delete table inet other"] {
            nft(command);
            assert!(!hears(&mut watcher), "{command}");
        }
        for command in [
            "add element inet headgate blocked4 { 10.0.0.1 }",
            "flush chain inet headgate forward",
            "flush ruleset",
        ] {
            nft(command);
            assert!(hears(&mut watcher), "{command}");
        }
    }

    #[test]
    fn lost_notifications_count_as_a_change_of_our_table() {
        // SAFETY: takes a plain number; only this thread, which is the test's own, changes its namespace.
        let moved = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(moved, 0, "this test makes a network namespace: run it as root");
        let (events, _kept) = std::sync::mpsc::sync_channel(1);
        let mut watcher = Watcher::open(0, events, Arc::default(), Arc::default()).unwrap();
        watcher.listener = listener(0, 4096).unwrap();
        // Not about our table, and far more than there is room for.
        let rules = "add rule inet other forward counter\n".repeat(500);
        let commands = format!("add table inet other\nadd chain inet other forward\n{rules}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), commands).unwrap();
        let status = std::process::Command::new("nft").arg("-f").arg(file.path()).status().unwrap();
        assert!(status.success());
        assert!((0..3).any(|_| watcher.listener.hears(is_about_our_table)));
    }
}
