//! The product from outside, over real sockets and a real store. Each directory here tests one door; what several
//! need to set up stands in `fixture`.

mod fixture;
mod system_api;
