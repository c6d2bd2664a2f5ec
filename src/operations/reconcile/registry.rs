//! A payment operator's registry: CSV as banks and payment systems send it.

use crate::config::data::{csv_delimiter, decoded};
use crate::engine::day_of;
use crate::model::*;
use csv::{ReaderBuilder, StringRecord};
use jiff::tz::TimeZone;

/// Payments of one registry.
pub(super) const ROWS_MAX: usize = 1_000_000;
/// Bad lines that are named; the rest is counted.
const BAD_LINES_MAX: usize = 1_000;
/// Octets of a cell that are shown of a bad line.
const SHOWN_OCTETS: usize = 60;
/// Longest id or account that is taken, octets.
const CELL_OCTETS_MAX: usize = 200;

/// Headings that columns are known by, in lower case without `_`, `-`, dots and spaces.
const ID: &[&str] = &[
    "id",
    "txnid",
    "payid",
    "payidstr",
    "osmptxnid",
    "paymentid",
    "transactionid",
    "операция",
    "номероперации",
    "номерплатежа",
    "идентификатор",
    "идплатежа",
    "номертранзакции",
    "кодоперации",
];
/// Our own number of the payment, as we answered it to the operator.
const OP_ID: &[&str] = &["prvtxn", "opid", "extid", "номерпровайдера"];
const SUM: &[&str] = &["sum", "amount", "sumin", "сумма", "суммаплатежа", "суммаоперации", "зачислено"];
const DATE: &[&str] =
    &["date", "txndate", "paydate", "time", "datetime", "дата", "датаплатежа", "датаоперации", "датавремя"];
const ACCOUNT: &[&str] = &[
    "account",
    "contract",
    "contractnumber",
    "login",
    "лицевойсчет",
    "лс",
    "договор",
    "номердоговора",
    "счет",
    "номерлицевогосчета",
    "абонент",
];
/// What the first cell of a closing line begins with.
const TRAILERS: &[&str] = &["итого", "всего", "total"];

/// One payment as the operator has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub line: usize,
    /// The operator's id, or our `op_id`, as [`Registry::by_op_id`] says.
    pub id: String,
    pub sum: Money,
    pub account: Option<String>,
    pub day: Option<Day>,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    pub rows: Vec<Row>,
    /// Ids are our own numbers of payments.
    pub by_op_id: bool,
    /// Line and what is wrong with it.
    pub bad_lines: Vec<(usize, String)>,
    pub more_bad_lines: usize,
}

/// Places of the columns, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Columns {
    id: Option<usize>,
    op_id: Option<usize>,
    sum: Option<usize>,
    date: Option<usize>,
    account: Option<usize>,
}

/// Reads a registry. `columns` like `id=1,sum=3,date=4` names them for a file without headings.
pub(super) fn read(
    content: &[u8],
    columns: Option<&str>,
    digits: usize,
    zone: &TimeZone,
) -> Result<Registry, Refusal> {
    let text = decoded(content);
    let text = text.as_ref();
    let mut columns = columns.map(named_columns).transpose()?;
    let named = columns.is_some();
    let mut reader = ReaderBuilder::new()
        .delimiter(csv_delimiter(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let mut registry = Registry::default();
    let (mut record, mut first) = (StringRecord::new(), true);
    while reader.read_record(&mut record).map_err(|error| Refusal::new("bad-registry", error.to_string()))? {
        let line = lines.of(&record);
        if record.iter().all(|cell| cell.trim().is_empty()) || is_remark(&record) {
            continue;
        }
        let known = match columns {
            Some(known) => known,
            None => {
                columns = Some(headings(&record, line)?);
                first = false;
                continue;
            }
        };
        registry.by_op_id = known.id.is_none();
        // Columns that were named by hand may stand under headings all the same.
        let heading =
            named && first && known.sum.and_then(|at| record.get(at)).is_some_and(|c| !has_digit(c));
        first = false;
        if heading {
            continue;
        }
        match row(&record, line, &known, digits, zone) {
            Ok(row) if registry.rows.len() < ROWS_MAX => registry.rows.push(row),
            Ok(_) => {
                let text = format!("line {line}: more than {ROWS_MAX} payments; cut the registry");
                return Err(Refusal::new("registry-too-large", text));
            }
            Err(_) if registry.bad_lines.len() >= BAD_LINES_MAX => registry.more_bad_lines += 1,
            Err(text) => registry.bad_lines.push((line, text)),
        }
    }
    Ok(registry)
}

/// Numbers of lines. The CSV reader's own are those before the blank lines that it skips.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line that a record begins on; records come in order.
    fn of(&mut self, record: &StringRecord) -> usize {
        let start = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(usize::MAX));
        let rest = self.text.get(start..).unwrap_or_default();
        let blank = rest.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
        let start = start.saturating_add(blank);
        let passed = self.text.get(self.at..start).unwrap_or_default();
        self.line += passed.iter().filter(|octet| **octet == b'\n').count();
        self.at = start.max(self.at);
        self.line
    }
}

