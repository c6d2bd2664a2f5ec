//! A dialect of payment operators as data: names of parameters, words of commands, codes, and the shape of answers.
//!
//! The dialects that come with the program are tables like those of `[[payments.dialect]]`, in files beside this one.

use super::element::{Element, is_name, read_elements};
use crate::config::error::{ConfigError, Fault};
use crate::config::files;
use crate::config::secret::SecretFiles;
use crate::config::section::Section;
use crate::config::server::name as plain_name;
use crate::config::tree::{Node, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Name and text of each dialect that needs no configuration.
const BUILT_IN: [(&str, &str); 3] = [
    ("osmp", include_str!("osmp.toml")),
    ("sber1", include_str!("sber1.toml")),
    // Based upon the first.
    ("sber2", include_str!("sber2.toml")),
];
pub(super) const NAME: &str = "a name of letters, digits, dots and dashes, at most 63";
const PATHS_MAX: usize = 16;
const PATH_OCTETS_MAX: usize = 128;
const WORD_CHARS_MAX: usize = 64;
const CODE_CHARS_MAX: usize = 16;
const MESSAGE_CHARS_MAX: usize = 300;
const ID_CHARS_MAX: usize = 64;

/// What operators may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentAct {
    Check,
    Pay,
    /// Takes a payment back, once.
    Cancel,
    /// What became of a payment.
    Status,
}

impl PaymentAct {
    pub const ALL: [PaymentAct; 4] =
        [PaymentAct::Check, PaymentAct::Pay, PaymentAct::Cancel, PaymentAct::Status];

    pub const fn as_str(self) -> &'static str {
        match self {
            PaymentAct::Check => "check",
            PaymentAct::Pay => "pay",
            PaymentAct::Cancel => "cancel",
            PaymentAct::Status => "status",
        }
    }
}

/// What an answer can say; each has a code and a text in a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentResult {
    Ok,
    /// Done before; the answer is the one of then.
    Repeat,
    /// Nothing is known or done: come again. The one code that must never end an operator's tries.
    Later,
    UnknownCommand,
    /// Not written as an account is.
    BadAccount,
    UnknownAccount,
    BadId,
    BadSum,
    SumTooSmall,
    SumTooBig,
    BadDate,
    /// A repeat with something else in it.
    OtherSum,
    OtherDate,
    OtherAccount,
    /// To be taken back or asked about, and not there.
    UnknownPayment,
    NotCancellable,
    Other,
}

impl PaymentResult {
    pub const ALL: [PaymentResult; 17] = [
        PaymentResult::Ok,
        PaymentResult::Repeat,
        PaymentResult::Later,
        PaymentResult::UnknownCommand,
        PaymentResult::BadAccount,
        PaymentResult::UnknownAccount,
        PaymentResult::BadId,
        PaymentResult::BadSum,
        PaymentResult::SumTooSmall,
        PaymentResult::SumTooBig,
        PaymentResult::BadDate,
        PaymentResult::OtherSum,
        PaymentResult::OtherDate,
        PaymentResult::OtherAccount,
        PaymentResult::UnknownPayment,
        PaymentResult::NotCancellable,
        PaymentResult::Other,
    ];

    /// The word of the configuration, and of `headgate events`.
    pub const fn as_str(self) -> &'static str {
        match self {
            PaymentResult::Ok => "ok",
            PaymentResult::Repeat => "repeat",
            PaymentResult::Later => "later",
            PaymentResult::UnknownCommand => "unknown-command",
            PaymentResult::BadAccount => "bad-account",
            PaymentResult::UnknownAccount => "unknown-account",
            PaymentResult::BadId => "bad-id",
            PaymentResult::BadSum => "bad-sum",
            PaymentResult::SumTooSmall => "sum-too-small",
            PaymentResult::SumTooBig => "sum-too-big",
            PaymentResult::BadDate => "bad-date",
            PaymentResult::OtherSum => "other-sum",
            PaymentResult::OtherDate => "other-date",
            PaymentResult::OtherAccount => "other-account",
            PaymentResult::UnknownPayment => "unknown-payment",
            PaymentResult::NotCancellable => "not-cancellable",
            PaymentResult::Other => "other",
        }
    }

    pub fn is_done(self) -> bool {
        matches!(self, PaymentResult::Ok | PaymentResult::Repeat)
    }

    const fn message(self) -> &'static str {
        match self {
            PaymentResult::Ok => "OK",
            PaymentResult::Repeat => "Платеж уже проведен",
            PaymentResult::Later => "Временная ошибка, повторите запрос позже",
            PaymentResult::UnknownCommand => "Неизвестная команда",
            PaymentResult::BadAccount => "Неверный формат номера лицевого счета",
            PaymentResult::UnknownAccount => "Абонент не найден",
            PaymentResult::BadId => "Неверный идентификатор платежа",
            PaymentResult::BadSum => "Неверная сумма платежа",
            PaymentResult::SumTooSmall => "Сумма слишком мала",
            PaymentResult::SumTooBig => "Сумма слишком велика",
            PaymentResult::BadDate => "Неверная дата платежа",
            PaymentResult::OtherSum => "Сумма дублирующего платежа не совпадает с оригиналом",
            PaymentResult::OtherDate => "Дата дублирующего платежа не совпадает с оригиналом",
            PaymentResult::OtherAccount => "Дублирующий платеж указывает другого абонента",
            PaymentResult::UnknownPayment => "Платеж не найден",
            PaymentResult::NotCancellable => "Платеж нельзя отменить",
            PaymentResult::Other => "Платеж невозможен",
        }
    }
}

