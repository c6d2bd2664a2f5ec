//! What is tested from outside, over real sockets, files and kernels. One binary, so that it links once.

/// The enforcer: its table in real network namespaces, with real traffic.
mod enforcement;
/// The RADIUS servers and CoA, against FreeRADIUS's clients, our generator and hand-made packets.
mod radius;
