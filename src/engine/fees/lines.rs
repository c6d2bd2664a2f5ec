//! What a subscriber owes for a day: a line for its plan and one for each recurring service.

use super::super::State;
use super::prorate::{month_rest, of_day};
use crate::model::*;

/// Something recurring that a subscriber has.
pub(super) struct Item<'a> {
    /// None: the plan.
    pub service: Option<&'a str>,
    pub name: &'a str,
    fee: Price,
    period: Period,
    charge: Charge,
    discount: u32,
    /// Its last day.
    until: Option<Day>,
}

impl Item<'_> {
    /// What a day of it costs.
    pub fn of_day(&self, day: Day, digits: usize) -> Money {
        match self.period {
            Period::Month => of_day(self.fee, self.discount, day, digits),
            Period::Day => super::share(self.fee, self.discount, 1, 1, digits),
            Period::None => Money::ZERO,
        }
    }

    /// What a whole month of it costs.
    pub fn of_month(&self, day: Day, digits: usize) -> Money {
        match self.period {
            Period::Month => super::share(self.fee, self.discount, 1, 1, digits),
            Period::Day => super::share(self.fee, self.discount, day.month().days(), 1, digits),
            Period::None => Money::ZERO,
        }
    }

    /// What is left of the month, or of the term that ends in it, and its last day.
    fn rest(&self, day: Day, digits: usize) -> (Money, Day) {
        let (last, of) = (day.month().last_day(), day.month().days());
        match self.until.filter(|until| *until < last) {
            Some(until) => (super::share(self.fee, self.discount, until.since(day) + 1, of, digits), until),
            None => (month_rest(self.fee, self.discount, day, digits), last),
        }
    }

    /// Charged for the rest of the month at once.
    pub fn by_period(&self) -> bool {
        self.charge.is_by_period(self.period)
    }
}

/// A part of a fee that is not covered yet.
pub(super) struct Line {
    /// None: the plan.
    pub service: Option<String>,
    pub amount: Money,
    /// The last day that it pays for.
    pub through: Day,
    /// For people: what this is.
    pub text: String,
}

/// What recurs on `day`, the plan first.
pub(super) fn items<'a>(state: &'a State, subscriber: &'a Subscriber, day: Day) -> Vec<Item<'a>> {
    let terms = &subscriber.terms;
    let discount = terms.discount_on(day);
    let plan = subscriber.plan.and_then(|id| state.plans.get(&id)).map(|plan| Item {
        service: None,
        name: &plan.name,
        fee: plan.fee,
        period: plan.period,
        charge: plan.charge,
        discount,
        until: None,
    });
    let running = terms.services.iter().filter(|s| s.from <= day && s.until.is_none_or(|until| day <= until));
    let services = running.filter_map(|held| {
        let service = state.billing.services.get(&held.name)?;
        Some(Item {
            service: Some(&held.name),
            name: &service.name,
            fee: service.fee,
            period: service.period,
            charge: service.charge,
            discount,
            until: held.until,
        })
    });
    plan.into_iter().chain(services).filter(|item| item.period != Period::None).collect()
}

/// The lines of `day` that `fee` does not cover.
pub(super) fn uncovered(state: &State, subscriber: &Subscriber, fee: &FeeState, day: Day) -> Vec<Line> {
    let digits = state.settings.currency_digits;
    let open = |item: &Item<'_>| through(fee, item.service).is_none_or(|through| through < day);
    items(state, subscriber, day)
        .into_iter()
        .filter(open)
        .map(|item| {
            let (amount, through) = match item.by_period() {
                true => item.rest(day, digits),
                false => (item.of_day(day, digits), day),
            };
            let text = match through == day {
                true => format!("{}, {day}", item.name),
                false => format!("{}, {day} to {through}", item.name),
            };
            Line { service: item.service.map(str::to_owned), amount, through, text }
        })
        .collect()
}

/// Notes that a line is paid for.
pub(super) fn cover(fee: &mut FeeState, line: &Line) {
    match &line.service {
        None => fee.plan_through = line.through,
        Some(name) => match fee.services_through.iter_mut().find(|(known, _)| known == name) {
            Some((_, through)) => *through = line.through,
            None => fee.services_through.push((name.clone(), line.through)),
        },
    }
}

/// The last day that is paid for; None for a service that nothing was paid for yet.
pub(super) fn through(fee: &FeeState, service: Option<&str>) -> Option<Day> {
    match service {
        None => Some(fee.plan_through),
        Some(name) => fee.services_through.iter().find(|(known, _)| known == name).map(|(_, day)| *day),
    }
}

/// Somebody who owes nothing for `day` and those before it: a new or migrated subscriber on its first day. What is
/// charged by the period counts as paid to the month's end.
pub fn covered(state: &State, subscriber: &Subscriber, day: Day) -> FeeState {
    let mut fee = FeeState {
        subscriber: subscriber.id,
        decided: day,
        plan_through: day,
        services_through: Vec::new(),
        due: Money::ZERO,
        due_cut_at: None,
    };
    for item in items(state, subscriber, day) {
        let through = if item.by_period() { day.month().last_day() } else { day };
        match item.service {
            None => fee.plan_through = through,
            Some(name) => fee.services_through.push((name.to_owned(), through)),
        }
    }
    fee
}

/// The same for a subscriber that is being made, whose plan may be new too.
pub fn covered_new(id: SubscriberId, plan: Option<&Plan>, day: Day) -> FeeState {
    let by_period = plan.is_some_and(|plan| plan.charge.is_by_period(plan.period));
    FeeState {
        subscriber: id,
        decided: day,
        plan_through: if by_period { day.month().last_day() } else { day },
        services_through: Vec::new(),
        due: Money::ZERO,
        due_cut_at: None,
    }
}

/// What a subscriber will owe for `day`, as things are; zero when it will be blocked or paused then.
pub fn total_of_day(state: &State, subscriber: &Subscriber, account: &Account, day: Day) -> Money {
    let at = super::super::midnight(day, &state.settings.time_zone);
    if super::day::holds_back(subscriber, account, at, day).is_some() {
        return Money::ZERO;
    }
    let fee = state.billing.fees.get(&subscriber.id).cloned();
    let fee = fee.unwrap_or_else(|| covered(state, subscriber, day.plus(-1)));
    sum(&uncovered(state, subscriber, &fee, day))
}

pub(super) fn sum(lines: &[Line]) -> Money {
    lines.iter().fold(Money::ZERO, |sum, line| sum.saturating_add(line.amount))
}
