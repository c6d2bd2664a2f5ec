//! The table as a page for people: `docs/api/methods.md`.

use super::openrpc::{document, upper};
use super::{Effect, Method, all};
use serde_json::Value;
use std::fmt::Write;

const BEGINNING: &str = "# The methods

Made from the table of methods by `headgate api --markdown`; how they are called stands in [README](README.md). Beside the
refusals named here every method may give the errors that are listed there. \"Companies\" says whether callers of a company
(reseller) may use it, for their own subscribers.
";

/// Every method with its parameters, result and refusals, then the types that these name.
pub fn markdown() -> String {
    let mut page = BEGINNING.to_owned();
    let described = document().get("methods").and_then(Value::as_array);
    for (method, described) in all().zip(described.into_iter().flatten()) {
        one(&mut page, method, described);
    }
    page.push_str("\n# Types\n");
    let types = document().pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in types.into_iter().flatten() {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {name}\n\n");
        if let Some(text) = text_of(schema) {
            let _ = write!(page, "{text}\n\n");
        }
        fields(&mut page, schema);
    }
    page
}

fn one(page: &mut String, method: &Method, described: &Value) {
    let changes = if method.effect == Effect::Changes { "changes" } else { "looks" };
    let companies = if method.for_companies { "yes" } else { "no" };
    let right = match method.right {
        Some(right) => format!("Right `{right}`"),
        None => "No right is needed for what is one's own".to_owned(),
    };
    let _ = write!(
        page,
        "\n## `{}`\n\n{}\n\n{right}; {changes}; companies: {companies}.\n\n",
        method.name, method.summary
    );
    let params = described.get("params").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if params.is_empty() {
        page.push_str("No parameters.\n");
    } else {
        page.push_str("| parameter | type | |\n| --- | --- | --- |\n");
    }
    for param in params {
        let name = param.get("name").and_then(Value::as_str).unwrap_or_default();
        let required = param.get("required") == Some(&Value::Bool(true));
        let mark = if required { "" } else { " (optional)" };
        let kind = param.get("schema").map(kind).unwrap_or_default();
        let _ = writeln!(page, "| `{name}`{mark} | {kind} | {} |", text_of(param).unwrap_or_default());
    }
    let result = described.pointer("/result/schema").map(kind).unwrap_or_default();
    let _ = write!(page, "\nResult: {result}.\n");
    if !method.refusals.is_empty() {
        let tokens: Vec<String> = method.refusals.iter().map(|token| format!("`{}`", upper(token))).collect();
        let _ = write!(page, "\nRefusals: {}.\n", tokens.join(", "));
    }
}

fn fields(page: &mut String, schema: &Value) {
    let members = schema.get("properties").and_then(Value::as_object);
    let Some(members) = members else {
        let _ = writeln!(page, "{}.", kind(schema));
        return;
    };
    page.push_str("| member | type | |\n| --- | --- | --- |\n");
    for (name, member) in members {
        let _ = writeln!(page, "| `{name}` | {} | {} |", kind(member), text_of(member).unwrap_or_default());
    }
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let name = target.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(|word| format!("`{}`", plain(word))).collect::<Vec<_>>().join(", ");
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", plain(word));
    }
    for branches in ["anyOf", "oneOf", "allOf"] {
        if let Some(branches) = schema.get(branches).and_then(Value::as_array) {
            return branches.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let one = |name: &str| match name {
        "array" => format!("list of {}", schema.get("items").map(kind).unwrap_or_default()),
        "object" => match schema.get("additionalProperties") {
            Some(of @ Value::Object(_)) => format!("map of {}", kind(of)),
            _ => "object".to_owned(),
        },
        name => name.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The description, in one line and harmless in a table.
fn text_of(schema: &Value) -> Option<String> {
    let text = schema.get("description").and_then(Value::as_str)?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
}