/// Names of parameters, in lower case: requests have them in any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterNames {
    pub command: String,
    pub id: String,
    pub date: String,
    pub account: String,
    pub sum: String,
    /// Which payment a cancellation means; empty: the one with its `id`.
    pub cancels: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    pub name: String,
    pub paths: Vec<String>,
    pub parameters: ParameterNames,
    /// The word of each act, in lower case.
    pub commands: BTreeMap<PaymentAct, String>,
    /// A payment's id is digits only.
    pub id_digits: bool,
    pub id_chars_max: usize,
    /// As strftime writes it; empty: dates are not looked at.
    pub date_format: String,
    pub date_needed: bool,
    /// A repeat with another date is a conflict.
    pub date_compared: bool,
    /// For `{time}`.
    pub answer_date_format: String,
    /// Sums are whole numbers of the minor unit, not of the currency.
    pub sum_in_minor_units: bool,
    /// An encoding's name as it stands in the answer's declaration.
    pub encoding: String,
    pub content_type: String,
    pub root: String,
    pub elements: BTreeMap<PaymentAct, Vec<Element>>,
    codes: BTreeMap<PaymentResult, String>,
    messages: BTreeMap<PaymentResult, String>,
}

static BUILT_IN_READ: LazyLock<Result<Vec<Arc<Dialect>>, Vec<ConfigError>>> = LazyLock::new(read_built_in);

fn read_built_in() -> Result<Vec<Arc<Dialect>>, Vec<ConfigError>> {
    let mut known: Vec<Arc<Dialect>> = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in BUILT_IN {
        let tree = files::read_text(&format!("dialect {name}"), text)?;
        let mut section = Section::new("dialect", &tree, &mut errors, &SecretFiles::Unread);
        let mut dialect = Dialect::read_table(&mut section, &known);
        section.finish();
        name.clone_into(&mut dialect.name);
        if let Some(missing) = dialect.missing() {
            section.refuse("paths", &missing);
        }
        known.push(Arc::new(dialect));
    }
    if errors.is_empty() { Ok(known) } else { Err(errors) }
}

