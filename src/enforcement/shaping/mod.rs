//! Speed: HTB classes of the subscribers who are online, on the devices where their packets leave this machine.
//!
//! [`assignment`] says who has which class (pure), [`class`] what a class looks like (pure), [`route`] and [`socket`]
//! speak rtnetlink, [`shaper`] makes the devices so; the enforcer holds it all by its [`Keeper`]. Which packet belongs to which class is said by the nft table,
//! not here: its maps set the packet's priority to the class id.

pub mod assignment;
pub mod class;
mod keeper;
pub mod route;
pub mod shaper;
pub mod socket;
mod watcher;

pub(super) use keeper::Keeper;
pub(super) use watcher::RouteWatcher;
