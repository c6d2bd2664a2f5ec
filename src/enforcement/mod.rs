//! `headgate enforce`: follows a server's feed and keeps nft table `inet headgate` of this machine as it says.
//!
//! [`run`] is the whole of it. The wanted state is one value ([`wanted`], [`skeleton`]: pure); [`kernel`] makes the
//! table so, reads it back and mends it. What a subscriber owes and why it stands as it does is not known here;
//! neither is any table but our own.

mod daemon;
mod follower;
mod http;
pub mod kernel;
mod lookout;
mod netlink;
pub mod ranges;
mod resolver;
mod saved;
mod server;
mod settings;
pub mod skeleton;
mod tls;
pub mod wanted;
mod watcher;

pub use daemon::{EnforceError, run};
pub use http::{Answer, Connection};
pub use server::Server;
pub use settings::{InterfacePattern, Settings, WalledEntry};
