//! What people do, hour by hour. It depends on the seed alone, not on what the ledger answers.

use super::chance::Chance;
use super::town::{HOURLY, PACKAGE, SERVICES, TRAFFIC, Town, is_quiet, plan_of};
use crate::engine::State;
use crate::engine::testing::record;
use crate::model::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// People are awake from the first of these hours to before the second.
const AWAKE: (i64, i64) = (8, 22);
/// In an hour of the day one in so many does it.
const PAYS: u64 = 300;
const PROMISES: u64 = 1_500;
/// In an hour of the day one of these happens to one in so many.
const SOMETHING_HAPPENS: u64 = 400;
/// An Interim in an hour comes from one in so many that are online.
const INTERIM: u64 = 12;
const DAY_SECONDS: u64 = 86_400;

pub struct Events {
    chance: Chance,
    people: Vec<Person>,
    plans: Vec<PlanId>,
    paid: Vec<PaymentKey>,
    unblocked_on: BTreeMap<Day, Vec<SubscriberId>>,
}

struct Person {
    number: usize,
    subscriber: SubscriberId,
    account: AccountId,
    quiet: bool,
    /// Whether usage may cost it something.
    metered: bool,
    /// Of today's session.
    started: Timestamp,
    octets: u64,
    /// Octets and seconds of the sessions of this month.
    used: (u64, u64),
}

pub enum Group {
    /// They may arrive in any order, each perhaps more than once.
    Payments(Vec<PaymentRequest>),
    Usage(Vec<AccountingRecord>),
    One(Command),
    /// Of a payment.
    Reversal(PaymentKey),
}

impl Events {
    pub fn new(chance: Chance, town: &Town, state: &State) -> Events {
        let person = |number| {
            let subscriber = state.logins[&Town::login(number)];
            Person {
                number,
                subscriber,
                account: state.subscribers[&subscriber].account,
                quiet: is_quiet(number),
                metered: [TRAFFIC, HOURLY].contains(&plan_of(number)),
                started: Timestamp::default(),
                octets: 0,
                used: (0, 0),
            }
        };
        let people = (0..town.subscribers).map(person).collect();
        let mut plans: Vec<PlanId> = state.plans.keys().copied().collect();
        plans.sort_unstable();
        Events { chance, people, plans, paid: Vec::new(), unblocked_on: BTreeMap::new() }
    }

    /// Octets and seconds of somebody in this month.
    pub fn usage(&self, number: usize) -> (u64, u64) {
        self.people[number].used
    }

    pub fn end_month(&mut self) {
        self.people.iter_mut().for_each(|person| person.used = (0, 0));
    }

    pub fn of_hour(&mut self, day: Day, hour: i64, now: Timestamp) -> Vec<Group> {
        if !(AWAKE.0..AWAKE.1).contains(&hour) {
            return Vec::new();
        }
        let all = self.people.len();
        let payments = (0..self.chance.share(all, PAYS)).map(|_| self.payment()).collect();
        let mut groups = vec![Group::Payments(payments)];
        let records = self.accounting(hour, now);
        if !records.is_empty() {
            groups.push(Group::Usage(records));
        }
        for _ in 0..self.chance.share(all, PROMISES) {
            let account = self.anybody().account;
            groups.push(terms(TermsCommand::Promise { account, sum: None, days: None }));
        }
        for _ in 0..self.chance.share(all, SOMETHING_HAPPENS) {
            groups.push(match self.chance.between(0, 3) {
                0 => self.about_money(now),
                _ => match self.somebody_loud() {
                    Some(subscriber) => self.about_terms(subscriber, day),
                    None => continue,
                },
            });
        }
        if hour == AWAKE.1 - 1 {
            let unblocked = self.unblocked_on.remove(&day).into_iter().flatten();
            groups.extend(unblocked.map(|subscriber| Group::One(Command::Unblock { subscriber })));
        }
        groups
    }

    fn payment(&mut self) -> PaymentRequest {
        let account = self.anybody().account;
        // Some pay what they owe, some any sum.
        let sum = match self.chance.between(0, 3) {
            0 => self.kopecks(30_000, 30_001),
            1 => self.kopecks(100, 5_000),
            _ => self.kopecks(1_000, 100_000),
        };
        let operator = ["osmp", "sber", "cash"][self.chance.index(3)];
        let key = PaymentKey { operator: operator.into(), id: self.paid.len().to_string() };
        self.paid.push(key.clone());
        PaymentRequest {
            key,
            who: account.to_string(),
            account: Some(account),
            sum,
            operator_date: "2026-04-06T14:20:00".into(),
        }
    }

