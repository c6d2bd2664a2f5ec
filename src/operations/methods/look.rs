//! Looking: who is there and how the server is; orders to NASes.

use super::tokens::{LOGIN, WHO};
use super::{Call, Method, MethodError, Nothing, Who, blocking, changes, looks, right};
use crate::model::{Action, Module};
use crate::operations::{EventQuery, NasAnswer, NasOrderKind, SubscribersQuery, WhoHadQuery};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Words {
    /// Each must occur in login, contract, name, phone, address, IP or MAC.
    words: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sessions {
    /// Login, live or configured address, or MAC; or a contract number with one login. Absent: everybody's.
    who: Option<String>,
    /// `next` of the page before; empty: from the oldest.
    #[serde(default)]
    cursor: String,
    /// Sessions at most, 10000 or less; absent: 1000.
    limit: Option<usize>,
}

pub(super) fn methods() -> Vec<Method> {
    let read = |module| right(module, Action::Read);
    let order_right = right(Module::Accounts, Action::Execute);
    vec![
        looks(
            "status",
            "How the server is: revision, access servers, followers, fees and counters.",
            read(Module::System),
            async |call: Call, Nothing {}| blocking(move || Ok(call.operations.status())).await,
        ),
        looks(
            "events",
            "What was refused lately, with the reason and what to do; waits for the first one if asked to.",
            read(Module::Payments),
            async |call: Call, query: EventQuery| Ok(call.operations.events(&query).await),
        ),
        looks(
            "find",
            "Subscribers in which every word occurs.",
            read(Module::Accounts),
            async |call: Call, Words { words }| Ok(call.operations.find(&words)),
        )
        .for_companies(),
        looks(
            "subscribers",
            "Subscribers by id, all or those for whom conditions hold.",
            read(Module::Accounts),
            async |call: Call, query: SubscribersQuery| Ok(call.operations.subscribers(&query)?),
        )
        .for_companies()
        .refuses(&[&["bad-expression", "bad-cursor"]]),
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
            async |call: Call, Sessions { who, cursor, limit }| {
                Ok(call.operations.sessions_page(who.as_deref(), &cursor, limit)?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, &["bad-cursor"]]),
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
