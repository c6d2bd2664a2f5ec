//! Events that follow from what a decision writes.

use super::super::State;
use super::pen::Pen;
use crate::model::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Adds to `changes` the events that they are.
pub fn follow(state: &State, changes: &mut Vec<Change>, now: Timestamp) {
    if state.settings.events.targets.is_empty() {
        return;
    }
    let mut pen = Pen::new(state, now).after(changes);
    let accounts = Accounts::of(state, changes);
    for (at, change) in changes.iter().enumerate() {
        match change {
            Change::Payment(payment) => paid(&mut pen, payment, &accounts),
            Change::PaymentReversed(key) => {
                // The reversal is written just before.
                let earlier = changes.get(..at).unwrap_or_default().iter().rev();
                let reversal =
                    earlier.filter_map(|c| if let Change::Transfer(t) = c { Some(t) } else { None });
                if let Some(transfer) = reversal.into_iter().find(|transfer| transfer.reverses.is_some()) {
                    reversed(&mut pen, key, transfer, &accounts);
                }
            }
            Change::Subscriber(subscriber) => plan_changed(&mut pen, subscriber, &accounts),
            Change::Session(session) => session_news(&mut pen, session, &accounts),
            _ => {}
        }
    }
    balances(&mut pen, changes, &accounts);
    changes.append(&mut pen.into_changes());
}

/// Accounts and plans as the decision leaves them.
struct Accounts<'a> {
    state: &'a State,
    written: BTreeMap<AccountId, &'a Account>,
    plans: BTreeMap<PlanId, &'a Plan>,
}

impl<'a> Accounts<'a> {
    fn of(state: &'a State, changes: &'a [Change]) -> Accounts<'a> {
        let mut accounts = Accounts { state, written: BTreeMap::new(), plans: BTreeMap::new() };
        for change in changes {
            match change {
                Change::Account(account) => {
                    accounts.written.insert(account.id, account);
                }
                Change::Plan(plan) => {
                    accounts.plans.insert(plan.id, plan);
                }
                _ => {}
            }
        }
        accounts
    }

    fn find(&self, id: AccountId) -> Option<&'a Account> {
        self.written.get(&id).copied().or_else(|| self.state.accounts.get(&id).map(AsRef::as_ref))
    }

    fn contract(&self, id: AccountId) -> &'a str {
        self.find(id).map_or("", |account| account.contract.as_str())
    }

    fn plan(&self, id: Option<PlanId>) -> &'a str {
        let written = id.and_then(|id| self.plans.get(&id)).copied();
        let plan = written.or_else(|| id.and_then(|id| self.state.plans.get(&id)).map(AsRef::as_ref));
        plan.map_or("", |plan| plan.name.as_str())
    }
}

fn paid(pen: &mut Pen<'_>, payment: &Payment, accounts: &Accounts<'_>) {
    if !pen.wants(EventKind::Payment) && !pen.wants(EventKind::Receipt) {
        return;
    }
    let (sum, balance, time) =
        (pen.money(payment.sum), pen.money(payment.balance_after), pen.time(payment.time));
    pen.write(EventKind::Payment, Some(payment.account), || {
        json!({
            "op_id": payment.transfer.0,
            "pay_operator": payment.key.operator,
            "pay_id_str": payment.key.id,
            "contract_number": payment.contract,
            "sum_in": sum,
            "time": time,
            "balance": balance,
        })
    });
    let receipt = Receipt { operation: "income", payment: &payment.key, sum, time, reverses: None };
    receipt.write(pen, payment.transfer, payment.account, accounts);
}

fn reversed(pen: &mut Pen<'_>, key: &PaymentKey, reversal: &Transfer, accounts: &Accounts<'_>) {
    // A payment goes from the operator to the contract, so what takes it back goes from the contract.
    let account = reversal.debit;
    let (sum, balance) = (pen.money(reversal.amount), pen.money(reversal.balance_after));
    let time = pen.time(reversal.time);
    let original = reversal.reverses;
    pen.write(EventKind::PaymentReversed, Some(account), || {
        json!({
            "op_id": reversal.id.0,
            "reverses": original.map(|id| id.0),
            "pay_operator": key.operator,
            "pay_id_str": key.id,
            "contract_number": accounts.contract(account),
            "sum_in": sum,
            "time": time,
            "balance": balance,
            "text": reversal.text,
            "by": reversal.by,
        })
    });
    let receipt = Receipt { operation: "income-return", payment: key, sum, time, reverses: original };
    receipt.write(pen, reversal.id, account, accounts);
}

/// What a fiscal receipt is made of (54-FZ: the sign of the settlement, the sum, the buyer's phone or e-mail).
struct Receipt<'a> {
    operation: &'static str,
    payment: &'a PaymentKey,
    sum: String,
    time: String,
    reverses: Option<TransferId>,
}

