//! Looking: who is there and how the server is; orders to NASes.

use super::tokens::{LOGIN, WHO};
use super::{Call, MaybeWho, Method, MethodError, Nothing, Who, blocking, changes, looks, right};
use crate::model::{Action, Module};
use crate::operations::{NasAnswer, NasOrderKind, WhoHadQuery};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Words {
    /// Each must occur in login, contract, name, phone, address, IP or MAC.
    words: Vec<String>,
}

pub(super) fn methods() -> Vec<Method> {
    let read = |module| right(module, Action::Read);
    let order_right = right(Module::Accounts, Action::Execute);
    vec![
        looks(
            "status",
            "How the server is: revision, access servers, followers, fees and counters.",
            read(Module::System),
            async |call: Call, Nothing {}| Ok(call.operations.status()),
        ),
        looks(
            "find",
            "Subscribers in which every word occurs.",
            read(Module::Accounts),
            async |call: Call, Words { words }| Ok(call.operations.find(&words)),
        )
        .for_companies(),
        looks(
            "why",
            "Why somebody is online or not: every check with its evidence.",
            read(Module::Accounts),
            async |call: Call, Who { who }| Ok(call.operations.why(&who)?),
        )
        .for_companies()
        .refuses(&[WHO, &["no-subscriber"]]),
        looks(
            "who_had",
            "Who had an address at a moment.",
            read(Module::Xdrs),
            async |call: Call, query: WhoHadQuery| blocking(move || call.operations.who_had(&query)).await,
        )
        .for_companies()
        .refuses(&[&["bad-address", "bad-date", "date-in-future"]]),
        looks(
            "sessions",
            "Open sessions, oldest first.",
            read(Module::Xdrs),
            async |call: Call, MaybeWho { who }| Ok(call.operations.sessions(who.as_deref())?),
        )
        .for_companies()
        .refuses(&[LOGIN]),
        changes(
            "kick",
            "Ends every session of a subscriber by Disconnect.",
            order_right,
            async |call: Call, who: Who| order(call, who, NasOrderKind::Disconnect).await,
        )
        .for_companies()
        .refuses(&[LOGIN, &["no-session"]]),
        changes(
            "coa",
            "Tells the access server again what a subscriber's sessions should have.",
            order_right,
            async |call: Call, who: Who| order(call, who, NasOrderKind::Refresh).await,
        )
        .for_companies()
        .refuses(&[LOGIN, &["no-session"]]),
    ]
}

async fn order(call: Call, who: Who, kind: NasOrderKind) -> Result<Vec<NasAnswer>, MethodError> {
    Ok(call.operations.order(&who.who, kind).await?)
}