impl Dialect {
    /// The dialects that come with the program.
    pub fn built_in() -> &'static [Arc<Dialect>] {
        BUILT_IN_READ.as_ref().map(Vec::as_slice).unwrap_or_default()
    }

    /// The act that a command's word means, in any case.
    pub fn act(&self, word: &str) -> Option<PaymentAct> {
        let word = word.to_lowercase();
        self.commands.iter().find(|(_, known)| **known == word).map(|(act, _)| *act)
    }

    /// The code of a result; what has none of its own has that of `other`, and a repeat that of `ok`.
    pub fn code(&self, result: PaymentResult) -> &str {
        let stand_in = match result {
            PaymentResult::Repeat => PaymentResult::Ok,
            _ => PaymentResult::Other,
        };
        let code = self.codes.get(&result).or_else(|| self.codes.get(&stand_in));
        code.map_or("", String::as_str)
    }

    pub fn message(&self, result: PaymentResult) -> &str {
        self.messages.get(&result).map_or(result.message(), String::as_str)
    }

    /// A table of `[[payments.dialect]]`.
    pub(super) fn read(section: &mut Section<'_>, known: &[Arc<Dialect>]) -> Dialect {
        let mut name = String::new();
        section.parsed("name", &mut name, NAME, plain_name).needed("name", NAME);
        let mut dialect = Dialect::read_table(section, known);
        if !section.has("paths") {
            dialect.paths = vec![format!("/{name}")];
        }
        dialect.name = name;
        if known.iter().any(|other| other.name == dialect.name) || dialect.name == super::HOOK {
            section.refuse("name", "there is a dialect of this name already");
        }
        if let Some(missing) = dialect.missing() {
            section.refuse("name", &missing);
        }
        dialect
    }

    fn read_table(section: &mut Section<'_>, known: &[Arc<Dialect>]) -> Dialect {
        let names: Vec<&str> = known.iter().map(|dialect| dialect.name.as_str()).collect();
        let expected = format!("a dialect that comes before this one: {}", names.join(", "));
        let mut dialect = Dialect {
            id_chars_max: ID_CHARS_MAX,
            date_compared: true,
            encoding: "UTF-8".to_owned(),
            content_type: "text/xml".to_owned(),
            root: "response".to_owned(),
            answer_date_format: "%Y-%m-%dT%H:%M:%S".to_owned(),
            ..Dialect::default()
        };
        let base = |text: &str| known.iter().find(|other| other.name == text).map(|d| Dialect::clone(d));
        section.parsed("base", &mut dialect, &expected, base);
        section
            .value("paths", &mut dialect.paths, read_paths)
            .parsed(
                "encoding",
                &mut dialect.encoding,
                "a charset such as \"UTF-8\" or \"windows-1251\"",
                charset,
            )
            .parsed(
                "content-type",
                &mut dialect.content_type,
                "a media type such as \"text/xml\"",
                media_type,
            )
            .parsed("root", &mut dialect.root, "a name of XML", |text| is_name(text).then(|| text.to_owned()))
            .word("id-format", &mut dialect.id_digits, &[("digits", true), ("any", false)])
            .number("id-chars-max", &mut dialect.id_chars_max, 1..=ID_CHARS_MAX)
            .parsed("date-format", &mut dialect.date_format, DATE, |text| date_format(text, true))
            .boolean("date-needed", &mut dialect.date_needed)
            .boolean("date-compared", &mut dialect.date_compared)
            .parsed("answer-date-format", &mut dialect.answer_date_format, DATE, |text| {
                date_format(text, false)
            })
            .word("sum-unit", &mut dialect.sum_in_minor_units, &[("currency", false), ("minor", true)]);
        for act in PaymentAct::ALL {
            let mut elements = dialect.elements.remove(&act).unwrap_or_default();
            read_elements(section, act.as_str(), &mut elements);
            dialect.elements.insert(act, elements);
        }
        dialect.parameters.read(&mut section.inner("parameters"));
        let mut commands = section.inner("commands");
        for act in PaymentAct::ALL {
            let mut word = None;
            commands.parsed(act.as_str(), &mut word, WORD, |text| word_of(text).map(Some));
            dialect.commands.extend(word.map(|word| (act, word)));
        }
        commands.finish();
        read_results(&mut section.inner("codes"), &mut dialect.codes, code);
        read_results(&mut section.inner("messages"), &mut dialect.messages, message);
        dialect
    }

    /// What a dialect cannot do without.
    fn missing(&self) -> Option<String> {
        let needed = [PaymentResult::Ok, PaymentResult::Later, PaymentResult::Other];
        let names = [
            ("parameters.command", &self.parameters.command),
            ("parameters.id", &self.parameters.id),
            ("parameters.account", &self.parameters.account),
            ("parameters.sum", &self.parameters.sum),
        ];
        let mut missing: Vec<String> = Vec::new();
        missing.extend(names.iter().filter(|(_, value)| value.is_empty()).map(|(key, _)| (*key).to_owned()));
        if (self.date_needed || !self.date_format.is_empty()) && self.parameters.date.is_empty() {
            missing.push("parameters.date".to_owned());
        }
        missing.extend(
            needed
                .iter()
                .filter(|result| !self.codes.contains_key(result))
                .map(|r| format!("codes.{}", r.as_str())),
        );
        if !self.commands.contains_key(&PaymentAct::Pay) {
            missing.push("commands.pay".to_owned());
        }
        let silent = |act: &PaymentAct| self.elements.get(act).is_none_or(Vec::is_empty);
        missing.extend(self.commands.keys().filter(|act| silent(act)).map(|act| act.as_str().to_owned()));
        if !missing.is_empty() {
            return Some(format!("this dialect lacks: {}", missing.join(", ")));
        }
        let later = self.code(PaymentResult::Later);
        let fatal = PaymentResult::ALL
            .into_iter()
            .find(|result| *result != PaymentResult::Later && self.code(*result) == later)?;
        let fatal = fatal.as_str();
        Some(format!(
            "codes.{fatal} is the code of `later`; what is final must differ from what is to be repeated"
        ))
    }
}

const WORD: &str = "a word without spaces, at most 64 characters";
const DATE: &str = "a date as strftime writes it, such as \"%Y%m%d%H%M%S\"";

impl ParameterNames {
    fn read(&mut self, section: &mut Section<'_>) {
        section
            .parsed("command", &mut self.command, WORD, word_of)
            .parsed("id", &mut self.id, WORD, word_of)
            .parsed("date", &mut self.date, WORD, word_of)
            .parsed("account", &mut self.account, WORD, word_of)
            .parsed("sum", &mut self.sum, WORD, word_of)
            .parsed("cancels", &mut self.cancels, WORD, word_of);
        section.finish();
    }
}

