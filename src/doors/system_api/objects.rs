//! Objects of `context=base`: contracts, logins, plans, payments and acts, found by their fields.

use super::arguments::Arguments;
use super::{echo, one_c};
use crate::model::*;
use crate::operations::{FinQuery, Operations};
use crate::writer::Rejected;
use serde_json::{Value, json};

pub(super) const MODELS: &[&str] = &["Abonents", "Users", "Tarif", "FinanceOperations"];

/// Objects of one answer.
const OBJECTS_MAX: usize = 1_000;
const OBJECTS_DEFAULT: usize = 100;
/// Contracts looked at together.
const LOOKED_AT: usize = 1_000;
/// Conditions that are no field of an object.
const PAGING: &[&str] = &["limit", "after"];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    Abonents,
    Users,
    Tarif,
    FinanceOperations,
}

impl Model {
    pub fn of(text: &str) -> Result<Model, Refusal> {
        match text.to_ascii_lowercase().as_str() {
            "abonents" => Ok(Model::Abonents),
            "users" => Ok(Model::Users),
            "tarif" => Ok(Model::Tarif),
            "financeoperations" => Ok(Model::FinanceOperations),
            _ => {
                let text = format!("model: expected one of {}, found {}", MODELS.join(", "), echo(text));
                Err(Refusal::new("unknown-model", text))
            }
        }
    }

    /// Fields that `set` may change.
    pub fn writable(self) -> &'static [&'static str] {
        match self {
            Model::Abonents => &["name", "phone", "sms", "email", "address", "inn", "code1c"],
            Model::Users => &["name", "code1c"],
            Model::Tarif | Model::FinanceOperations => &[],
        }
    }
}

/// What an object has to be like.
#[derive(Debug)]
pub(super) struct Search {
    model: Model,
    wanted: Vec<(String, String)>,
    pk: Option<i64>,
    after: i64,
    limit: usize,
}

impl Search {
    /// Every condition is a field and its value, but for `limit` and `after`.
    pub fn of(model: Model, conditions: &Arguments) -> Result<Search, Refusal> {
        let bad = |text: String| Refusal::new("bad-argument", text);
        let number = |name: &str| -> Result<Option<i64>, Refusal> {
            let text = conditions.text(name).map_err(bad)?;
            text.map(|text| text.parse().map_err(|_| bad(format!("{name}: expected a whole number"))))
                .transpose()
        };
        let limit = number("limit")?.and_then(|limit| usize::try_from(limit).ok());
        let mut wanted = Vec::new();
        for name in conditions.names().into_iter().filter(|name| !PAGING.contains(name)) {
            wanted.push((name.to_owned(), conditions.text(name).map_err(bad)?.unwrap_or_default()));
        }
        Ok(Search {
            model,
            wanted,
            pk: number("pk")?.or(number("id")?),
            after: number("after")?.unwrap_or(0),
            limit: limit.unwrap_or(OBJECTS_DEFAULT).min(OBJECTS_MAX),
        })
    }

    /// What fits, in order of `pk`. Blocks on the store.
    pub fn run(&self, operations: &Operations) -> Result<Vec<Value>, Rejected> {
        match self.model {
            Model::Abonents => self.abonents(operations),
            Model::Users => self.users(operations),
            Model::Tarif => {
                let mut plans = operations.plans()?;
                plans.sort_unstable_by_key(|plan| plan.id);
                self.those_that_fit(plans.iter().map(tarif))
            }
            Model::FinanceOperations => self.finance(operations),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.wanted.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn abonents(&self, operations: &Operations) -> Result<Vec<Value>, Rejected> {
        let mut accounts =
            operations.accounts_in_order(self.pk.map(AccountId), self.value("contract_number"));
        accounts.retain(|(account, _)| account.id.0 > self.after);
        let mut found = Vec::new();
        for part in accounts.chunks(LOOKED_AT) {
            let cards = operations.cards(part)?;
            found.extend(self.those_that_fit(cards.iter().map(one_c::account))?);
            if found.len() >= self.limit {
                found.truncate(self.limit);
                break;
            }
        }
        Ok(found)
    }

    fn users(&self, operations: &Operations) -> Result<Vec<Value>, Rejected> {
        let inner = operations.directory.read();
        let mut entries: Vec<_> = match (self.value("login"), self.pk) {
            (Some(login), _) => inner.login(login).cloned().into_iter().collect(),
            (None, Some(pk)) => inner.subscriber(SubscriberId(pk)).cloned().into_iter().collect(),
            (None, None) => inner.entries().cloned().collect(),
        };
        drop(inner);
        entries.sort_unstable_by_key(|entry| entry.id());
        self.those_that_fit(entries.iter().map(|entry| one_c::user(entry)))
    }

    /// Of one number, or of one contract: nobody wants all of them.
    fn finance(&self, operations: &Operations) -> Result<Vec<Value>, Rejected> {
        let account = self.value("abonent_id").and_then(|text| text.parse().ok());
        let found = match (self.pk, account) {
            (Some(op_id), _) => operations.fin_operation(op_id).map(|found| vec![found]),
            (None, Some(account)) => operations.fin_operations(&FinQuery {
                account: AccountId(account),
                kind: None,
                from: None,
                to: None,
                synced: None,
            }),
            (None, None) => {
                let text = "pk: is missing; expected pk or abonent_id";
                return Err(Refusal::new("missing-argument", text).into());
            }
        };
        let mut found = match found {
            // Of what is not there nothing fits.
            Err(Rejected::Refused(_)) => Vec::new(),
            found => found?,
        };
        found.sort_by_key(|operation| operation.op_id);
        self.those_that_fit(found.iter().map(one_c::operation))
    }

    fn those_that_fit(&self, candidates: impl Iterator<Item = Value>) -> Result<Vec<Value>, Rejected> {
        let mut found = Vec::new();
        for object in candidates {
            let pk = object.get("pk").and_then(Value::as_i64).unwrap_or(0);
            if pk > self.after && self.holds(&object)? {
                found.push(object);
                if found.len() >= self.limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Whether an object has these values; a field that objects of the kind do not have is refused.
    fn holds(&self, object: &Value) -> Result<bool, Refusal> {
        let Some(fields) = object.get("fields") else { return Ok(false) };
        let mut fits = true;
        for (name, value) in &self.wanted {
            let has = match name.as_str() {
                "pk" | "id" => object.get("pk"),
                name => fields.get(name),
            };
            let has = has.ok_or_else(|| {
                let text = format!("{}: objects of this model have no such field", echo(name));
                Refusal::new("unknown-field", text)
            })?;
            fits &= match has {
                Value::String(text) => text == value,
                Value::Null => value.is_empty(),
                other => *value == format!("{other}"),
            };
        }
        Ok(fits)
    }
}

fn tarif(plan: &Plan) -> Value {
    let (down, up) = (plan.shape.download, plan.shape.upload);
    let fields = json!({
        "name": plan.name,
        "abonent_pay": plan.fee.to_string(),
        "rate_in": down.rate,
        "ceil_in": down.ceil,
        "burst_in": down.burst,
        "cburst_in": down.cburst,
        "rate_out": up.rate,
        "ceil_out": up.ceil,
        "burst_out": up.burst,
        "cburst_out": up.cburst,
    });
    json!({"pk": plan.id.0, "model": "Tarif", "fields": fields})
}
