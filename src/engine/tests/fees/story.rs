//! A ledger that is told events at moments and driven by the clock as the writer drives it.

use crate::engine::testing::{Ledger, actor, money, payment, stored};
use crate::engine::{Settings, State, Touched, moment};
use crate::model::*;
use jiff::tz::TimeZone;

pub(crate) struct Story {
    pub ledger: Ledger,
    pub synchronised: bool,
    /// The state is made anew from what was written after every step of the clock.
    pub crashes: bool,
    payments: u32,
}

/// One contract with one login, `s`, on `plan`, at noon of 31 March 2026; the clock is running.
impl Story {
    pub fn new(plan: &str, balance: &str) -> Story {
        Story::with(plan, balance, BillingRules::default())
    }

    pub fn with(plan: &str, balance: &str, billing: BillingRules) -> Story {
        let data = format!(
            "[[plan]]\nname = \"p\"\nfee = \"300.00\"\nrate-in = 1\nrate-out = 1\n{plan}\n\
             [[subscriber]]\nlogin = \"s\"\ncontract = \"1001\"\nplan = \"p\"\nbalance = \"{balance}\""
        );
        Story::loaded(&data, Settings { billing, ..Settings::default() })
    }

    pub fn loaded(data: &str, settings: Settings) -> Story {
        let mut ledger = Ledger::with(settings);
        ledger.now = moment("2026-03-31 12:00", &TimeZone::UTC).unwrap().unwrap();
        ledger.load(data).unwrap();
        let mut story = Story { ledger, synchronised: true, crashes: false, payments: 0 };
        story.tick();
        story
    }

    pub fn at(&self, text: &str) -> Timestamp {
        moment(text, &self.ledger.state.settings.time_zone).unwrap().unwrap()
    }

    pub fn account(&self) -> AccountId {
        self.ledger.account("1001")
    }

    /// Everything that is due at this moment, as the writer does it.
    pub fn tick(&mut self) {
        let mut steps = 0;
        while self.ledger.state.next_clock(|| self.synchronised, self.ledger.now) <= self.ledger.now {
            let before = self.ledger.changes.len();
            self.ledger.run(&Command::Clock { synchronised: self.synchronised }).unwrap();
            // More than a heartbeat.
            if self.crashes && self.ledger.changes.len() > before + 1 {
                self.restart();
            }
            steps += 1;
            assert!(steps < 100_000, "the clock has no end");
        }
        self.ledger.state.take_due(self.ledger.now);
    }

    /// The server is killed, and starts again from what it wrote.
    pub fn restart(&mut self) {
        let (snapshot, settings) = (stored(&self.ledger.changes), self.ledger.state.settings.clone());
        self.ledger.state = State::new(snapshot, settings, self.ledger.now);
    }

    /// Time passes with the server at work.
    pub fn to(&mut self, text: &str) {
        let until = self.at(text);
        // By the hour: everything of these tables happens on one, and a heartbeat more often costs time.
        loop {
            let next = Timestamp::from_seconds((self.ledger.now.seconds() / 3_600 + 1) * 3_600);
            if next >= until {
                break;
            }
            self.ledger.now = next;
            self.tick();
        }
        self.ledger.now = until;
        self.tick();
    }

    /// Time passes with the server down; it starts at `text`.
    pub fn down_to(&mut self, text: &str) {
        self.ledger.now = self.at(text);
        self.restart();
    }

