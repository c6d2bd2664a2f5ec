//! Who may pass, and what the ledger holds as a whole.

use super::tokens::{LOGIN, ROWS, TEXT};
use super::{Call, Method, Nothing, Who, changes, right};
use crate::model::{Action, DataFile, LoadOptions, Module, RatingFiles};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Block {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// Said to the subscriber and to operators.
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Load {
    /// Rows by kind.
    file: DataFile,
    /// Preview, and whether balances are put right.
    #[serde(default)]
    options: LoadOptions,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LoadRating {
    /// Texts of the four files.
    files: RatingFiles,
    /// Preview, and whether balances are put right.
    #[serde(default)]
    options: LoadOptions,
}

pub(super) fn methods() -> Vec<Method> {
    access().into_iter().chain(ledger()).collect()
}

fn access() -> [Method; 2] {
    let write = right(Module::Accounts, Action::Write);
    [
        changes(
            "block",
            "Blocks a subscriber, for the reason given.",
            write,
            async |call: Call, Block { who, reason }| {
                Ok(call.operations.block(&who, reason, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, TEXT]),
        changes("unblock", "Ends an administrator's block.", write, async |call: Call, Who { who }| {
            Ok(call.operations.unblock(&who, call.caller).await?)
        })
        .for_companies()
        .refuses(&[LOGIN]),
    ]
}

fn ledger() -> [Method; 5] {
    let execute = right(Module::System, Action::Execute);
    [
        changes(
            "load",
            "Loads rows of data files, all or nothing.",
            right(Module::System, Action::Write),
            async |call: Call, Load { file, options }| {
                Ok(call.operations.load(file, options, call.caller).await?)
            },
        )
        .refuses(&[ROWS]),
        changes(
            "load_rating",
            "Loads rating data of the CGRateS dialect, all or nothing.",
            right(Module::Rates, Action::Write),
            async |call: Call, LoadRating { files, options }| {
                Ok(call.operations.load_rating(files, options, call.caller).await?)
            },
        )
        .refuses(&[&[
            "bad-file",
            "plan-in-use",
            "bad-budget",
            "money-of-contract",
            "gone-live",
            "bad-tariffs",
            "too-many-buckets",
            "out-of-range",
        ]]),
        changes(
            "go_live",
            "Ends the migration: from now on no file puts balances right.",
            execute,
            async |call: Call, Nothing {}| Ok(call.operations.go_live(call.caller).await?),
        ),
        changes("panic.open", "Lets everybody through.", execute, async |call: Call, Nothing {}| {
            Ok(call.operations.panic(true, call.caller).await?)
        }),
        changes("panic.close", "Ends a panic.", execute, async |call: Call, Nothing {}| {
            Ok(call.operations.panic(false, call.caller).await?)
        }),
    ]
}
