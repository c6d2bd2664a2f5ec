//! What is tested from outside, over real sockets and files. One binary, so that it links once.

mod radius;
