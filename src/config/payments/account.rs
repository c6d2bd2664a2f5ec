//! `account-pattern`: how an operator writes the account, where that is not simply the contract.

use crate::config::error::Fault;
use crate::config::tree::{Node, Value};

/// Patterns of one operator.
const PATTERNS_MAX: usize = 16;
/// Longest account that is looked at, octets.
const ACCOUNT_OCTETS_MAX: usize = 128;
const PADDED_MAX: usize = 32;
const WHAT: &str = "a text such as \"1_{account}\", or a list of them, with one of {account}, {digits}, {digits:6}, {number}";

/// What operators send, and which part of it names the payer. The first pattern that fits counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPatterns(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    before: String,
    place: Place,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `{account}`: anything.
    Anything,
    /// `{digits}`: digits as they are.
    Digits,
    /// `{digits:6}`: digits, zeros put before them until there are so many.
    Padded(usize),
    /// `{number}`: digits, zeros before them taken away.
    Number,
}

impl Default for AccountPatterns {
    fn default() -> AccountPatterns {
        AccountPatterns(vec![Pattern { before: String::new(), place: Place::Anything, after: String::new() }])
    }
}

impl AccountPatterns {
    /// Whom the text names. None: it is not written as this operator writes accounts.
    pub fn payer(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let plain =
            !text.is_empty() && text.len() <= ACCOUNT_OCTETS_MAX && !text.chars().any(char::is_control);
        if !plain {
            return None;
        }
        self.0.iter().find_map(|pattern| pattern.payer(text))
    }

    pub(super) fn read(node: &Node) -> Result<AccountPatterns, Fault> {
        let one = std::slice::from_ref(node);
        let items = match &node.value {
            Value::List(items) if (1..=PATTERNS_MAX).contains(&items.len()) => items.as_slice(),
            _ => one,
        };
        let pattern = |item: &Node| Pattern::parse(item.text(WHAT)?).ok_or_else(|| item.expected(WHAT));
        items.iter().map(pattern).collect::<Result<_, _>>().map(AccountPatterns)
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        let (before, rest) = text.split_once('{')?;
        let (place, after) = rest.split_once('}')?;
        let place = match place.split_once(':') {
            None if place == "account" => Place::Anything,
            None if place == "digits" => Place::Digits,
            None if place == "number" => Place::Number,
            Some(("digits", width)) => {
                Place::Padded(width.parse().ok().filter(|width| (1..=PADDED_MAX).contains(width))?)
            }
            _ => return None,
        };
        let plain = !after.contains(['{', '}']) && !before.contains('}');
        plain.then(|| Pattern { before: before.to_owned(), place, after: after.to_owned() })
    }

    fn payer(&self, text: &str) -> Option<String> {
        let part = text.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let digits = part.bytes().all(|octet| octet.is_ascii_digit());
        if part.is_empty() || !(digits || self.place == Place::Anything) {
            return None;
        }
        Some(match self.place {
            Place::Anything | Place::Digits => part.to_owned(),
            Place::Padded(width) => format!("{part:0>width$}"),
            Place::Number => match part.trim_start_matches('0') {
                "" => "0".to_owned(),
                number => number.to_owned(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_as_its_operator_writes_it() {
        for (pattern, sent, payer) in [
            ("{account}", " ivanov ", Some("ivanov")),
            ("{account}", "", None),
            ("{account}", "a\u{1}b", None),
            ("1_{account}", "1_1001", Some("1001")),
            ("1_{account}", "1001", None),
            ("{digits}", "1001", Some("1001")),
            ("{digits}", "ivanov", None),
            ("{digits:6}", "1001", Some("001001")),
            ("{digits:6}", "1234567", Some("1234567")),
            ("{number}", "001001", Some("1001")),
            ("{number}", "000", Some("0")),
            ("{number}-ip", "007-ip", Some("7")),
        ] {
            let patterns = AccountPatterns(vec![Pattern::parse(pattern).unwrap()]);
            assert_eq!(patterns.payer(sent).as_deref(), payer, "{pattern} {sent:?}");
        }
        let two = AccountPatterns(["1_{digits}", "{account}"].map(|p| Pattern::parse(p).unwrap()).into());
        assert_eq!(two.payer("1_77").as_deref(), Some("77"));
        assert_eq!(two.payer("1_ab").as_deref(), Some("1_ab"));
        assert_eq!(AccountPatterns::default().payer(&"x".repeat(129)), None);
    }

    #[test]
    fn a_pattern_has_exactly_one_known_place() {
        for text in
            ["", "1_", "{}", "{acount}", "{account}{digits}", "{digits:0}", "{digits:99}", "a}{account}"]
        {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
