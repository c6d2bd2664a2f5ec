//! `headgate enforce`: follows a server's feed and keeps nft table `inet headgate` and the HTB classes of this
//! machine as it says.
//!
//! [`run`] is the whole of it. The wanted state is one value ([`wanted`], [`skeleton`]: pure); [`kernel`] makes the
//! table so, reads it back and mends it; [`shaping`] does the same for speeds. What a subscriber owes and why it
//! stands as it does is not known here; neither is any table or root qdisc but our own.

pub mod counters;
mod daemon;
pub mod desk;
pub mod difference;
mod follower;
mod http;
pub mod kernel;
pub mod lanes;
mod lookout;
mod meter;
mod netlink;
mod probes;
pub mod ranges;
pub mod reporter;
mod resolver;
mod saved;
mod server;
mod settings;
pub mod shaping;
pub mod sightings;
pub mod skeleton;
mod tls;
pub mod trial;
pub mod view;
pub mod wanted;
mod watcher;

pub use daemon::{
    Ended, EnforceError, Outlets, apply_saved, compare_saved, may_enforce, run, run_until_ended, run_with,
};
pub use http::{Answer, Connection};
pub use probes::ProbeTimes;
pub use server::Server;
pub use settings::{InterfacePattern, Settings, WalledEntry};
pub use sightings::Sighting;
