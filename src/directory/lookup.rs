//! WHO: contract number, then login, then live or configured address, then MAC.

use super::Entry;
use super::inner::Inner;
use crate::model::*;
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

/// Most subscribers that a search gives.
const FOUND_MAX: usize = 1_000;

/// Whom a WHO means.
#[derive(Clone, Debug)]
pub struct Found {
    pub account: Arc<Account>,
    pub balance: Money,
    /// The one subscriber meant; None when a contract number names an account that has none or several.
    pub subscriber: Option<Arc<Entry>>,
    /// All subscribers of the account.
    pub mates: Vec<Arc<Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    Nobody,
    /// Logins of those it may mean.
    Several(Vec<String>),
}

impl Inner {
    /// Finds whom `who` means.
    pub fn find_who(&self, who: &str) -> Result<Found, LookupError> {
        match self.find_payer(who) {
            Err(LookupError::Nobody) => {}
            found => return found,
        }
        who.trim().parse::<Mac>().map_err(|_| LookupError::Nobody).and_then(|mac| self.find_mac(mac))
    }

    /// Whose payment it is (rules.md, Who is meant): contract number, then login, then address; never by MAC.
    pub fn find_payer(&self, who: &str) -> Result<Found, LookupError> {
        let who = who.trim();
        if let Some(found) = self.contracts.get(who).and_then(|id| self.found_account(*id)) {
            return Ok(found);
        }
        if let Some(entry) = self.logins.get(who) {
            return self.found_subscriber(entry);
        }
        who.parse::<IpAddr>().map_err(|_| LookupError::Nobody).and_then(|address| self.find_address(address))
    }

    /// Whose address this is: live first, then configured.
    pub fn find_address(&self, address: IpAddr) -> Result<Found, LookupError> {
        let host = IpNet::from(address.to_canonical());
        let owner = self.addresses.owner(&host).or_else(|| self.owner_of_prefix(address));
        let entry = owner.and_then(|id| self.slots.get(&id)).map(|slot| &slot.entry);
        entry.ok_or(LookupError::Nobody).and_then(|entry| self.found_subscriber(entry))
    }

    /// Whose address this is, live or configured, as a host or within a delegated prefix.
    pub fn owner_of_address(&self, address: IpAddr) -> Option<SubscriberId> {
        self.addresses.owner(&IpNet::from(address)).or_else(|| self.owner_of_prefix(address))
    }

    /// Those who are configured with this MAC, in order of id.
    pub fn with_mac(&self, mac: Mac) -> &[SubscriberId] {
        self.macs.get(&mac).map(|owners| owners.as_slice()).unwrap_or_default()
    }

    /// Those who are configured with this circuit, in order of id.
    pub fn with_circuit(&self, circuit_id: &str) -> &[SubscriberId] {
        self.circuits.get(circuit_id).map(|owners| owners.as_slice()).unwrap_or_default()
    }

    /// The owner of the delegated prefix that an IPv6 address lies in.
    fn owner_of_prefix(&self, address: IpAddr) -> Option<SubscriberId> {
        let IpAddr::V6(address) = address else { return None };
        (32..128u8).rev().find_map(|length| {
            let net = ipnet::Ipv6Net::new(address, length).ok()?.trunc();
            self.addresses.owner(&IpNet::V6(net))
        })
    }

    fn find_mac(&self, mac: Mac) -> Result<Found, LookupError> {
        let mut owners: Vec<SubscriberId> = self.macs.get(&mac).into_iter().flatten().copied().collect();
        let live = self.sessions.open().filter(|session| session.mac == Some(mac));
        owners.extend(live.filter_map(|session| session.subscriber));
        owners.sort_unstable();
        owners.dedup();
        match owners.as_slice() {
            [] => Err(LookupError::Nobody),
            [one] => {
                let entry = self.subscriber(*one).ok_or(LookupError::Nobody)?;
                self.found_subscriber(entry)
            }
            several => Err(LookupError::Several(
                several
                    .iter()
                    .filter_map(|id| self.subscriber(*id))
                    .map(|entry| entry.view.subscriber.login.clone())
                    .collect(),
            )),
        }
    }

    fn found_account(&self, id: AccountId) -> Option<Found> {
        let slot = self.accounts.get(&id)?;
        let mates: Vec<_> =
            slot.subscribers.iter().filter_map(|id| self.subscriber(*id)).map(Arc::clone).collect();
        let subscriber = match mates.as_slice() {
            [one] => Some(Arc::clone(one)),
            _ => None,
        };
        Some(Found { account: Arc::clone(&slot.account), balance: slot.balance, subscriber, mates })
    }

    fn found_subscriber(&self, entry: &Arc<Entry>) -> Result<Found, LookupError> {
        let mut found = self.found_account(entry.view.account.id).ok_or(LookupError::Nobody)?;
        found.subscriber = Some(Arc::clone(entry));
        Ok(found)
    }

    /// Subscribers in whose login, contract, names, addresses or MAC each of the words occurs; by login.
    pub fn search(&self, words: &[String]) -> Vec<Arc<Entry>> {
        let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let mut found: Vec<Arc<Entry>> = self
            .slots
            .values()
            .filter(|slot| {
                let haystack = self.haystack(&slot.entry);
                words.iter().all(|word| haystack.contains(word.as_str()))
            })
            .map(|slot| Arc::clone(&slot.entry))
            .collect();
        found.sort_by(|a, b| a.view.subscriber.login.cmp(&b.view.subscriber.login));
        found.truncate(FOUND_MAX);
        found
    }

    fn haystack(&self, entry: &Entry) -> String {
        use std::fmt::Write;
        let subscriber = &entry.view.subscriber;
        let account = &entry.view.account;
        let mut text = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            subscriber.login,
            account.contract,
            subscriber.name,
            account.name,
            account.phone,
            account.email,
            account.address
        )
        .to_lowercase();
        for (net, _) in self.addresses_of(subscriber.id) {
            let _ = writeln!(text, "{}", net.addr());
        }
        if let Some(mac) = subscriber.mac {
            let _ = writeln!(text, "{mac}");
        }
        text
    }
}
