//! Rating data made ready for lookups.

use super::calltime::CallTime;
use super::documents::{DocumentKind, Documents, LoadError, RateRow};
use super::interval::{ActivationPeriod, PricedPeriod};
use super::number::{Decimal, Quantity};
use super::plan::{Destination, MinuteBucket, TariffPlan};
use super::prefix::{PREFIX_EXPECTED, PrefixMap};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// Octets of a tenant's, subject's, destination's or plan's name.
pub const NAME_OCTETS_MAX: usize = 255;
/// Symbols that a prefix needs to be found by cutting: one in rates, two in destinations.
const RATE_SYMBOLS_MIN: u32 = 1;
const DESTINATION_SYMBOLS_MIN: u32 = 2;
const HUNDRED_PERCENT: Decimal = Decimal::from_nanos(100_000_000_000);

/// The activation periods of one (tenant, subject, prefix), by time.
pub(super) type Rates = Arc<[Arc<PricedPeriod>]>;

/// Which of the [`Tariffs::lists`].
type ListNumber = u32;

/// Gives equal lists of periods one home while loading: price lists repeat few prices over many prefixes.
type SeenRates<'r> = FxHashMap<&'r [ActivationPeriod], ListNumber>;

/// Rates, destinations and tariff plans, read-only. A lookup of rates takes two hashes for tenant and subject and one
/// for each stored length of prefix, however many prefixes there are.
#[derive(Debug, Default)]
pub struct Tariffs {
    rates: FxHashMap<Box<str>, FxHashMap<Box<str>, PrefixMap<ListNumber>>>,
    lists: Vec<Rates>,
    destinations: FxHashMap<Box<str>, PrefixMap<()>>,
    plans: FxHashMap<Box<str>, TariffPlan>,
}

impl Tariffs {
    /// Checks the rows and their references to each other, those of the budgets included; keeps all but the budgets,
    /// which are state and belong to the ledger.
    pub fn new(documents: &Documents) -> Result<Tariffs, LoadError> {
        let mut tariffs = Tariffs::default();
        each(DocumentKind::Destinations, &documents.destinations, |row| tariffs.add_destination(row))?;
        each(DocumentKind::Plans, &documents.plans, |row| tariffs.add_plan(row))?;
        let mut seen = FxHashMap::default();
        each(DocumentKind::Rates, &documents.rates, |row| tariffs.add_rates(row, &mut seen))?;
        let mut ids = FxHashSet::default();
        each(DocumentKind::Budgets, &documents.budgets, |row| {
            name("Id", &row.id)?;
            if !ids.insert(row.id.as_str()) {
                return Err(format!("Id: {:?} stands twice", row.id));
            }
            if row.reset_day > 31 {
                return Err(format!("ResetDayOfTheMonth: expected 0 to 31, found {}", row.reset_day));
            }
            if !row.tariff_plan.is_empty() && tariffs.plan(&row.tariff_plan).is_none() {
                return Err(format!("TariffPlanId: no tariff plan {:?}", row.tariff_plan));
            }
            tariffs.check_buckets("MinuteBuckets", &row.minute_buckets)
        })?;
        Ok(tariffs)
    }

    /// The tariff plan of this id.
    pub fn plan(&self, id: &str) -> Option<&TariffPlan> {
        self.plans.get(id)
    }

    /// Prefixes with rates, all subjects together.
    pub fn prefixes(&self) -> usize {
        self.rates.values().flat_map(FxHashMap::values).map(PrefixMap::len).sum()
    }

