//! Services, discounts and packages of a subscriber (rules.md, Fees: extra services are charged beside the plan).

use super::super::ledger::{Books, Entry};
use super::super::{Decision, State, day_of, fees, packages};
use super::recurring::{Posting, Recurring, check_covered, fee_state, found, is_charged};
use super::{audit, refuse};
use crate::model::*;
use std::sync::Arc;

/// Services of one subscriber.
const SERVICES_MAX: usize = 64;
/// 100 %.
const BASIS_POINTS_MAX: u32 = 10_000;
const PACKAGE_REVENUE: &str = "package";

pub(super) fn decide(
    state: &State,
    command: &TermsCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let today = day_of(now, &state.settings.time_zone);
    let of = |subscriber: &SubscriberId| {
        let (subscriber, account) = found(state, *subscriber)?;
        Ok::<_, Refusal>(Terms { books: Books::new(state), subscriber, account, actor, today, now })
    };
    match command {
        TermsCommand::AddService { subscriber, service, from, until } => {
            of(subscriber)?.add(service, *from, *until)
        }
        TermsCommand::RemoveService { subscriber, service } => of(subscriber)?.remove(service),
        TermsCommand::Discount { subscriber, basis_points, until } => {
            of(subscriber)?.discount(*basis_points, *until)
        }
        TermsCommand::BuyPackage { subscriber, package } => of(subscriber)?.buy(package),
        _ => Err(super::not_served()),
    }
}

/// A decision about one subscriber.
struct Terms<'a> {
    books: Books<'a>,
    subscriber: Arc<Subscriber>,
    account: Arc<Account>,
    actor: &'a Actor,
    today: Day,
    now: Timestamp,
}

