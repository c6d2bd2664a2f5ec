//! Rows of accounts and subscribers, and opening balances.

use super::network::prefix;
use super::{Contested, Planner, choose_id, effect, in_row, refuse};
use crate::engine::day_of;
use crate::engine::fees;
use crate::engine::ledger::Entry;
use crate::model::*;
use ipnet::IpNet;
use std::net::IpAddr;

impl Planner<'_> {
    pub(super) fn account(&mut self, row: &AccountRow) -> Result<(), Refusal> {
        check_word("contract", &row.contract)?;
        let old = self.account_by_contract(&row.contract);
        let taken = |id| self.account_by_id(AccountId(id)).is_some();
        let id = choose_id(row.id, old.as_ref().map(|a| a.id.0), self.account_last, taken)?;
        if let Some(login) = self.login_of_other_account(&row.contract, AccountId(id)) {
            return refuse(
                "contract-is-login",
                format!("contract: {login:?} is the login of another contract"),
            );
        }
        let text = |new: &Option<String>, kept: fn(&Account) -> &String| match (new, &old) {
            (Some(new), _) => new.clone(),
            (None, Some(old)) => kept(old).clone(),
            (None, None) => String::new(),
        };
        let account = Account {
            id: AccountId(id),
            contract: row.contract.clone(),
            name: text(&row.name, |a| &a.name),
            kind: row.kind.or(old.as_ref().map(|a| a.kind)).unwrap_or_default(),
            group: self.group_id(row.group.as_deref(), old.as_ref().and_then(|a| a.group))?,
            phone: text(&row.phone, |a| &a.phone),
            email: text(&row.email, |a| &a.email),
            address: text(&row.address, |a| &a.address),
            tax_id: text(&row.tax_id, |a| &a.tax_id),
            code1c: text(&row.code1c, |a| &a.code1c),
            voip_subjects: match (&row.voip_subjects, &old) {
                (Some(words), _) => words.split_whitespace().map(str::to_owned).collect(),
                (None, old) => old.as_ref().map(|a| a.voip_subjects.clone()).unwrap_or_default(),
            },
            credit_limit: self.credit_limit(row.credit_limit, old.as_ref().map(|a| a.credit_limit))?,
            credit_until: self.moment(
                "credit-until",
                row.credit_until.as_deref(),
                old.as_ref().and_then(|a| a.credit_until),
            )?,
            closed: old.as_ref().is_some_and(|a| a.closed),
        };
        let effect = self.keep_account(old, account.clone());
        let posted = self.opening_balance(&account, row.balance, effect == RowEffect::Added)?;
        self.note("account", &row.contract, with_posting(effect, posted));
        Ok(())
    }

    pub(super) fn subscriber(&mut self, row: &SubscriberRow) -> Result<(), Refusal> {
        check_word("login", &row.login)?;
        let old = self.subscriber_by_login(&row.login);
        let taken = |id| {
            let id = SubscriberId(id);
            self.subscribers.contains_key(&id) || self.state.subscribers.contains_key(&id)
        };
        let id = choose_id(row.id, old.as_ref().map(|s| s.id.0), self.subscriber_last, taken)?;
        self.subscriber_last = self.subscriber_last.max(id);
        let (account, posted) = self.account_of_row(row, old.as_ref())?;
        if let Some(other) = self.account_by_contract(&row.login).filter(|a| a.id != account.id) {
            let text = format!("login: {:?} is another's contract number", other.contract);
            return refuse("login-is-contract", text);
        }
        let subscriber = self.subscriber_from(row, SubscriberId(id), account.id, old.as_ref())?;
        self.take_addresses(&subscriber, old.as_ref())?;
        let effect = effect(old.as_ref(), &subscriber);
        match &old {
            None => {
                let plan = row.plan.as_deref().and_then(|name| self.plans.get(name));
                let today = day_of(self.now, &self.state.settings.time_zone);
                self.books.changes.push(Change::Subscriber(Box::new(subscriber.clone())));
                self.books.changes.push(Change::FeeState(fees::covered_new(subscriber.id, plan, today)));
            }
            Some(old) if effect != RowEffect::Unchanged => {
                self.books.put_subscriber(subscriber.clone());
                self.affected.insert(subscriber.account);
                if old.block.is_some() && subscriber.block.is_none() {
                    self.unblocked.push(subscriber.id);
                }
            }
            Some(_) => {}
        }
        self.note("subscriber", &row.login, with_posting(effect, posted));
        self.logins.insert(subscriber.login.clone(), subscriber.id);
        self.subscribers.insert(subscriber.id, subscriber);
        Ok(())
    }

    fn subscriber_from(
        &self,
        row: &SubscriberRow,
        id: SubscriberId,
        account: AccountId,
        old: Option<&Subscriber>,
    ) -> Result<Subscriber, Refusal> {
        let text = |new: &Option<String>, kept: fn(&Subscriber) -> &String| match new {
            Some(new) => new.clone(),
            None => old.map(|old| kept(old).clone()).unwrap_or_default(),
        };
        let plan = match row.plan.as_deref() {
            None => old.and_then(|s| s.plan),
            Some("") => None,
            Some(name) => match self.plans.get(name) {
                Some(plan) => Some(plan.id),
                None => return refuse("unknown-plan", format!("plan: there is no plan {name:?}")),
            },
        };
        let nas = match row.nas.as_deref() {
            None => old.and_then(|s| s.nas),
            Some("") => None,
            Some(name) => match self.nases.get(name) {
                Some(nas) => Some(nas.id),
                None => return refuse("unknown-nas", format!("nas: there is no NAS {name:?}")),
            },
        };
        Ok(Subscriber {
            id,
            login: row.login.clone(),
            password: password(row, old)?,
            account,
            name: text(&row.name, |s| &s.name),
            group: self.group_id(row.group.as_deref(), old.and_then(|s| s.group))?,
            plan,
            nas,
            access: row.access.or(old.map(|s| s.access)).unwrap_or_default(),
            addresses: match &row.ip {
                None => old.map(|s| s.addresses.clone()).unwrap_or_default(),
                Some(ip) => {
                    let address = |text| parse::<IpAddr>("ip", text).map(|address| address.to_canonical());
                    ip.split_whitespace().map(address).collect::<Result<_, _>>()?
                }
            },
            pool: self.pool_id(row.pool.as_deref(), old.and_then(|s| s.pool))?,
            ipv6_prefix: optional(&row.ipv6_prefix, old.and_then(|s| s.ipv6_prefix), ipv6_prefix)?,
            mac: optional(&row.mac, old.and_then(|s| s.mac), |t| parse("mac", t))?,
            circuit_id: text(&row.circuit_id, |s| &s.circuit_id),
            snat: optional(&row.snat_ip, old.and_then(|s| s.snat), |t| parse("snat-ip", t))?,
            routes: match &row.routes {
                None => old.map(|s| s.routes.clone()).unwrap_or_default(),
                Some(nets) => {
                    nets.split_whitespace().map(|t| prefix("routes", t)).collect::<Result<_, _>>()?
                }
            },
            sessions_max: row.sessions_max.or(old.map(|s| s.sessions_max)).unwrap_or(1),
            block: match (row.blocked, old.and_then(|s| s.block.clone())) {
                (None, kept) | (Some(true), kept @ Some(_)) => kept,
                (Some(false), _) => None,
                (Some(true), None) => Some(Block {
                    reason: "loaded as blocked".into(),
                    since: self.now,
                    by: self.actor.0.clone(),
                }),
            },
            valid_from: self.moment(
                "valid-from",
                row.valid_from.as_deref(),
                old.and_then(|s| s.valid_from),
            )?,
            valid_until: self.moment(
                "valid-until",
                row.valid_until.as_deref(),
                old.and_then(|s| s.valid_until),
            )?,
            code1c: text(&row.code1c, |s| &s.code1c),
            terms: self.terms_from(row, old)?,
        })
    }

    /// The account a subscriber's row names, made when there is none; a new login without contract gets one of its own.
    /// True: its balance was posted.
    fn account_of_row(
        &mut self,
        row: &SubscriberRow,
        old: Option<&Subscriber>,
    ) -> Result<(Account, bool), Refusal> {
        let existing = match (&row.contract, old) {
            (Some(contract), _) => self.account_by_contract(contract),
            (None, Some(old)) => self.account_by_id(old.account),
            (None, None) => self.account_by_contract(&row.login),
        };
        if let Some(account) = existing {
            let posted = self.opening_balance(&account, row.balance, false)?;
            return Ok((account, posted));
        }
        let contract = row.contract.clone().unwrap_or_else(|| row.login.clone());
        check_word("contract", &contract)?;
        let id = AccountId(choose_id(None, None, self.account_last, |_| false)?);
        if let Some(login) = self.login_of_other_account(&contract, id)
            && Some(&login) != old.map(|s| &s.login)
        {
            return refuse(
                "contract-is-login",
                format!("contract: {login:?} is the login of another contract"),
            );
        }
        let account = Account {
            id,
            contract,
            name: row.name.clone().unwrap_or_default(),
            kind: AccountKind::Person,
            group: self.group_id(row.group.as_deref(), None)?,
            phone: String::new(),
            email: String::new(),
            address: String::new(),
            tax_id: String::new(),
            code1c: row.code1c.clone().unwrap_or_default(),
            voip_subjects: Vec::new(),
            credit_limit: self.credit_limit(row.credit_limit, None)?,
            credit_until: self.moment("credit-until", row.credit_until.as_deref(), None)?,
            closed: false,
        };
        self.keep_account(None, account.clone());
        let posted = self.opening_balance(&account, row.balance, true)?;
        Ok((account, posted))
    }

    fn keep_account(&mut self, old: Option<Account>, account: Account) -> RowEffect {
        let effect = effect(old.as_ref(), &account);
        match effect {
            RowEffect::Unchanged => {}
            RowEffect::Added => self.books.changes.push(Change::Account(account.clone())),
            RowEffect::Changed => {
                self.books.put_account(account.clone());
                self.affected.insert(account.id);
            }
        }
        self.books.contract_account(&account);
        self.account_last = self.account_last.max(account.id.0);
        self.contracts.insert(account.contract.clone(), account.id);
        self.accounts.insert(account.id, account);
        effect
    }

    /// Posts an opening balance for a new account; for one that exists only the difference, and only when asked to.
    /// True: something was posted.
    fn opening_balance(
        &mut self,
        account: &Account,
        balance: Option<Money>,
        new: bool,
    ) -> Result<bool, Refusal> {
        let Some(wanted) = balance else { return Ok(false) };
        let digits = self.state.settings.currency_digits;
        if wanted.rounded(digits) != wanted {
            return refuse("bad-sum", format!("balance: more than {digits} digits after the point"));
        }
        let first = !self.balanced.contains(&account.id) && !self.state.accounts.contains_key(&account.id);
        if !(new || first || self.options.set_balances) {
            return Ok(false);
        }
        self.balanced.insert(account.id);
        let difference = wanted
            .checked_sub(self.books.balance(account.id))
            .ok_or_else(|| Refusal::new("out-of-range", "balance: outside the range of the ledger"))?;
        if difference == Money::ZERO {
            return Ok(false);
        }
        let opening = self.books.own_account(LedgerKind::Opening, "opening");
        let contract = self.books.contract_account(account);
        let amount = if difference.is_negative() { difference.checked_neg() } else { Some(difference) };
        let amount =
            amount.ok_or_else(|| Refusal::new("out-of-range", "balance: outside the range of the ledger"))?;
        let (debit, credit) =
            if difference.is_negative() { (contract, opening) } else { (opening, contract) };
        let entry = Entry {
            kind: TransferKind::Opening,
            reference: "",
            text: "Opening balance",
            by: &self.actor.0,
            time: self.now,
            day: None,
        };
        self.books.transfer(debit, credit, contract, amount, entry)?;
        self.affected.insert(contract);
        Ok(true)
    }

    fn credit_limit(&self, given: Option<Money>, kept: Option<Money>) -> Result<Money, Refusal> {
        let digits = self.state.settings.currency_digits;
        match given {
            Some(limit) if limit.is_negative() => refuse("bad-sum", "credit-limit: it may not be below 0"),
            Some(limit) if limit.rounded(digits) != limit => {
                refuse("bad-sum", format!("credit-limit: more than {digits} digits after the point"))
            }
            given => Ok(given.or(kept).unwrap_or_default()),
        }
    }

    /// Moves the table of configured addresses on. Whether each belongs to one subscriber is known after the last row.
    fn take_addresses(&mut self, subscriber: &Subscriber, old: Option<&Subscriber>) -> Result<(), Refusal> {
        for address in old.into_iter().flat_map(configured) {
            if self.configured.get(&address) == Some(&subscriber.id) {
                self.configured.remove(&address);
            }
        }
        for address in configured(subscriber) {
            match self.configured.insert(address, subscriber.id) {
                None => {}
                Some(owner) if owner == subscriber.id => {
                    return refuse("address-twice", format!("ip: {} is given twice", address.addr()));
                }
                Some(before) => {
                    self.contested.push(Contested { address, before, claimed_by: subscriber.id });
                }
            }
        }
        Ok(())
    }

    /// A configured address belongs to one subscriber.
    pub(super) fn check_contested(&self) -> Result<(), Refusal> {
        let holder = |id: SubscriberId, address: IpNet| {
            let planned = self.subscribers.get(&id);
            let subscriber = planned.or_else(|| self.state.subscribers.get(&id).map(|s| &**s))?;
            configured(subscriber).any(|own| own == address).then_some(subscriber)
        };
        for Contested { address, before, claimed_by } in &self.contested {
            if let (Some(before), Some(claimer)) = (holder(*before, *address), holder(*claimed_by, *address))
            {
                let text = format!("ip: {address} is configured for {:?}", before.login);
                return refuse("address-taken", text).map_err(in_row("subscriber", &claimer.login));
            }
        }
        Ok(())
    }

    fn account_by_id(&self, id: AccountId) -> Option<Account> {
        self.accounts.get(&id).cloned().or_else(|| self.state.accounts.get(&id).map(|a| Account::clone(a)))
    }

    fn account_by_contract(&self, contract: &str) -> Option<Account> {
        let id = self.contracts.get(contract).or_else(|| self.state.contracts.get(contract))?;
        self.account_by_id(*id)
    }

    fn subscriber_by_login(&self, login: &str) -> Option<Subscriber> {
        let id = self.logins.get(login).or_else(|| self.state.logins.get(login))?;
        self.subscribers
            .get(id)
            .cloned()
            .or_else(|| self.state.subscribers.get(id).map(|s| Subscriber::clone(s)))
    }

    /// A login equal to `contract` that belongs to another account than `account`.
    fn login_of_other_account(&self, contract: &str, account: AccountId) -> Option<String> {
        self.subscriber_by_login(contract).filter(|s| s.account != account).map(|s| s.login)
    }
}

