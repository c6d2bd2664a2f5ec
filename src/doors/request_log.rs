//! The lines of `runtime.log`: who asked for what, with secrets masked.

use crate::model::Timestamp;
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;

/// Longest argument that is logged, characters.
const ARGUMENT_CHARS_MAX: usize = 512;

/// Where lines go. Never waits: a full log drops and counts.
pub trait RequestLog: Send + Sync {
    fn write(&self, request: &LoggedRequest<'_>);
}

/// One request as it is logged.
#[derive(Clone, Debug)]
pub struct LoggedRequest<'a> {
    pub at: Timestamp,
    pub peer: Option<SocketAddr>,
    pub context: &'a str,
    pub method: &'a str,
    /// As [`masked`] gave it.
    pub argument: &'a str,
    pub status: u16,
    pub micros: u64,
}

/// A JSON argument without its secrets, on one line, cut to a bearable length. What is not JSON is not shown:
/// nobody knows which part of it is secret.
pub fn masked(argument: &str) -> String {
    if argument.is_empty() {
        return "-".to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(argument) else {
        return format!("<{} octets that are not JSON>", argument.len());
    };
    mask(&mut value);
    let mut line = String::new();
    // serde_json escapes control characters, so this stays one line.
    let _ = write!(line, "{value}");
    match line.char_indices().nth(ARGUMENT_CHARS_MAX) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) {
                    *value = Value::String("***".to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["pass", "psw", "secret", "token", "suid", "session_id", "card_key", "sid"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let shown = masked(r#"{"login":"иванов","passwd":"x","user":{"psw1":"y","list":[{"suid":"z"}]}}"#);
        assert_eq!(
            shown,
            r#"{"login":"иванов","passwd":"***","user":{"list":[{"suid":"***"}],"psw1":"***"}}"#
        );
        assert_eq!(masked("{\"passwd\":\"x"), "<12 octets that are not JSON>");
        assert_eq!(masked(""), "-");
        assert!(!masked("{\"a\":\"b\\nc\"}").contains('\n'));
        assert_eq!(masked(&format!("\"{}\"", "я".repeat(2000))).chars().count(), ARGUMENT_CHARS_MAX + 3);
    }
}
