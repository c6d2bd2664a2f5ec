//! `context=base`: objects by their fields, and a chain of calls upon them (facts on transport and on response shapes).
//!
//! `method1` finds (`objects.get`, `objects.filter`), `method2=set` changes fields and `method3=save` writes them.
//! The answer stands in two envelopes: `data.result.result[...]`.

use super::arguments::Arguments;
use super::objects::{Model, Search};
use super::{Call, SystemApi, echo};
use crate::doors::http::Response;
use crate::model::*;
use crate::writer::Rejected;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A part of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Get,
    Filter,
    Set,
    Save,
}

impl SystemApi {
    /// Carries a chain of calls out.
    pub(super) async fn base(&self, step: Step, call: &Call<'_>) -> Result<Response, Rejected> {
        let model = Model::of(call.model)?;
        let bad = |text: String| Refusal::new("bad-argument", text);
        let conditions = call.arguments().map_err(bad)?;
        if matches!(step, Step::Set | Step::Save) {
            let text = "method1: objects.set and objects.save follow on objects.get, as method2 and method3";
            return Err(Refusal::new("bad-chain", text).into());
        }
        let mut found = self.objects(model, &conditions).await?;
        if step == Step::Get {
            found = vec![the_one(found)?];
        }
        if let Some(set) = SystemApi::wanted_change(model, call)? {
            if step != Step::Get {
                let text = "method2: one object is changed at a time; find it by objects.get";
                return Err(Refusal::new("bad-chain", text).into());
            }
            let [object] = found.as_slice() else { return Err(Rejected::Unknown) };
            self.save(model, object, &set).await?;
            let pk = object.get("pk").cloned().unwrap_or(Value::Null);
            let again = Arguments::parse(&json!({ "pk": pk }).to_string()).map_err(bad)?;
            found = self.objects(model, &again).await?;
        }
        let columns = columns(call.parameters.find("fields1").unwrap_or_default())?;
        let objects: Vec<Value> = found.into_iter().map(|object| limited(object, &columns)).collect();
        Ok(Response::json(200, &json!({"data": {"result": {"result": objects}}})))
    }

    /// What `set` asks for; None where nothing is to be written.
    fn wanted_change(model: Model, call: &Call<'_>) -> Result<Option<Vec<(String, String)>>, Refusal> {
        let parameter = |name| call.parameters.find(name).unwrap_or_default().trim();
        let (second, third) = (parameter("method2"), parameter("method3"));
        let short = |name: &str| name.strip_prefix("objects.").unwrap_or(name).to_owned();
        match (short(second).as_str(), short(third).as_str()) {
            ("", "") => return Ok(None),
            ("set", "save") => {}
            ("set", "") => {
                let text = "method3: is missing; what is set is written by save";
                return Err(Refusal::new("bad-chain", text));
            }
            _ => {
                let text =
                    format!("method2={} and method3={}: expected set and save", echo(second), echo(third));
                return Err(Refusal::new("bad-chain", text));
            }
        }
        let bad = |text: String| Refusal::new("bad-argument", text);
        let arguments = Arguments::parse(parameter("arg2")).map_err(bad)?;
        let mut changes = Vec::new();
        for name in arguments.names() {
            if !model.writable().contains(&name) {
                let text = format!(
                    "{}: is not written here; expected one of: {}",
                    echo(name),
                    model.writable().join(", ")
                );
                return Err(Refusal::new("not-writable", text));
            }
            changes.push((name.to_owned(), arguments.text(name).map_err(bad)?.unwrap_or_default()));
        }
        if changes.is_empty() {
            return Err(Refusal::new("missing-argument", "arg2: is missing; expected fields to set"));
        }
        Ok(Some(changes))
    }

    /// Writes one row by the way that data files go.
    async fn save(&self, model: Model, object: &Value, set: &[(String, String)]) -> Result<(), Rejected> {
        let value = |names: &[&str]| {
            set.iter().rev().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone())
        };
        let named = |name: &str| {
            let field = object.get("fields").and_then(|fields| fields.get(name));
            field.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let mut file = DataFile::default();
        match model {
            Model::Abonents => file.account.push(AccountRow {
                contract: named("contract_number"),
                name: value(&["name"]),
                phone: value(&["phone", "sms"]),
                email: value(&["email"]),
                address: value(&["address"]),
                tax_id: value(&["inn"]),
                code1c: value(&["code1c"]),
                ..AccountRow::default()
            }),
            Model::Users => file.subscriber.push(SubscriberRow {
                login: named("login"),
                name: value(&["name"]),
                code1c: value(&["code1c"]),
                ..SubscriberRow::default()
            }),
            Model::Tarif | Model::FinanceOperations => return Ok(()),
        }
        let actor = Actor("system_api:base".to_owned());
        self.operations.load(file, LoadOptions::default(), actor).await.map(|_| ())
    }

    async fn objects(&self, model: Model, conditions: &Arguments) -> Result<Vec<Value>, Rejected> {
        let search = Search::of(model, conditions)?;
        let operations = Arc::clone(&self.operations);
        super::blocking(move || search.run(&operations)).await
    }
}

fn the_one(found: Vec<Value>) -> Result<Value, Refusal> {
    let several = found.len() > 1;
    match found.into_iter().next() {
        Some(_) if several => {
            Err(Refusal::new("several-objects", "more than one object fits; use objects.filter"))
        }
        Some(object) => Ok(object),
        None => Err(Refusal::new("object-not-found", "no object fits")),
    }
}

/// `fields1=["name","code1c"]`; none: all.
fn columns(text: &str) -> Result<Vec<String>, Refusal> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text)
        .map_err(|error| Refusal::new("bad-argument", format!("fields1: expected a list of names: {error}")))
}

fn limited(mut object: Value, columns: &[String]) -> Value {
    if !columns.is_empty()
        && let Some(fields) = object.get_mut("fields").and_then(Value::as_object_mut)
    {
        let kept: Map<String, Value> =
            std::mem::take(fields).into_iter().filter(|(name, _)| columns.contains(name)).collect();
        *fields = kept;
    }
    object
}