impl Receipt<'_> {
    fn write(self, pen: &mut Pen<'_>, op: TransferId, account: AccountId, accounts: &Accounts<'_>) {
        let vat = pen.state().settings.billing.vat_basis_points;
        pen.write(EventKind::Receipt, Some(account), || {
            let buyer = accounts.find(account);
            let of = |text: fn(&Account) -> &String| buyer.map_or("", |buyer| text(buyer).as_str());
            json!({
                "op_id": op.0,
                "operation": self.operation,
                "reverses": self.reverses.map(|id| id.0),
                "sum": self.sum,
                "vat_percent": vat.map(percent),
                "time": self.time,
                "pay_operator": self.payment.operator,
                "pay_id_str": self.payment.id,
                "contract_number": of(|a| &a.contract),
                "name": of(|a| &a.name),
                "kind": buyer.map(|buyer| buyer.kind),
                "tax_id": of(|a| &a.tax_id),
                "phone": of(|a| &a.phone),
                "email": of(|a| &a.email),
            })
        });
    }
}

/// `20`, `18.5`: hundredths of a percent as a decimal.
fn percent(basis_points: u32) -> String {
    let text = format!("{}.{:02}", basis_points / 100, basis_points % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn plan_changed(pen: &mut Pen<'_>, subscriber: &Subscriber, accounts: &Accounts<'_>) {
    let Some(old) = pen.state().subscribers.get(&subscriber.id).filter(|old| old.plan != subscriber.plan)
    else {
        return;
    };
    pen.write(EventKind::PlanChanged, Some(subscriber.account), || {
        json!({
            "login": subscriber.login,
            "contract_number": accounts.contract(subscriber.account),
            "plan": accounts.plan(subscriber.plan),
            "plan_before": accounts.plan(old.plan),
        })
    });
}

/// Sessions of the kernel's counters are nobody's presence.
fn session_news(pen: &mut Pen<'_>, session: &Session, accounts: &Accounts<'_>) {
    if session.key.origin() == SessionOrigin::Kernel {
        return;
    }
    let before = pen.state().sessions.find(&session.key).filter(|before| before.started == session.started);
    let begins = before.is_none();
    let ends = !session.is_open() && before.is_none_or(Session::is_open);
    for (kind, happened) in [(EventKind::SessionStart, begins), (EventKind::SessionStop, ends)] {
        if happened && pen.wants(kind) {
            let data = session_data(pen, session, kind == EventKind::SessionStop, accounts);
            let account = session.subscriber.and_then(|id| pen.state().subscribers.get(&id));
            let account = account.map(|subscriber| subscriber.account);
            pen.write(kind, account, || data);
        }
    }
}

fn session_data(pen: &Pen<'_>, session: &Session, stop: bool, accounts: &Accounts<'_>) -> Value {
    let subscriber = session.subscriber.and_then(|id| pen.state().subscribers.get(&id));
    let ips: Vec<String> = session.nets().map(host_or_net).collect();
    let mut data = json!({
        "session": session.key.acct_session_id,
        // Who reported it; of an address that was seen, whose it is.
        "login": subscriber.map_or(session.key.login.as_str(), |subscriber| subscriber.login.as_str()),
        "contract_number": subscriber.map_or("", |subscriber| accounts.contract(subscriber.account)),
        "nas_ip": session.nas_address.to_string(),
        "ips": ips,
        "mac": session.mac.map(|mac| mac.to_string()),
        "started": pen.time(session.started),
    });
    if let (true, Some(members)) = (stop, data.as_object_mut()) {
        let total = session.usage_total();
        members.insert("stopped".into(), json!(session.stopped.map(|at| pen.time(at))));
        members.insert("seconds".into(), json!(session.session_seconds));
        members.insert("download_octets".into(), json!(total.download_octets));
        members.insert("upload_octets".into(), json!(total.upload_octets));
        members.insert("terminate_cause".into(), json!(session.terminate_cause));
    }
    data
}

fn host_or_net(net: ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Balances that went below zero, or came back to zero or above.
fn balances(pen: &mut Pen<'_>, changes: &[Change], accounts: &Accounts<'_>) {
    if !pen.wants(EventKind::BalanceNegative) && !pen.wants(EventKind::BalancePositive) {
        return;
    }
    let mut moved = BTreeMap::<AccountId, Money>::new();
    for change in changes {
        if let Change::Transfer(transfer) = change {
            let debit = moved.entry(transfer.debit).or_default();
            *debit = debit.saturating_sub(transfer.amount);
            let credit = moved.entry(transfer.credit).or_default();
            *credit = credit.saturating_add(transfer.amount);
        }
    }
    for (id, sum) in moved {
        let Some(account) = accounts.find(id) else { continue };
        let before = pen.state().balance(id);
        let after = before.saturating_add(sum);
        let kind = match (before.is_negative(), after.is_negative()) {
            (false, true) => EventKind::BalanceNegative,
            (true, false) => EventKind::BalancePositive,
            _ => continue,
        };
        let (before, after) = (pen.money(before), pen.money(after));
        pen.write(kind, Some(id), || {
            json!({
                "contract_number": account.contract,
                "name": account.name,
                "balance": after,
                "balance_before": before,
            })
        });
    }
}
