//! The four JSON arrays that rating data comes in: activation periods, destinations, tariff plans, user budgets.

use super::budget::UserBudget;
use super::interval::ActivationPeriod;
use super::plan::{Destination, TariffPlan};
use super::record::{List, record};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Entries of `ap.json`, each a prefix of one subject.
pub const RATES_MAX: usize = 4_000_000;
/// Activation periods of one entry.
pub const ACTIVATION_PERIODS_MAX: usize = 256;
/// Elements of each of the other three files.
pub const ROWS_MAX: usize = 4_000_000;

/// One entry of `ap.json`: the rates of a subject for a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RateRow {
    #[serde(rename = "CstmId")]
    pub tenant: String,
    pub subject: String,
    #[serde(rename = "DestinationPrefix")]
    pub prefix: String,
    pub activation_periods: Vec<ActivationPeriod>,
}

record! { RateRow {
    tenant: "CstmId" | "Tenant" as String,
    subject: "Subject" as String,
    prefix: "DestinationPrefix" | "Destination" as String,
    activation_periods: "ActivationPeriods" as List<ActivationPeriod, ACTIVATION_PERIODS_MAX>,
} }

/// The rows of the four files. `Serialize` gives an object of four arrays, each of which [`Documents::read`] reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Documents {
    #[serde(rename = "ap")]
    pub rates: Vec<RateRow>,
    #[serde(rename = "dest")]
    pub destinations: Vec<Destination>,
    #[serde(rename = "tp")]
    pub plans: Vec<TariffPlan>,
    #[serde(rename = "ub")]
    pub budgets: Vec<UserBudget>,
}

record! { Documents {
    rates: "ap" as List<RateRow, RATES_MAX>,
    destinations: "dest" as List<Destination, ROWS_MAX>,
    plans: "tp" as List<TariffPlan, ROWS_MAX>,
    budgets: "ub" as List<UserBudget, ROWS_MAX>,
} }

/// One of the four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Rates,
    Destinations,
    Plans,
    Budgets,
}

impl DocumentKind {
    pub const ALL: [DocumentKind; 4] =
        [DocumentKind::Rates, DocumentKind::Destinations, DocumentKind::Plans, DocumentKind::Budgets];

    pub const fn file_name(self) -> &'static str {
        match self {
            DocumentKind::Rates => "ap.json",
            DocumentKind::Destinations => "dest.json",
            DocumentKind::Plans => "tp.json",
            DocumentKind::Budgets => "ub.json",
        }
    }
}

/// Why rating data is refused. Printed as `ap.json: element 2: ActivationPeriods: element 1: Intervals: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    pub file: &'static str,
    /// The place (elements are counted from 1), what was expected and what was found.
    pub text: String,
}

impl LoadError {
    pub(super) fn at(kind: DocumentKind, element: usize, text: impl fmt::Display) -> LoadError {
        LoadError { file: kind.file_name(), text: format!("element {element}: {text}") }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.text)
    }
}

impl std::error::Error for LoadError {}

impl Documents {
    /// Reads one file's text in the place of the rows of that kind. References between files are checked by
    /// [`super::Tariffs::new`].
    pub fn read(&mut self, kind: DocumentKind, json: &str) -> Result<(), LoadError> {
        match kind {
            DocumentKind::Rates => self.rates = rows::<RateRow, RATES_MAX>(kind, json)?,
            DocumentKind::Destinations => self.destinations = rows::<Destination, ROWS_MAX>(kind, json)?,
            DocumentKind::Plans => self.plans = rows::<TariffPlan, ROWS_MAX>(kind, json)?,
            DocumentKind::Budgets => self.budgets = rows::<UserBudget, ROWS_MAX>(kind, json)?,
        }
        Ok(())
    }

    /// The text of one file, compact.
    pub fn to_json(&self, kind: DocumentKind) -> String {
        let text = match kind {
            DocumentKind::Rates => serde_json::to_string(&self.rates),
            DocumentKind::Destinations => serde_json::to_string(&self.destinations),
            DocumentKind::Plans => serde_json::to_string(&self.plans),
            DocumentKind::Budgets => serde_json::to_string(&self.budgets),
        };
        // Serializing these values cannot fail: no map keys, no foreign code. An empty list is still a valid file.
        text.unwrap_or_else(|_| "[]".to_owned())
    }
}

fn rows<T, const MAX: usize>(kind: DocumentKind, json: &str) -> Result<Vec<T>, LoadError>
where
    T: for<'de> Deserialize<'de>,
{
    let list: Result<List<T, MAX>, _> = serde_json::from_str(json);
    list.map(Vec::from).map_err(|why| LoadError { file: kind.file_name(), text: why.to_string() })
}