    /// One session a day of everybody whose usage may cost something.
    fn accounting(&mut self, hour: i64, now: Timestamp) -> Vec<AccountingRecord> {
        let mut records = Vec::new();
        for person in self.people.iter_mut().filter(|person| person.metered) {
            let kind = match hour - AWAKE.0 {
                0 => AccountingKind::Start,
                hours if hours == AWAKE.1 - AWAKE.0 - 1 => AccountingKind::Stop,
                _ if self.chance.once_in(INTERIM) => AccountingKind::Interim,
                _ => continue,
            };
            if kind == AccountingKind::Start {
                (person.started, person.octets) = (now, 0);
            } else {
                person.octets += self.chance.between(0, 3 << 20);
            }
            let seconds = u32::try_from(now.since(person.started).as_secs()).unwrap();
            if kind == AccountingKind::Stop {
                person.used.0 += person.octets;
                person.used.1 += u64::from(seconds);
            }
            let session = format!("{}-{}", person.number, person.started.seconds());
            let usage = Usage { download_octets: person.octets, upload_octets: person.octets / 8 };
            let subscriber = Some(person.subscriber);
            records.push(AccountingRecord {
                event_time: now,
                login: Town::login(person.number),
                usage,
                ..record(kind, &session, subscriber, None, seconds)
            });
        }
        records
    }

    fn about_money(&mut self, now: Timestamp) -> Group {
        let (account, to) = (self.anybody().account, self.anybody().account);
        let (sum, text) = (self.kopecks(100, 20_000), "По заявлению".to_owned());
        let correction = match self.chance.between(0, 8) {
            0 if !self.paid.is_empty() => {
                let place = self.chance.index(self.paid.len());
                return Group::Reversal(self.paid[place].clone());
            }
            0 | 1 => return Group::One(Command::Charge { account, sum, text }),
            2 => CorrectionCommand::Correct { account, sum, text },
            3 => {
                let sum = Money::ZERO.saturating_sub(sum);
                CorrectionCommand::Correct { account, sum, text }
            }
            4 => CorrectionCommand::Refund { account, sum, text },
            5 => CorrectionCommand::Move { from: account, to, sum, text },
            6 => {
                let until = now.saturating_add(self.days(1, 20));
                CorrectionCommand::Credit { account, limit: sum, until: Some(until) }
            }
            _ => {
                let until = now.saturating_add(self.days(1, 5));
                return terms(match self.chance.once_in(2) {
                    true => TermsCommand::CutNow { account },
                    false => TermsCommand::DeferCut { account, until },
                });
            }
        };
        Group::One(Command::Correction(correction))
    }

    fn about_terms(&mut self, subscriber: SubscriberId, day: Day) -> Group {
        let from = day.plus(i32::try_from(self.chance.between(0, 12)).unwrap());
        let to = from.plus(i32::try_from(self.chance.between(0, 25)).unwrap());
        let later = self.chance.once_in(2);
        let service = SERVICES[self.chance.index(SERVICES.len())].to_owned();
        terms(match self.chance.between(0, 9) {
            0 => {
                self.unblocked_on.entry(to).or_default().push(subscriber);
                return Group::One(Command::Block { subscriber, reason: "По заявлению".into() });
            }
            1 => TermsCommand::Pause { subscriber, from, to },
            2 => TermsCommand::Resume { subscriber },
            3 | 4 => TermsCommand::Plan {
                subscribers: vec![subscriber],
                plan: self.plans[self.chance.index(self.plans.len())],
                from: later.then_some(from),
                dry_run: self.chance.once_in(10),
                uncovered: self.chance.once_in(3),
            },
            5 => {
                let until = self.chance.once_in(3).then_some(to);
                TermsCommand::AddService { subscriber, service, from: later.then_some(from), until }
            }
            6 => TermsCommand::RemoveService { subscriber, service },
            7 => {
                let basis_points = u32::try_from(self.chance.between(0, 5_000)).unwrap();
                TermsCommand::Discount { subscriber, basis_points, until: later.then_some(to) }
            }
            _ => TermsCommand::BuyPackage { subscriber, package: PACKAGE.into() },
        })
    }

    fn kopecks(&mut self, low: u64, high: u64) -> Money {
        Money::from_micros(i64::try_from(self.chance.between(low, high)).unwrap() * 10_000)
    }

    fn days(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_secs(self.chance.between(low, high) * DAY_SECONDS)
    }

    fn anybody(&mut self) -> &Person {
        let place = self.chance.index(self.people.len());
        &self.people[place]
    }

    fn somebody_loud(&mut self) -> Option<SubscriberId> {
        let person = self.anybody();
        (!person.quiet).then_some(person.subscriber)
    }
}

fn terms(command: TermsCommand) -> Group {
    Group::One(Command::Terms(command))
}
