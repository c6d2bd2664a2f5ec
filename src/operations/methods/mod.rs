//! The table of operations that programs and people may call by name: what each is called, what it takes and gives,
//! who may, and how it is run. Validation, `rpc.discover` and `docs/api/methods.md` are made from it; a door only
//! translates.
//!
//! A new method is a parameter type, a function and a row in its subject's file. Not here: how a request looks on the
//! wire (`doors`), and what an operation does ([`super::Operations`]).

mod access;
mod look;
mod markdown;
mod money;
mod objects;
mod openrpc;
mod outbox;
mod parameters;
mod reports;
mod staff;
mod terms;
mod tokens;

pub use markdown::markdown;
pub use openrpc::{COMMON, DISCOVER, REFUSED, document, upper};
pub use parameters::ParameterError;

use super::{Caller, Operations, Principal};
use crate::model::{Action, Module, Refusal, Right};
use crate::writer::Rejected;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Needs no idempotency key and ignores one.
    Looks,
    /// Once for each idempotency key.
    Changes,
}

/// A row of the table.
pub struct Method {
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What the caller needs; None: the operation itself says who may.
    pub right: Option<Right>,
    pub effect: Effect,
    /// Whether a reseller's caller may use it, for his own subscribers.
    pub for_companies: bool,
    /// Tokens of refusals that are its own, in the form of the rules.
    pub refusals: Vec<&'static str>,
    parameters: fn(&mut SchemaGenerator) -> Schema,
    result: fn(&mut SchemaGenerator) -> Schema,
    run: Box<Run>,
}

type Run = dyn Fn(Call, &Value) -> Running + Send + Sync;
type Running = Pin<Box<dyn Future<Output = Result<Value, MethodError>> + Send>>;

/// What an operation gets beside its parameters.
struct Call {
    operations: Arc<Operations>,
    principal: Principal,
    caller: Caller,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodError {
    /// There is no method of this name.
    Unknown(String),
    Parameters(ParameterError),
    /// The rules refuse; final.
    Refused(Refusal),
    /// Nothing was done; come again.
    Later(String),
    /// Whether it was done is not known: ask again under the same key.
    UnknownOutcome,
    /// A result that cannot be written.
    Internal(String),
}

/// Every method, by name.
pub fn all() -> impl Iterator<Item = &'static Method> {
    TABLE.methods.iter()
}

/// Calls a method: right, parameters, operation, in this order.
pub async fn call(
    operations: &Arc<Operations>,
    principal: &Principal,
    key: Option<String>,
    name: &str,
    parameters: Value,
) -> Result<Value, MethodError> {
    let method = TABLE.find(name).ok_or_else(|| MethodError::Unknown(name.to_owned()))?;
    if let Some(right) = method.right {
        principal.needs(right)?;
    }
    if principal.company.is_some() && !method.for_companies {
        let text = format!("{name} concerns more than the subscribers of one company");
        return Err(Refusal::new("not-for-companies", text).into());
    }
    let caller = match key.filter(|_| method.effect == Effect::Changes) {
        // Members are in the order of their names in the text, however they came.
        Some(key) => Caller::keyed(principal.actor.clone(), key, &[name, &parameters.to_string()]),
        None => Caller::from(principal.actor.clone()),
    };
    let operations = seen_by(principal, operations)?;
    let call = Call { operations, principal: principal.clone(), caller };
    (method.run)(call, &parameters).await
}

/// What a caller may work on. Operations cannot be narrowed to a company yet, so its callers work on nothing.
fn seen_by(principal: &Principal, operations: &Arc<Operations>) -> Result<Arc<Operations>, Refusal> {
    match principal.company {
        None => Ok(Arc::clone(operations)),
        Some(_) => Err(Refusal::new("not-for-companies", "callers of a company are not served yet")),
    }
}

struct Table {
    methods: Vec<Method>,
    places: HashMap<&'static str, usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let subjects = [
        look::methods(),
        access::methods(),
        objects::methods(),
        money::methods(),
        terms::methods(),
        reports::methods(),
        staff::methods(),
        outbox::methods(),
    ];
    let mut methods: Vec<Method> = subjects.into_iter().flatten().collect();
    methods.sort_by_key(|method| method.name);
    let places = methods.iter().enumerate().map(|(place, method)| (method.name, place)).collect();
    Table { methods, places }
});

impl Table {
    fn find(&self, name: &str) -> Option<&Method> {
        self.methods.get(*self.places.get(name)?)
    }
}

/// A method that changes nothing.
fn looks<P, R, A>(
    name: &'static str,
    summary: &'static str,
    right: Right,
    run: impl Fn(Call, P) -> A + Send + Sync + 'static,
) -> Method
where
    P: DeserializeOwned + JsonSchema,
    R: Serialize + JsonSchema,
    A: Future<Output = Result<R, MethodError>> + Send + 'static,
{
    Method {
        name,
        summary,
        right: Some(right),
        effect: Effect::Looks,
        for_companies: false,
        refusals: Vec::new(),
        parameters: P::json_schema,
        result: |generator| generator.subschema_for::<R>(),
        run: Box::new(move |call, parameters| match parameters::read::<P>(parameters) {
            Ok(parameters) => {
                let running = run(call, parameters);
                Box::pin(async move {
                    serde_json::to_value(running.await?)
                        .map_err(|error| MethodError::Internal(error.to_string()))
                })
            }
            Err(error) => Box::pin(std::future::ready(Err(MethodError::Parameters(error)))),
        }),
    }
}

/// A method that changes something.
fn changes<P, R, A>(
    name: &'static str,
    summary: &'static str,
    right: Right,
    run: impl Fn(Call, P) -> A + Send + Sync + 'static,
) -> Method
where
    P: DeserializeOwned + JsonSchema,
    R: Serialize + JsonSchema,
    A: Future<Output = Result<R, MethodError>> + Send + 'static,
{
    Method { effect: Effect::Changes, ..looks(name, summary, right, run) }
}

impl Method {
    fn for_everybody(self) -> Method {
        Method { right: None, ..self }
    }

    fn for_companies(self) -> Method {
        Method { for_companies: true, ..self }
    }

    fn refuses(self, refusals: &[&[&'static str]]) -> Method {
        Method { refusals: refusals.concat(), ..self }
    }
}

const fn right(module: Module, action: Action) -> Right {
    Right::new(module, action)
}

/// No parameters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Who {
    /// Contract number, login, live or configured address, or MAC.
    who: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaybeWho {
    /// Contract number, login, live or configured address, or MAC; absent: all.
    who: Option<String>,
}

/// [`super::blocking`], for methods.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
) -> Result<T, MethodError> {
    Ok(super::blocking(work).await?)
}

impl From<Refusal> for MethodError {
    fn from(refusal: Refusal) -> MethodError {
        MethodError::Refused(refusal)
    }
}

impl From<Rejected> for MethodError {
    fn from(rejected: Rejected) -> MethodError {
        match rejected {
            Rejected::Refused(refusal) => MethodError::Refused(refusal),
            Rejected::Later(text) => MethodError::Later(text),
            Rejected::Unknown => MethodError::UnknownOutcome,
        }
    }
}

impl MethodError {
    fn parameter(field: &str, text: &str) -> MethodError {
        MethodError::Parameters(ParameterError { field: field.to_owned(), text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests;