    /// Carries out an event of a table; `ok` or the token of the refusal.
    pub fn event(&mut self, event: &str) -> String {
        let words: Vec<&str> = event.split_whitespace().collect();
        let (account, subscriber) = (self.account(), self.ledger.subscriber("s"));
        let day = |text: &str| text.parse::<Day>().unwrap();
        let command = match words.as_slice() {
            [] => return "ok".into(),
            ["down"] => {
                self.restart();
                self.tick();
                return "ok".into();
            }
            ["pay", sum] => {
                self.payments += 1;
                Command::Pay(payment(&self.payments.to_string(), Some(account), sum))
            }
            ["charge", sum] => Command::Charge { account, sum: money(sum), text: "работы".into() },
            ["block"] => Command::Block { subscriber, reason: "кабель".into() },
            ["unblock"] => Command::Unblock { subscriber },
            ["promise"] => Command::Terms(TermsCommand::Promise { account, sum: None, days: None }),
            ["promise", sum, days] => Command::Terms(TermsCommand::Promise {
                account,
                sum: Some(money(sum)),
                days: Some(days.parse().unwrap()),
            }),
            ["pause", from, to] => {
                Command::Terms(TermsCommand::Pause { subscriber, from: day(from), to: day(to) })
            }
            ["resume"] => Command::Terms(TermsCommand::Resume { subscriber }),
            ["cut-now"] => Command::Terms(TermsCommand::CutNow { account }),
            ["defer", day, time] => {
                let until = self.at(&format!("{day} {time}"));
                Command::Terms(TermsCommand::DeferCut { account, until })
            }
            ["catch-up"] => Command::Terms(TermsCommand::CatchUp),
            ["panic", word] => Command::Terms(TermsCommand::Panic { open: *word == "open" }),
            other => panic!("{other:?}"),
        };
        let result = match self.ledger.run(&command) {
            Ok(_) => "ok".into(),
            Err(refusal) => refusal.token,
        };
        self.tick();
        result
    }

    /// `open`, `shut: 5.00 to pay`, `open: 5.00 to pay until 2026-04-03 10:00`, `blocked`, `paused`.
    pub fn state(&self) -> String {
        let ledger = &self.ledger;
        let view = ledger.state.view(ledger.subscriber("s"), ledger.now).unwrap();
        let to_pay = format!("{} to pay", view.to_pay);
        match (view.standing.verdict, view.cut_at) {
            (Verdict::Negbal, _) => format!("shut: {to_pay}"),
            (Verdict::LetThrough, Some(at)) => {
                let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap();
                let zone = ledger.state.settings.time_zone.clone();
                format!("open: {to_pay} until {}", at.to_zoned(zone).strftime("%Y-%m-%d %H:%M"))
            }
            (Verdict::LetThrough, None) => "open".into(),
            (verdict, _) => verdict.as_str().into(),
        }
    }

    pub fn balance(&self) -> String {
        self.ledger.balance("1001")
    }

    /// Moment, event, result, balance, state. A moment whose event is `down` is reached with the server down.
    pub fn run(&mut self, table: &[(&str, &str, &str, &str, &str)]) {
        for (at, event, result, balance, state) in table {
            if *event == "down" {
                self.down_to(at);
            } else {
                self.to(at);
            }
            let case = format!("{at} {event}");
            assert_eq!(self.event(event), *result, "{case}");
            assert_eq!((self.balance().as_str(), self.state().as_str()), (*balance, *state), "{case}");
        }
        self.check();
    }

    pub fn transfers(&self) -> Vec<&Transfer> {
        let transfers = self.ledger.changes.iter();
        transfers.filter_map(|c| if let Change::Transfer(t) = c { Some(t) } else { None }).collect()
    }

    /// No reference of a fee is posted twice; what is in memory is what was written.
    pub fn check(&self) {
        let mut seen = std::collections::HashSet::new();
        for transfer in self.transfers() {
            if matches!(transfer.kind, TransferKind::Fee | TransferKind::Service | TransferKind::Pause) {
                let key =
                    (transfer.debit, transfer.credit, transfer.reference.clone(), transfer.text.clone());
                assert!(seen.insert(key), "{transfer:?} twice");
            }
        }
        let state = &self.ledger.state;
        let again = State::new(stored(&self.ledger.changes), state.settings.clone(), self.ledger.now);
        for id in state.subscriber_ids() {
            let now = self.ledger.now;
            assert_eq!(state.view(id, now).unwrap().standing, again.view(id, now).unwrap().standing);
        }
        for (id, (_, balance)) in &state.ledger {
            assert_eq!(*balance, again.balance(*id));
        }
    }

    /// Subscribers that the clock and events touched since the last call.
    pub fn touched(&mut self) -> Touched {
        std::mem::take(&mut self.ledger.touched)
    }
}

/// The token of a refusal.
pub(crate) fn refused(ledger: &Ledger, command: &Command) -> String {
    ledger.state.decide(command, &actor(), ledger.now).unwrap_err().token
}
