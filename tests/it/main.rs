<<<<<<< HEAD
mod enforcement;
=======
//! What is tested from outside, over real sockets and files. One binary, so that it links once.

/// The RADIUS servers and CoA, against FreeRADIUS's clients, our generator and hand-made packets.
mod radius;
>>>>>>> nasdoor