    /// The longest stored prefix of `dialled`, as it stands in `dialled`, and its activation periods.
    pub fn periods_for<'d>(
        &self,
        tenant: &str,
        subject: &str,
        dialled: &'d str,
    ) -> Option<(&'d str, impl Iterator<Item = &ActivationPeriod>)> {
        let (prefix, rates) = self.rates_for(tenant, subject, dialled)?;
        Some((prefix, rates.iter().map(|period| period.period())))
    }

    /// Length of the destination's longest prefix of `dialled`, at least 2; `None` when there is none, or no such
    /// destination.
    pub fn precision(&self, destination: &str, dialled: &str) -> Option<usize> {
        let found = self.destinations.get(destination)?.longest(dialled, DESTINATION_SYMBOLS_MIN);
        found.map(|(length, ())| length).filter(|length| *length > 0)
    }

    pub(super) fn rates_for<'d>(
        &self,
        tenant: &str,
        subject: &str,
        dialled: &'d str,
    ) -> Option<(&'d str, &Rates)> {
        let prefixes = self.rates.get(tenant)?.get(subject)?;
        let (length, list) = prefixes.longest(dialled, RATE_SYMBOLS_MIN)?;
        Some((dialled.get(..length)?, self.list(*list)?))
    }

    fn list(&self, number: ListNumber) -> Option<&Rates> {
        self.lists.get(usize::try_from(number).ok()?)
    }

    /// The rows that these tariffs were made of, sorted by name, without budgets. Activation periods are in order of
    /// time.
    pub fn documents(&self) -> Documents {
        let mut documents = Documents::default();
        for (tenant, subjects) in &self.rates {
            for (subject, prefixes) in subjects {
                documents.rates.extend(prefixes.iter().map(|(prefix, list)| {
                    RateRow {
                        tenant: tenant.to_string(),
                        subject: subject.to_string(),
                        prefix,
                        activation_periods: self
                            .list(*list)
                            .into_iter()
                            .flat_map(|rates| rates.iter())
                            .map(|period| period.period().clone())
                            .collect(),
                    }
                }));
            }
        }
        for (id, prefixes) in &self.destinations {
            let mut prefixes: Vec<String> = prefixes.iter().map(|(prefix, ())| prefix).collect();
            prefixes.sort();
            documents.destinations.push(Destination { id: id.to_string(), prefixes });
        }
        documents.plans.extend(self.plans.values().cloned());
        documents
            .rates
            .sort_by(|a, b| (&a.tenant, &a.subject, &a.prefix).cmp(&(&b.tenant, &b.subject, &b.prefix)));
        documents.destinations.sort_by(|a, b| a.id.cmp(&b.id));
        documents.plans.sort_by(|a, b| a.id.cmp(&b.id));
        documents
    }

    fn add_destination(&mut self, row: &Destination) -> Result<(), String> {
        name("Id", &row.id)?;
        let mut prefixes = PrefixMap::default();
        for (number, prefix) in (1..).zip(&row.prefixes) {
            let refused = |()| format!("Prefixes: element {number}: {prefix:?}: {PREFIX_EXPECTED}");
            prefixes.insert(prefix, ()).map_err(refused)?;
        }
        match self.destinations.insert(row.id.as_str().into(), prefixes) {
            Some(_) => Err(format!("Id: {:?} stands twice", row.id)),
            None => Ok(()),
        }
    }

    fn add_plan(&mut self, row: &TariffPlan) -> Result<(), String> {
        name("Id", &row.id)?;
        self.check_buckets("MinuteBuckets", &row.minute_buckets)?;
        if let Some(bucket) = row.received_call_bonus.as_ref().and_then(|bonus| bonus.minute_bucket.as_ref())
        {
            self.check_bucket(bucket).map_err(|why| format!("RecivedCallBonus: MinuteBucket: {why}"))?;
        }
        if row.received_call_seconds_limit < Quantity::ZERO {
            return Err("ReceivedCallSecondsLimit: is negative".to_owned());
        }
        for (number, threshold) in (1..).zip(&row.volume_discount_thresholds) {
            if !(Decimal::ZERO..=HUNDRED_PERCENT).contains(&threshold.discount) {
                let found = threshold.discount;
                return Err(format!(
                    "VolumeDiscountThresholds: element {number}: Discount: expected 0 to 100, found {found}"
                ));
            }
        }
        match self.plans.insert(row.id.as_str().into(), row.clone()) {
            Some(_) => Err(format!("Id: {:?} stands twice", row.id)),
            None => Ok(()),
        }
    }

    fn add_rates<'r>(&mut self, row: &'r RateRow, seen: &mut SeenRates<'r>) -> Result<(), String> {
        for (member, text) in [("CstmId", &row.tenant), ("Subject", &row.subject)] {
            name(member, text)?;
        }
        let periods = row.activation_periods.as_slice();
        let rates = match seen.get(periods) {
            Some(list) => *list,
            None => {
                let list = ListNumber::try_from(self.lists.len())
                    .map_err(|_| "too many lists of rates".to_owned())?;
                self.lists.push(priced(periods)?);
                seen.insert(periods, list);
                list
            }
        };
        let subjects = self.rates.entry(row.tenant.as_str().into()).or_default();
        let prefixes = subjects.entry(row.subject.as_str().into()).or_default();
        let refused = |()| format!("DestinationPrefix: {:?}: {PREFIX_EXPECTED}", row.prefix);
        match prefixes.insert(&row.prefix, rates).map_err(refused)? {
            Some(_) => Err(format!("{}:{}:{} stands twice", row.tenant, row.subject, row.prefix)),
            None => Ok(()),
        }
    }

    fn check_buckets(&self, member: &str, buckets: &[MinuteBucket]) -> Result<(), String> {
        for (number, bucket) in (1..).zip(buckets) {
            self.check_bucket(bucket).map_err(|why| format!("{member}: element {number}: {why}"))?;
        }
        Ok(())
    }

    fn check_bucket(&self, bucket: &MinuteBucket) -> Result<(), String> {
        if bucket.seconds.is_negative() {
            return Err("Seconds: is negative".to_owned());
        }
        if bucket.price.is_negative() {
            return Err("Price: is negative".to_owned());
        }
        match self.destinations.contains_key(bucket.destination_id.as_str()) {
            true => Ok(()),
            false => Err(format!("DestinationId: no destination {:?}", bucket.destination_id)),
        }
    }
}

fn each<'r, T>(
    kind: DocumentKind,
    rows: &'r [T],
    mut add: impl FnMut(&'r T) -> Result<(), String>,
) -> Result<(), LoadError> {
    (1..).zip(rows).try_for_each(|(element, row)| add(row).map_err(|why| LoadError::at(kind, element, why)))
}

fn name(member: &str, text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("{member}: is empty or absent")),
        length if length > NAME_OCTETS_MAX => Err(format!("{member}: longer than {NAME_OCTETS_MAX} octets")),
        _ => Ok(()),
    }
}

fn priced(periods: &[ActivationPeriod]) -> Result<Rates, String> {
    let mut by_time = Vec::with_capacity(periods.len());
    for (number, period) in (1..).zip(periods) {
        let at = |why: String| format!("ActivationPeriods: element {number}: {why}");
        if period.activation_time == CallTime::default() {
            return Err(at("ActivationTime: is absent".to_owned()));
        }
        // The store of 2012 kept moments only; replies show them in UTC.
        let activation_time = period.activation_time.at_offset(0);
        let priced = PricedPeriod::new(ActivationPeriod { activation_time, ..period.clone() }).map_err(at)?;
        by_time.push(Arc::new(priced));
    }
    by_time.sort_by_key(|period| period.starts().moment());
    Ok(by_time.into())
}
