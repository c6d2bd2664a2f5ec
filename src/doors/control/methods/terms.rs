//! What is agreed with subscribers, and cuts.

use super::{Call, MaybeWho, Nothing, RpcError, Who, unknown, value};
use crate::operations::{PlanFor, PlanInput};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    who: String,
    sum: Option<String>,
    days: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    who: String,
    from: String,
    to: String,
}

/// One of `who` and `where`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Plan {
    who: Option<String>,
    r#where: Option<String>,
    name: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    uncovered: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    who: String,
    name: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    who: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Discount {
    who: String,
    percent: String,
    #[serde(default)]
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defer {
    who: String,
    until: String,
}

pub(super) async fn call(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "promise" => {
            let Promise { who, sum, days } = call.read()?;
            value(call.operations.promise(&who, sum.as_deref(), days, call.caller).await?)
        }
        "pause" => {
            let Pause { who, from, to } = call.read()?;
            value(call.operations.pause(&who, &from, &to, call.caller).await?)
        }
        "resume" => {
            let Who { who } = call.read()?;
            value(call.operations.resume(&who, call.caller).await?)
        }
        "plan" => plan(call).await,
        "service.add" => {
            let Service { who, name, from, until } = call.read()?;
            value(call.operations.add_service(&who, name, &from, &until, call.caller).await?)
        }
        "service.remove" => {
            let Named { who, name } = call.read()?;
            value(call.operations.remove_service(&who, name, call.caller).await?)
        }
        "package" => {
            let Named { who, name } = call.read()?;
            value(call.operations.buy_package(&who, name, call.caller).await?)
        }
        "discount" => {
            let Discount { who, percent, until } = call.read()?;
            value(call.operations.discount(&who, &percent, &until, call.caller).await?)
        }
        _ => cut(method, call).await,
    }
}

async fn plan(mut call: Call) -> Result<Value, RpcError> {
    let Plan { who, r#where, name, from, dry_run, uncovered } = call.read()?;
    let of = match (who, r#where) {
        (Some(who), None) => PlanFor::Who(who),
        (None, Some(expression)) => PlanFor::Where(expression),
        _ => return Err(RpcError::invalid_params("one of `who` and `where` is needed")),
    };
    let input = PlanInput { of, plan: name, from, dry_run, uncovered };
    value(call.operations.plan(input, call.caller).await?)
}

async fn cut(method: &str, mut call: Call) -> Result<Value, RpcError> {
    match method {
        "cut.list" => {
            let Nothing {} = call.read()?;
            value(call.operations.cut_list())
        }
        "cut.approve" => {
            let MaybeWho { who } = call.read()?;
            value(call.operations.cut_approve(who.as_deref(), call.caller).await?)
        }
        "cut.defer" => {
            let Defer { who, until } = call.read()?;
            value(call.operations.cut_defer(&who, &until, call.caller).await?)
        }
        _ => Err(unknown(method)),
    }
}