/// A row that posted money is not unchanged, whatever else it says.
fn with_posting(effect: RowEffect, posted: bool) -> RowEffect {
    if posted && effect == RowEffect::Unchanged { RowEffect::Changed } else { effect }
}

/// Contract numbers and logins stand in lists whose fields are separated by spaces.
fn check_word(key: &str, word: &str) -> Result<(), Refusal> {
    if word.is_empty() || word.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("bad-word", format!("{key}: {word:?} is empty or has a space in it"));
    }
    if word.len() > 253 {
        return refuse("bad-word", format!("{key}: longer than 253 octets"));
    }
    Ok(())
}

fn password(row: &SubscriberRow, old: Option<&Subscriber>) -> Result<Password, Refusal> {
    match (&row.password, &row.nt_hash, &row.crypt) {
        (None, None, None) => Ok(old.map_or(Password::None, |s| s.password.clone())),
        (Some(clear), None, None) if clear.is_empty() => Ok(Password::None),
        (Some(clear), None, None) => Ok(Password::Clear(clear.clone())),
        (None, Some(hash), None) => {
            let text = hash.expose();
            if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                return refuse("bad-nt-hash", "nt-hash: expected 32 hexadecimal digits");
            }
            Ok(Password::NtHash(hash.clone()))
        }
        (None, None, Some(hash)) => Ok(Password::Crypt(hash.clone())),
        _ => refuse("two-passwords", "password, nt-hash and crypt exclude each other"),
    }
}

/// Addresses (as hosts) and the delegated prefix that a subscriber has configured.
pub(super) fn configured(subscriber: &Subscriber) -> impl Iterator<Item = IpNet> + '_ {
    subscriber.addresses.iter().map(|address| IpNet::from(*address)).chain(subscriber.ipv6_prefix)
}

fn ipv6_prefix(text: &str) -> Result<IpNet, Refusal> {
    match prefix("ipv6-prefix", text)? {
        net @ IpNet::V6(_) => Ok(net),
        net => refuse("bad-address", format!("ipv6-prefix: {net} is not an IPv6 prefix")),
    }
}

fn optional<T>(
    new: &Option<String>,
    kept: Option<T>,
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Option<T>, Refusal> {
    match new.as_deref().map(str::trim) {
        None => Ok(kept),
        Some("") => Ok(None),
        Some(text) => read(text).map(Some),
    }
}

fn parse<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, Refusal> {
    let expected = match key {
        "mac" => "a MAC address",
        "snat-ip" => "an IPv4 address",
        _ => "an IP address",
    };
    text.parse().or_else(|_| refuse("bad-address", format!("{key}: {text:?} is not {expected}")))
}
