//! What commands that change something share: the key they can be repeated under, and how their answer is said.

use super::output::{print_json, text};
use super::{CliError, Context, client};
use clap::Args;
use serde_json::Value;

#[derive(Args)]
pub(super) struct Key {
    /// Names this request: asking again with the same key within 30 days has the first answer and does nothing twice
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

impl Key {
    /// Calls a method of the running server under this key, if one was given.
    pub fn call(&self, context: &Context, method: &str, params: Value) -> Result<Value, CliError> {
        let config = context.config_public()?;
        client::call_keyed(&config.server.control_socket, method, params, self.key.as_deref())
    }
}

/// Prints an answer: `done` or, when it already was so, `unchanged`, with what the answer holds.
pub(super) fn say(context: &Context, answer: &Value, done: &str, unchanged: &str) {
    if context.json {
        return print_json(answer);
    }
    println!("{}", sentence(answer, done, unchanged));
}

fn sentence(answer: &Value, done: &str, unchanged: &str) -> String {
    let mut line = if answer["changed"] == true { done } else { unchanged }.to_owned();
    for (word, key) in
        [("", "amount"), (", balance ", "balance"), (", until ", "until"), (", operation ", "op_id")]
    {
        let value = text(answer.get(key));
        if !value.is_empty() {
            line.push_str(if word.is_empty() { " " } else { word });
            line.push_str(&value);
        }
    }
    if answer["repeat"] == true {
        line.push_str(" (carried out before under this key, nothing was done now)");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_said_with_what_it_holds() {
        let posted =
            json!({ "changed": true, "op_id": 7, "amount": "5.00", "balance": "1.00", "repeat": false });
        assert_eq!(sentence(&posted, "refunded", ""), "refunded 5.00, balance 1.00, operation 7");
        let unchanged = json!({ "changed": false, "repeat": true });
        let wanted = "was so (carried out before under this key, nothing was done now)";
        assert_eq!(sentence(&unchanged, "set", "was so"), wanted);
    }
}
