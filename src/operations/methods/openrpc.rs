//! `rpc.discover`: the table as an OpenRPC 1.3 document (spec.open-rpc.org).

use super::{Effect, Method, all};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The name under which the document is asked for (OpenRPC, "Service Discovery Method").
pub const DISCOVER: &str = "rpc.discover";

/// The document; the same for everybody.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(make);
    &DOCUMENT
}

fn make() -> Value {
    let settings = || {
        SchemaSettings::draft07().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut taken = settings().for_deserialize().into_generator();
    let mut given = settings().for_serialize().into_generator();
    let methods: Vec<Value> = all().map(|method| describe(method, &mut taken, &mut given)).collect();
    let mut schemas = taken.take_definitions(true);
    schemas.extend(given.take_definitions(true));
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "headgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every operation of the product. JSON-RPC 2.0 at POST /rpc of the management port, and on the control socket.",
        },
        "methods": methods,
        "components": { "schemas": schemas, "errors": errors() },
    })
}

fn describe(method: &Method, taken: &mut SchemaGenerator, given: &mut SchemaGenerator) -> Value {
    let parameters = transformed((method.parameters)(taken), taken);
    let result = transformed((method.result)(given), given);
    let may = |token: &str| match token {
        "NOT_FOR_COMPANIES" => !method.for_companies,
        "IDEMPOTENCY_CONFLICT" | "BAD_IDEMPOTENCY_KEY" | "UNKNOWN_OUTCOME" => {
            method.effect == Effect::Changes
        }
        _ => true,
    };
    let common = COMMON.iter().filter(|(token, ..)| may(token));
    let mut errors: Vec<Value> = common.map(|(token, ..)| reference(token)).collect();
    errors.extend(method.refusals.iter().map(|token| {
        let token = upper(token);
        json!({ "code": REFUSED, "message": token, "data": { "token": token } })
    }));
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "by-name",
        "params": content_descriptors(&parameters),
        "result": { "name": "result", "schema": result },
        "errors": errors,
        "x-right": method.right.map(|right| right.to_string()),
        "x-changes": method.effect == Effect::Changes,
        "x-for-companies": method.for_companies,
    })
}

fn content_descriptors(parameters: &Schema) -> Vec<Value> {
    let required = parameters.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let properties = parameters.get("properties").and_then(Value::as_object);
    let describe = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut descriptor = json!({ "name": name, "required": is_required(name), "schema": schema });
        if let (Some(descriptor), Some(description)) = (descriptor.as_object_mut(), description) {
            descriptor.insert("description".to_owned(), description);
        }
        descriptor
    };
    let mut described: Vec<Value> = properties.into_iter().flatten().map(describe).collect();
    // Required ones first, as the specification wants them.
    described.sort_by_key(|descriptor| descriptor["required"] != true);
    described
}

fn transformed(mut schema: Schema, generator: &mut SchemaGenerator) -> Schema {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema
}

/// Code of JSON-RPC for refusals of the rules.
pub const REFUSED: i64 = -32000;

/// Errors that every method may have: token, code, what it means.
pub const COMMON: [(&str, i64, &str); 7] = [
    ("INVALID_PARAMS", -32602, "A parameter is missing, of another type, or unknown; `data.field` names it."),
    ("NO_RIGHT", REFUSED, "The caller has not the right that the method needs."),
    ("NOT_FOR_COMPANIES", REFUSED, "The method is not for callers of a company."),
    ("IDEMPOTENCY_CONFLICT", REFUSED, "The idempotency key was used for another request."),
    ("BAD_IDEMPOTENCY_KEY", REFUSED, "An idempotency key has 1 to 255 octets."),
    ("LATER", -32001, "Nothing was done; ask again later."),
    (
        "UNKNOWN_OUTCOME",
        -32002,
        "Whether it was done is not known; ask again under the same idempotency key.",
    ),
];

fn errors() -> Map<String, Value> {
    let error = |(token, code, message): &(&str, i64, &str)| {
        ((*token).to_owned(), json!({ "code": code, "message": message, "data": { "token": token } }))
    };
    COMMON.iter().map(error).collect()
}

fn reference(token: &str) -> Value {
    json!({ "$ref": format!("#/components/errors/{token}") })
}

/// A refusal's token as JSON-RPC says it.
pub fn upper(token: &str) -> String {
    token.to_uppercase().replace('-', "_")
}
