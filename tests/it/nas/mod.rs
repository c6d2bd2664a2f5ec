//! The shell poller of access servers (`packaging/nas-poll.sh`) against a real door and a real kernel, in network
//! namespaces; the shells are dash and BusyBox's. What the enforcer does stands in `enforcement`.

mod faults;
mod package;
mod poller;
mod shaping;
mod site;
mod traffic;