fn is_remark(record: &StringRecord) -> bool {
    let cell = record.iter().map(str::trim).find(|cell| !cell.is_empty()).unwrap_or_default().to_lowercase();
    cell.starts_with('#') || TRAILERS.iter().any(|word| cell.starts_with(word))
}

fn has_digit(cell: &str) -> bool {
    cell.bytes().any(|octet| octet.is_ascii_digit())
}

fn headings(record: &StringRecord, line: usize) -> Result<Columns, Refusal> {
    let names: Vec<String> = record
        .iter()
        .map(|cell| {
            let cell = cell.to_lowercase().replace('ё', "е").replace('№', "номер");
            // `Сумма, руб.`, `Сумма (RUB)`
            let cell = cell.split([',', '(']).next().unwrap_or_default();
            cell.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ' | '\u{a0}')).collect()
        })
        .collect();
    let place = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    let found = Columns {
        id: place(ID),
        op_id: place(OP_ID),
        sum: place(SUM),
        date: place(DATE),
        account: place(ACCOUNT),
    };
    found.checked().map_err(|missing| {
        let text = format!(
            "line {line}: no column is known as the payment's {missing}; headings like id;sum;date;account are \
             (also in Russian), or name columns by number: --columns id=1,sum=3,date=4"
        );
        Refusal::new("no-columns", text)
    })
}

fn named_columns(text: &str) -> Result<Columns, Refusal> {
    let refuse = |why: String| Refusal::new("bad-columns", format!("--columns: {why}"));
    let mut columns = Columns::default();
    for part in text.split(',') {
        let expected = || refuse(format!("{part:?}; expected something like id=1,sum=3,date=4,account=2"));
        let (name, number) = part.split_once('=').ok_or_else(expected)?;
        let number: usize = number.trim().parse().map_err(|_| expected())?;
        let place = number.checked_sub(1).ok_or_else(|| refuse("columns are counted from 1".into()))?;
        let column = match name.trim() {
            "id" => &mut columns.id,
            "op_id" => &mut columns.op_id,
            "sum" => &mut columns.sum,
            "date" => &mut columns.date,
            "account" => &mut columns.account,
            other => {
                return Err(refuse(format!("{other:?}; columns are id, op_id, sum, date and account")));
            }
        };
        if column.replace(place).is_some() {
            return Err(refuse(format!("{} is named twice", name.trim())));
        }
    }
    columns.checked().map_err(|missing| refuse(format!("the payment's {missing} is missing")))
}

impl Columns {
    fn checked(self) -> Result<Columns, &'static str> {
        match (self.id.or(self.op_id), self.sum) {
            (None, _) => Err("id"),
            (_, None) => Err("sum"),
            _ => Ok(self),
        }
    }
}

fn row(
    record: &StringRecord,
    line: usize,
    columns: &Columns,
    digits: usize,
    zone: &TimeZone,
) -> Result<Row, String> {
    let cell = |place: Option<usize>| place.and_then(|at| record.get(at)).map(str::trim).unwrap_or_default();
    let id = cell(columns.id.or(columns.op_id));
    if id.is_empty() {
        return Err("the payment's id is empty".into());
    }
    let account = cell(columns.account);
    if id.len() > CELL_OCTETS_MAX || account.len() > CELL_OCTETS_MAX {
        return Err(format!("id and account have at most {CELL_OCTETS_MAX} octets"));
    }
    let sum = cell(columns.sum);
    let sum = Money::parse(sum, digits).map_err(|error| format!("sum: {}", shortened(&error.to_string())))?;
    if !sum.is_positive() {
        return Err("sum: expected more than 0".into());
    }
    let date = cell(columns.date);
    let day = match date {
        "" => None,
        date => Some(day(date, zone).ok_or_else(|| {
            format!("date: {:?}; expected 2026-04-06, 06.04.2026 or 20260406142000", shortened(date))
        })?),
    };
    let account = (!account.is_empty()).then(|| account.to_owned());
    // Our own number is the same however it is written.
    let id = match (columns.id, id.parse::<i64>()) {
        (None, Ok(number)) => number.to_string(),
        _ => id.to_owned(),
    };
    Ok(Row { line, id, sum, account, day })
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(SHOWN_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// The day of a date as operators write it; a moment with its zone is a day of the server's.
pub(super) fn day(text: &str, zone: &TimeZone) -> Option<Day> {
    let text = text.trim();
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Some(day_of(Timestamp::from_micros(exact.as_microsecond()), zone));
    }
    if text.len() >= 8 && text.bytes().all(|octet| octet.is_ascii_digit()) {
        let part = |from, to| text.get(from..to)?.parse().ok();
        let sound = matches!(text.len(), 8 | 12 | 14);
        return Day::from_civil(part(0, 4)?, part(4, 6)?, part(6, 8)?).filter(|_| sound);
    }
    let date = text.split(['T', ' ', '_']).next().unwrap_or_default();
    if let Ok(day) = date.parse() {
        return Some(day);
    }
    let mut parts = date.split(['.', '/']);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || day.len() > 2 || month.len() > 2 || year.len() != 4 {
        return None;
    }
    Day::from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}
