//! What is tested from outside, over real sockets, files and kernels. One binary, so that it links once. Each
//! directory tests one door or follower; what several need to set up stands in `fixture` and `network`.

// Tests say what they expect by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// A server's middle over a database in a temporary directory, for tests of doors.
mod fixture;
/// Network namespaces (subscriber, NAS, internet) and small servers in them, for tests with real traffic.
mod network;

/// Exit codes, signals and pipes of the program as a process.
mod command_line;

/// The captive page, by source address.
mod captive;
/// The CGRateS dialect: framing, published figures, budgets, Go's and Python's clients.
mod cgrates;
/// Examples of other systems' documents, one by one.
#[path = "../documents/mod.rs"]
mod documents;
/// The enforcer: its table in real network namespaces, with real traffic.
mod enforcement;
/// The server killed in the midst of payments, against the journals of those who paid.
mod kill9;
/// The management door over TLS, and the enforcer as its client.
mod management;
mod metrics;
/// The shell poller for access servers that cannot run the enforcer.
mod nas;
/// What operations answer to doors.
mod operations;
/// Events to webhooks and commands.
mod outbox;
/// Payment operators: OSMP, Sberbank, dialects from configuration, signed notifications.
mod payments;
/// The RADIUS servers and CoA, against FreeRADIUS's clients, our generator and hand-made packets.
mod radius;
/// JSON-RPC on the control socket and at `/rpc`, and its OpenRPC document.
mod rpc;
/// The main job, end to end, with server and enforcer as processes.
mod story;
/// The Carbon dialect: golden lists, polls, payments, mutated requests.
mod system_api;
/// Who had an address at a moment.
mod who_had;
mod wire;

/// The sources themselves: who may import whom, and the habits of the house.
mod layers;
mod source;
mod tidy;
