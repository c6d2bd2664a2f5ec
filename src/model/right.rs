//! Rights of operators and API accounts: what may be done in which part of the product.
//!
//! One vocabulary for every door that knows who calls. Written as `payments.write`, `payments.*` or `*`, several
//! separated by spaces.

use std::fmt;
use std::str::FromStr;

/// A part of the product. The names are those of the JeraSoft modules where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Module {
    /// Contracts and what stands on them.
    Clients,
    /// Resellers.
    Companies,
    /// Logins, with block, pause and password.
    Accounts,
    /// Plans, recurring services and packages.
    Packages,
    Payments,
    /// Postings other than payments: charges, corrections, reversals, credit.
    Transactions,
    Rates,
    Destinations,
    /// Sessions and calls.
    Xdrs,
    /// Acts, statements and closed months.
    Invoices,
    Nas,
    /// Operators, API accounts and their keys.
    Users,
    Roles,
    Reports,
    /// The server as a whole: status, loading of files, panic, books.
    System,
}

impl Module {
    pub const ALL: [Module; 15] = [
        Module::Clients,
        Module::Companies,
        Module::Accounts,
        Module::Packages,
        Module::Payments,
        Module::Transactions,
        Module::Rates,
        Module::Destinations,
        Module::Xdrs,
        Module::Invoices,
        Module::Nas,
        Module::Users,
        Module::Roles,
        Module::Reports,
        Module::System,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Module::Clients => "clients",
            Module::Companies => "companies",
            Module::Accounts => "accounts",
            Module::Packages => "packages",
            Module::Payments => "payments",
            Module::Transactions => "transactions",
            Module::Rates => "rates",
            Module::Destinations => "destinations",
            Module::Xdrs => "xdrs",
            Module::Invoices => "invoices",
            Module::Nas => "nas",
            Module::Users => "users",
            Module::Roles => "roles",
            Module::Reports => "reports",
            Module::System => "system",
        }
    }
}

/// What is done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    Read,
    Write,
    /// Orders that change no stored value: kick, CoA, a run.
    Execute,
    Delete,
}

impl Action {
    pub const ALL: [Action; 4] = [Action::Read, Action::Write, Action::Execute, Action::Delete];

    pub fn as_str(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Write => "write",
            Action::Execute => "execute",
            Action::Delete => "delete",
        }
    }
}

/// One action in one module: `payments.write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    pub module: Module,
    pub action: Action,
}

impl Right {
    pub const fn new(module: Module, action: Action) -> Right {
        Right { module, action }
    }

    const fn bit(self) -> u64 {
        1 << (self.module as u8 * 4 + self.action as u8)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module.as_str(), self.action.as_str())
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u64);

impl Rights {
    pub fn all() -> Rights {
        all().collect()
    }

    pub fn holds(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether every one of `other` is here: nobody may give what he has not.
    pub fn covers(self, other: Rights) -> bool {
        other.0 & !self.0 == 0
    }

    /// Those of both.
    #[must_use]
    pub fn intersect(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Right> {
        all().filter(move |right| self.holds(*right))
    }
}

fn all() -> impl Iterator<Item = Right> {
    Module::ALL.into_iter().flat_map(|module| Action::ALL.map(|action| Right { module, action }))
}

impl FromIterator<Right> for Rights {
    fn from_iter<T: IntoIterator<Item = Right>>(rights: T) -> Rights {
        Rights(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }
}

impl FromStr for Rights {
    type Err = RightsError;

    fn from_str(text: &str) -> Result<Rights, RightsError> {
        let mut bits = 0;
        for word in text.split_whitespace() {
            let (module, action) =
                if word == "*" { ("*", "*") } else { word.split_once('.').unwrap_or(("", "")) };
            let chosen: Rights = all()
                .filter(|right| module == "*" || right.module.as_str() == module)
                .filter(|right| action == "*" || right.action.as_str() == action)
                .collect();
            if chosen == Rights::default() {
                return Err(RightsError(word.to_owned()));
            }
            bits |= chosen.0;
        }
        Ok(Rights(bits))
    }
}

/// Words that [`Rights::from_str`] reads again, whole modules as `payments.*`.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Rights::all() {
            return f.write_str("*");
        }
        let mut words: Vec<String> = Vec::new();
        for module in Module::ALL {
            let here: Vec<Right> = self.iter().filter(|right| right.module == module).collect();
            match here.len() == Action::ALL.len() {
                true => words.push(format!("{}.*", module.as_str())),
                false => words.extend(here.iter().map(Right::to_string)),
            }
        }
        f.write_str(&words.join(" "))
    }
}

/// A word that names no right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RightsError(pub String);

impl fmt::Display for RightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modules = Module::ALL.map(Module::as_str).join(", ");
        write!(
            f,
            "{:?} is no right; expected MODULE.ACTION, MODULE.* or *, with a module of {modules} and an action of read, \
             write, execute, delete",
            self.0
        )
    }
}

impl std::error::Error for RightsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (text, again) in [
            ("", ""),
            ("*", "*"),
            ("*.*", "*"),
            ("payments.*", "payments.*"),
            ("payments.write clients.read", "clients.read payments.write"),
            (
                "*.read nas.read",
                "clients.read companies.read accounts.read packages.read payments.read \
              transactions.read rates.read destinations.read xdrs.read invoices.read nas.read users.read roles.read \
              reports.read system.read",
            ),
        ] {
            let rights: Rights = text.parse().unwrap();
            assert_eq!(rights.to_string(), again);
            assert_eq!(again.parse(), Ok(rights));
        }
        for text in ["payments", "payments.steal", "money.read", ".", "**"] {
            assert!(text.parse::<Rights>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_right_is_held_alone() {
        for right in Rights::all().iter() {
            let alone: Rights = [right].into_iter().collect();
            assert_eq!(alone.iter().collect::<Vec<_>>(), [right]);
            assert!(Rights::all().covers(alone) && !Rights::default().covers(alone));
            assert_eq!(alone.intersect(Rights::all()), alone);
        }
        assert_eq!(Rights::all().iter().count(), 60);
    }
}
