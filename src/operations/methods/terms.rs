//! What is agreed with subscribers, and cuts.

use super::tokens::{LOGIN, SUM, WHO};
use super::{Call, MaybeWho, Method, MethodError, Nothing, Who, changes, looks, right};
use crate::model::{Action, Module, Refusal, Right};
use crate::operations::corrections::Answered;
use crate::operations::{PlanChange, PlanFor, PlanInput};
use schemars::JsonSchema;
use serde::Deserialize;

const WRITE: Right = right(Module::Accounts, Action::Write);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Promise {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// Decimal text; absent: as configured.
    sum: Option<String>,
    /// Days until it lapses; absent: as configured.
    days: Option<i32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    /// Login, live or configured address, or MAC; or a contract number with one login.
    who: String,
    /// First day of the pause, like `2026-04-11`; in the future.
    from: String,
    /// Last day of the pause.
    to: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Plan {
    /// One of `who` and `where`: a login, live or configured address, MAC, or a contract number with one login.
    who: Option<String>,
    /// Conditions on subscribers, like `plan=home-20 and balance>100`: of all for whom they hold.
    r#where: Option<String>,
    /// The new plan.
    name: String,
    /// First day of the new plan; empty: now.
    #[serde(default)]
    from: String,
    /// Say what it would cost and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// Also where the money does not cover it; needs the right transactions.write as well.
    #[serde(default)]
    uncovered: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Service {
    /// Login, live or configured address, or MAC; or a contract number with one login.
    who: String,
    /// Name of the service.
    name: String,
    /// First day; empty: today.
    #[serde(default)]
    from: String,
    /// Last day; empty: no end.
    #[serde(default)]
    until: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Login, live or configured address, or MAC; or a contract number with one login.
    who: String,
    /// Name of the service or package.
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Discount {
    /// Login, live or configured address, or MAC; or a contract number with one login.
    who: String,
    /// 0 to 100 with at most two digits after the point; 0 ends it.
    percent: String,
    /// Last day; empty: no end.
    #[serde(default)]
    until: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Defer {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
    /// A day (to 00:00 of it) or a moment.
    until: String,
}

pub(super) fn methods() -> Vec<Method> {
    pauses().into_iter().chain(services()).chain(cuts()).collect()
}

fn pauses() -> [Method; 4] {
    [
        changes(
            "promise",
            "Takes a promised payment.",
            WRITE,
            async |call: Call, Promise { who, sum, days }| {
                Ok(call.operations.promise(&who, sum.as_deref(), days, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[
            WHO,
            SUM,
            &[
                "no-subscriber",
                "bad-days",
                "promise-not-needed",
                "promise-open",
                "promises-used-up",
                "account-closed",
            ],
        ]),
        changes(
            "pause",
            "Pauses a subscriber at own wish, for whole future days.",
            WRITE,
            async |call: Call, Pause { who, from, to }| {
                Ok(call.operations.pause(&who, &from, &to, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[
            LOGIN,
            &[
                "bad-date",
                "pause-not-in-future",
                "pause-ends-before-it-begins",
                "pause-too-long",
                "pause-open",
                "promise-open",
                "balance-negative",
                "account-closed",
            ],
        ]),
        changes(
            "resume",
            "Ends a pause today, or takes back one that has not begun.",
            WRITE,
            async |call: Call, Who { who }| Ok(call.operations.resume(&who, call.caller).await?),
        )
        .for_companies()
        .refuses(&[LOGIN, &["not-paused"]]),
        changes("plan", "Changes the plan of one subscriber or, all or none, of many.", WRITE, plan)
            .for_companies()
            .refuses(&[
                LOGIN,
                &[
                    "plan-not-found",
                    "bad-expression",
                    "nobody",
                    "too-many",
                    "bad-date",
                    "day-past",
                    "day-too-far",
                    "not-covered",
                    "account-closed",
                ],
            ]),
    ]
}

fn services() -> [Method; 4] {
    [
        changes(
            "service.add",
            "Adds a recurring service to a subscriber.",
            WRITE,
            async |call: Call, Service { who, name, from, until }| {
                Ok(call.operations.add_service(&who, name, &from, &until, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[
            LOGIN,
            &[
                "bad-date",
                "service-not-found",
                "service-had",
                "day-past",
                "ends-before-it-begins",
                "too-many-services",
                "fee-due",
                "not-covered",
                "one-off-service",
                "account-closed",
            ],
        ]),
        changes(
            "service.remove",
            "Ends a recurring service of a subscriber.",
            WRITE,
            async |call: Call, Named { who, name }| {
                Ok(call.operations.remove_service(&who, name, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, &["service-not-found", "service-not-had", "account-closed"]]),
        changes(
            "package",
            "Sells a package of minutes, messages or traffic.",
            WRITE,
            async |call: Call, Named { who, name }| {
                Ok(call.operations.buy_package(&who, name, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, &["package-not-found", "too-many-packages", "not-covered", "account-closed"]]),
        changes(
            "discount",
            "Sets the discount on a subscriber's fees.",
            WRITE,
            async |call: Call, Discount { who, percent, until }| {
                Ok(call.operations.discount(&who, &percent, &until, call.caller).await?)
            },
        )
        .for_companies()
        .refuses(&[LOGIN, &["bad-percent", "bad-discount", "bad-date", "day-past", "account-closed"]]),
    ]
}

fn cuts() -> [Method; 3] {
    [
        looks(
            "cut.list",
            "Who is cut next for money, then who is cut already.",
            right(Module::Accounts, Action::Read),
            async |call: Call, Nothing {}| Ok(call.operations.cut_list()),
        )
        .for_companies(),
        changes(
            "cut.approve",
            "With WHO: its shortage takes effect now. Without: held fees may be made up, which needs system.execute.",
            WRITE,
            approve,
        )
        .for_companies().refuses(&[WHO, &["not-short", "nothing-held"]]),
        changes(
            "cut.defer",
            "Keeps a short contract open until a date.",
            WRITE,
            async |call: Call, Defer { who, until }| {
                Ok(call.operations.cut_defer(&who, &until, call.caller).await?)
            },
        )
        .for_companies().refuses(&[WHO, &["bad-date", "date-in-past", "date-too-far", "not-short"]]),
    ]
}

async fn plan(call: Call, asked: Plan) -> Result<PlanChange, MethodError> {
    let Plan { who, r#where, name, from, dry_run, uncovered } = asked;
    let of = match (who, r#where) {
        (Some(who), None) => PlanFor::Who(who),
        (None, Some(expression)) => PlanFor::Where(expression),
        _ => return Err(MethodError::parameter("who", "one of `who` and `where` is needed")),
    };
    if uncovered {
        call.principal.needs(right(Module::Transactions, Action::Write))?;
    }
    let input = PlanInput { of, plan: name, from, dry_run, uncovered };
    Ok(call.operations.plan(input, call.caller).await?)
}

async fn approve(call: Call, asked: MaybeWho) -> Result<Answered, MethodError> {
    if asked.who.is_none() {
        call.principal.needs(right(Module::System, Action::Execute))?;
        if call.principal.company.is_some() {
            let text = "held fees are everybody's; name WHO";
            return Err(Refusal::new("not-for-companies", text).into());
        }
    }
    Ok(call.operations.cut_approve(asked.who.as_deref(), call.caller).await?)
}