fn read_results(
    section: &mut Section<'_>,
    slot: &mut BTreeMap<PaymentResult, String>,
    read: impl Fn(&Node) -> Result<String, Fault>,
) {
    for result in PaymentResult::ALL {
        let mut text = None;
        section.value(result.as_str(), &mut text, |node| read(node).map(Some));
        slot.extend(text.map(|text| (result, text)));
    }
    section.finish();
}

fn code(node: &Node) -> Result<String, Fault> {
    const WHAT: &str = "a code: a number, or a text of at most 16 characters";
    let text = match &node.value {
        Value::Integer(Some(number)) => number.to_string(),
        _ => node.text(WHAT)?.to_owned(),
    };
    let fits =
        !text.is_empty() && text.chars().count() <= CODE_CHARS_MAX && !text.contains(char::is_whitespace);
    if fits { Ok(text) } else { Err(node.expected(WHAT)) }
}

fn message(node: &Node) -> Result<String, Fault> {
    const WHAT: &str = "a text of at most 300 characters on one line";
    let text = node.text(WHAT)?;
    let fits = text.chars().count() <= MESSAGE_CHARS_MAX && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(node.expected(WHAT)) }
}

fn word_of(text: &str) -> Option<String> {
    let fits = !text.is_empty()
        && text.chars().count() <= WORD_CHARS_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    fits.then(|| text.to_lowercase())
}

fn read_paths(node: &Node) -> Result<Vec<String>, Fault> {
    const WHAT: &str = "a list of paths such as \"/osmp.php\", at most 16";
    let items = node.list(WHAT)?;
    if items.is_empty() || items.len() > PATHS_MAX {
        return Err(node.expected(WHAT));
    }
    items.iter().map(|item| path(item.text(WHAT)?).ok_or_else(|| item.expected(WHAT))).collect()
}

/// A path that no notification has.
pub(super) fn path(text: &str) -> Option<String> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/-._~".contains(&octet);
    let fits = text.starts_with('/')
        && (2..=PATH_OCTETS_MAX).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with(super::HOOK_PATH);
    fits.then(|| text.to_owned())
}

fn charset(text: &str) -> Option<String> {
    let encoding = encoding_rs::Encoding::for_label(text.as_bytes())?;
    // What these would write is UTF-8, and not what the declaration says.
    let honest = encoding.output_encoding() == encoding && encoding.is_ascii_compatible();
    honest.then(|| text.to_owned())
}

fn media_type(text: &str) -> Option<String> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/-.+".contains(&octet);
    (text.contains('/') && text.len() <= WORD_CHARS_MAX && text.bytes().all(plain)).then(|| text.to_owned())
}

/// A format that writes a date, and reads what it wrote where it is to be read.
fn date_format(text: &str, to_be_read: bool) -> Option<String> {
    let sample = jiff::civil::date(2026, 4, 6).at(14, 20, 59, 0);
    let written = jiff::fmt::strtime::format(text, sample).ok()?;
    let read = || {
        jiff::civil::DateTime::strptime(text, &written)
            .or_else(|_| jiff::civil::Date::strptime(text, &written).map(|date| date.at(0, 0, 0, 0)))
    };
    let fits =
        text.chars().count() <= WORD_CHARS_MAX && !written.is_empty() && (!to_be_read || read().is_ok());
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialects_of_the_program_can_be_read() {
        assert_eq!(BUILT_IN_READ.as_ref().err(), None);
        let names: Vec<_> = Dialect::built_in().iter().map(|dialect| dialect.name.as_str()).collect();
        assert_eq!(names, ["osmp", "sber1", "sber2"]);
    }

    #[test]
    fn codes_are_those_of_the_protocols() {
        use PaymentResult::*;
        for (name, result, code) in [
            ("osmp", Ok, "0"),
            ("osmp", Repeat, "0"),
            ("osmp", Later, "1"),
            ("osmp", BadAccount, "4"),
            ("osmp", UnknownAccount, "5"),
            ("osmp", SumTooSmall, "241"),
            ("osmp", SumTooBig, "242"),
            ("osmp", OtherSum, "300"),
            ("osmp", UnknownCommand, "300"),
            ("sber2", UnknownAccount, "5"),
            ("sber1", UnknownCommand, "2"),
            ("sber1", UnknownAccount, "3"),
            ("sber1", BadAccount, "4"),
            ("sber1", BadId, "6"),
            ("sber1", Repeat, "8"),
            ("sber1", BadSum, "9"),
            ("sber1", SumTooSmall, "10"),
            ("sber1", SumTooBig, "11"),
            ("sber1", BadDate, "12"),
            ("sber1", Other, "300"),
        ] {
            let dialect = Dialect::built_in().iter().find(|dialect| dialect.name == name).unwrap();
            assert_eq!(dialect.code(result), code, "{name} {}", result.as_str());
        }
    }
}
