//! Notices that somebody else changed our table.

use super::daemon::Event;
use super::kernel::NetlinkError;
use super::netlink::socket::Listener;
use super::netlink::wire::{ATTR_TABLE, Message, NEWGEN};
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
        Ok(Watcher { listener: Listener::open(own_port, PATIENCE)?, events, changed, stop })
    }

    /// Watches until it is to stop.
    pub fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let mut ours = false;
            let heard = self.listener.receive(|message| ours |= is_about_our_table(message));
            let changed = match heard {
                Ok(_) => ours,
                // Notifications were lost (ENOBUFS) or the socket is in trouble: what was said is not known.
                Err(error) => {
                    tracing::debug!("listening to nf_tables: {error}");
                    if error.raw_os_error() != Some(libc::ENOBUFS) {
                        std::thread::sleep(PATIENCE);
                    }
                    true
                }
            };
            if changed && !self.report() {
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

fn is_about_our_table(message: &Message<'_>) -> bool {
    message.is_nftables
        && message.kind != NEWGEN
        && i32::from(message.family) == libc::NFPROTO_INET
        && message.attributes().text(ATTR_TABLE) == Some(TABLE)
}