impl Terms<'_> {
    fn add(mut self, name: &str, from: Option<Day>, until: Option<Day>) -> Result<Decision, Refusal> {
        let Some(service) = self.books.state().billing.services.get(name) else {
            return refuse("service-not-found", format!("there is no service {name:?}"));
        };
        if service.period == Period::None {
            return self.sell_once(service, from.or(until));
        }
        // One that is over may begin anew.
        let running = |held: &&SubscribedService| held.until.is_none_or(|until| until >= self.today);
        let held = self.subscriber.terms.services.iter().find(|held| held.name == name).filter(running);
        let begins = from.unwrap_or(held.map_or(self.today, |held| held.from));
        let wanted = SubscribedService { name: name.to_owned(), from: begins, until };
        match held {
            Some(held) if *held == wanted => {
                return Ok(Decision::unchanged(Outcome::Done { changed: false }));
            }
            Some(_) => {
                return refuse("service-had", format!("{:?} has {name:?} already", self.subscriber.login));
            }
            None => {}
        }
        if begins < self.today {
            return refuse("day-past", format!("{begins} is over; today is {}", self.today));
        }
        if until.is_some_and(|until| until < begins) {
            return refuse("ends-before-it-begins", "the last day is before the first");
        }
        let mut changed = Subscriber::clone(&self.subscriber);
        changed.terms.services.retain(|held| held.name != name);
        if changed.terms.services.len() >= SERVICES_MAX {
            return refuse("too-many-services", format!("it has {SERVICES_MAX} services already"));
        }
        changed.terms.services.push(wanted);
        let posted = if begins == self.today { self.charge_first(service, until)? } else { None };
        self.books.put_subscriber(changed);
        let text = match until {
            None => format!("{name:?} from {begins}"),
            Some(until) => format!("{name:?} from {begins} to {until}"),
        };
        self.finish("service-add", text, posted)
    }

    /// Charges the first day, or the rest of the month, of a service that begins today.
    fn charge_first(&mut self, service: &Service, until: Option<Day>) -> Result<Option<Transfer>, Refusal> {
        let (state, today) = (self.books.state(), self.today);
        let mut fee = fee_state(&self.books, &self.subscriber, today);
        if fees::holds_back(&self.subscriber, &self.account, self.now, today).is_some()
            || !is_charged(state, today)
        {
            // Charged when the day's fees are, or when the block or the pause ends.
            return Ok(None);
        }
        if fee.due.is_positive() {
            return refuse("fee-due", "today's fee is not paid; pay it first, or let it begin tomorrow");
        }
        let recurring = Recurring::of_service(service);
        // It was had today already, and taken away.
        let paid = fee.services_through.iter().any(|(name, day)| *name == service.name && *day >= today);
        let first = if paid { today.next() } else { today };
        let paid_through = recurring.paid_through(today);
        let last = until.map_or(paid_through, |until| until.min(paid_through));
        let discount = self.subscriber.terms.discount_on(first);
        let cost = recurring.cost(first, last, discount, state.settings.currency_digits);
        check_covered(&self.books, &self.account, cost, self.now)?;
        let text = match last == first {
            true => format!("{}, {first}", service.name),
            false => format!("{}, {first} to {last}", service.name),
        };
        let posted = self.post(cost, &text)?;
        fee.services_through.retain(|(name, _)| *name != service.name);
        fee.services_through.push((service.name.clone(), last.max(first.plus(-1))));
        self.books.put_fee_state(fee);
        Ok(posted)
    }

    fn sell_once(mut self, service: &Service, day: Option<Day>) -> Result<Decision, Refusal> {
        if day.is_some() {
            return refuse("one-off-service", format!("{:?} is sold once; it has no days", service.name));
        }
        let digits = self.books.state().settings.currency_digits;
        let cost = fees::prorate::share(service.fee, 0, 1, 1, digits);
        check_covered(&self.books, &self.account, cost, self.now)?;
        let posted = self.post(cost, &service.name)?;
        self.finish("service-sold", format!("{:?}", service.name), posted)
    }

    /// Today is its last day; what was paid for the days after it comes back.
    fn remove(mut self, name: &str) -> Result<Decision, Refusal> {
        let Some(held) = self.subscriber.terms.services.iter().find(|held| held.name == name) else {
            return refuse("service-not-had", format!("{:?} does not have {name:?}", self.subscriber.login));
        };
        let (state, today, tomorrow) = (self.books.state(), self.today, self.today.next());
        let mut fee = fee_state(&self.books, &self.subscriber, today);
        let paid = fee.services_through.iter().find(|(known, _)| known == name).map(|(_, day)| *day);
        let last = paid.map(|paid| held.until.map_or(paid, |until| until.min(paid)));
        let mut posted = None;
        if let (Some(service), Some(last)) = (state.billing.services.get(name), last) {
            let discount = self.subscriber.terms.discount_on(tomorrow);
            let digits = state.settings.currency_digits;
            let back = Recurring::of_service(service).cost(tomorrow, last, discount, digits);
            let text = format!("{name}, {tomorrow} to {last}: given back");
            posted = self.post(Money::ZERO.saturating_sub(back), &text)?;
        }
        // Today stays paid, should it be wanted again.
        if let Some((_, paid)) = fee.services_through.iter_mut().find(|(known, _)| known == name) {
            *paid = (*paid).min(today);
        }
        self.books.put_fee_state(fee);
        let mut changed = Subscriber::clone(&self.subscriber);
        changed.terms.services.retain(|held| held.name != name);
        self.books.put_subscriber(changed);
        self.finish("service-remove", format!("{name:?}"), posted)
    }

    fn discount(mut self, basis_points: u32, until: Option<Day>) -> Result<Decision, Refusal> {
        if basis_points > BASIS_POINTS_MAX {
            return refuse("bad-discount", "a discount is from 0 to 100 percent");
        }
        if let Some(until) = until.filter(|until| *until < self.today) {
            return refuse("day-past", format!("{until} is over; today is {}", self.today));
        }
        let discount = (basis_points > 0).then_some(Discount { basis_points, until });
        if self.subscriber.terms.discount == discount {
            return Ok(Decision::unchanged(Outcome::Done { changed: false }));
        }
        let mut changed = Subscriber::clone(&self.subscriber);
        changed.terms.discount = discount;
        self.books.put_subscriber(changed);
        let percent = Money::from_micros(i64::from(basis_points) * 10_000);
        let until = until.map(|until| format!(" to {until}")).unwrap_or_default();
        self.finish("discount", format!("{percent} %{until}"), None)
    }

    fn buy(mut self, name: &str) -> Result<Decision, Refusal> {
        let Some(package) = self.books.state().billing.packages.get(name) else {
            return refuse("package-not-found", format!("there is no package {name:?}"));
        };
        check_covered(&self.books, &self.account, package.price, self.now)?;
        let mut posted = None;
        if package.price.is_positive() {
            let contract = self.books.contract_account(&self.account);
            let revenue = self.books.own_account(LedgerKind::Revenue, PACKAGE_REVENUE);
            let entry = Entry {
                kind: TransferKind::Package,
                reference: &format!("package:{}", self.subscriber.id),
                text: name,
                by: &self.actor.0,
                time: self.now,
                day: None,
            };
            posted = Some(self.books.transfer(contract, revenue, contract, package.price, entry)?);
        }
        packages::give(&mut self.books, package, &self.subscriber, &self.account, self.now)?;
        self.finish("package", format!("{name:?}"), posted)
    }

    fn post(&mut self, amount: Money, text: &str) -> Result<Option<Transfer>, Refusal> {
        let reference = format!("service:{}:{}", self.subscriber.id, self.today);
        let by = &self.actor.0;
        let day = self.today;
        let posting = Posting { service: true, amount, reference: &reference, text, by, day };
        posting.post(&mut self.books, &self.account, self.now)
    }

    fn finish(mut self, action: &str, text: String, posted: Option<Transfer>) -> Result<Decision, Refusal> {
        self.books.changes.push(audit(self.actor, self.now, action, &self.subscriber.login, text));
        fees::settle(&mut self.books, self.account.id, self.now);
        let outcome = match posted {
            Some(t) => Outcome::Posted { transfer: t.id, amount: t.amount, balance: t.balance_after },
            None => Outcome::Done { changed: true },
        };
        Ok(Decision { outcome, changes: self.books.changes })
    }
}

#[cfg(test)]
mod tests;
