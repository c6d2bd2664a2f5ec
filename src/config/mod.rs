//! The configuration: `headgate.toml` and `conf.d/*.toml` beside it, read strictly, one file here per section.
//!
//! For: values that are checked, with their defaults, and errors that name file, line, key and what was expected.
//! A key that this version does not serve is refused by name: taking it in silence would promise what it says.
//! Not for: what depends on the data (does this plan exist) or on the machine (is this port free).
//! [`data`] reads the files of `headgate load`, which share the tree with places and the manners of the errors.

mod allow;
mod billing;
mod cabinet;
mod cgrates;
mod currency;
pub mod data;
mod doors;
mod enforcement;
mod error;
mod feed_server;
mod files;
mod log;
mod management;
mod metrics;
mod notify;
mod payments;
mod radius;
mod secret;
mod section;
mod server;
mod store;
mod system_api;
mod tree;

pub use allow::AllowList;
pub use cabinet::{Cabinet, PageUrl, URL_PLACES, Way, Words};
pub use cgrates::Cgrates;
pub use currency::Currency;
pub use enforcement::{Enforcement, GardenEntry};
pub use error::ConfigError;
pub use feed_server::FeedServer;
pub use log::{Level, Log};
pub use management::{CertificateFiles, FeedToken, Management};
pub use metrics::Metrics;
pub use notify::{HookUrl, Notify, NotifyTarget, NotifyWay, signing_key};
pub use payments::{
    AccountPatterns, ClientName, Dialect, Element, ParameterNames, PaymentAct, PaymentOperator,
    PaymentResult, Payments, Place, Protocol, Tells, Template,
};
pub use radius::{Radius, RequireMessageAuthenticator, RestrictedLogin};
pub use secret::Passwords;
pub use server::Server;
pub use store::{Store, StoreUrl};
pub use system_api::SystemApi;

use crate::model::BillingRules;
use secret::SecretFiles;
use section::Section;
use std::path::Path;
use tree::{Table, Value};

/// Sections of later versions.
const SECTIONS_NOT_SERVED: [&str; 3] = ["edge", "retention", "backup"];

/// The whole configuration. `Default` is what an empty file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub server: Server,
    pub store: Store,
    pub radius: Radius,
    pub billing: BillingRules,
    pub system_api: SystemApi,
    pub payments: Payments,
    pub management: Management,
    pub cgrates: Cgrates,
    pub cabinet: Cabinet,
    pub metrics: Metrics,
    pub log: Log,
    pub notify: Notify,
    pub enforcement: Enforcement,
}

impl Config {
    pub const DEFAULT_PATH: &str = "/etc/headgate/headgate.toml";

    /// Reads `path` and then `conf.d/*.toml` beside it in name order; a later file adds or replaces keys. For the
    /// server: the token of `[enforcement]` is left out when it stands in a file, which is for the enforcer to read.
    ///
    /// Side effects: reads the files of secrets that are named there. Errors: every fault found, in reading order.
    pub fn load(path: &Path) -> Result<Config, Vec<ConfigError>> {
        Config::from_tree(&files::read_all(path)?, &SecretFiles::of_this_process())
    }

    /// The same for the enforcer: of the secrets in files only those of `[enforcement]` are read.
    pub fn load_for_enforcer(path: &Path) -> Result<Config, Vec<ConfigError>> {
        let secrets = Secrets { server: &SecretFiles::Unread, enforcer: &SecretFiles::of_this_process() };
        Config::read(&files::read_all(path)?, &secrets)
    }

    /// The same for a command that talks to a running daemon: secrets that stand in files or credentials are left
    /// out, because whoever calls it need not be able to read them. Their passwords then open nothing.
    pub fn load_without_secret_files(path: &Path) -> Result<Config, Vec<ConfigError>> {
        Config::from_tree(&files::read_all(path)?, &SecretFiles::Unread)
    }

    /// Reads one text as if it stood in `file`.
    pub fn parse(file: &str, text: &str) -> Result<Config, Vec<ConfigError>> {
        Config::from_tree(&files::read_text(file, text)?, &SecretFiles::of_this_process())
    }

    /// The keys that differ between this and `new` and cannot change while a process runs. Those of
    /// `enforcement` concern the enforcer, all others the server.
    pub fn restart_needed(&self, new: &Config) -> Vec<&'static str> {
        let (a, b) = (self, new);
        let keys = [
            ("server.name", a.server.name == b.server.name),
            ("server.time-zone", a.server.time_zone == b.server.time_zone),
            ("server.currency", a.server.currency == b.server.currency),
            ("server.state-dir", a.server.state_dir == b.server.state_dir),
            ("server.control-socket", a.server.control_socket == b.server.control_socket),
            ("store.url", a.store.url == b.store.url),
            ("radius.auth", a.radius.auth == b.radius.auth),
            ("radius.acct", a.radius.acct == b.radius.acct),
            ("radius.reject-delay-ms", a.radius.reject_delay_ms == b.radius.reject_delay_ms),
            (
                "radius.require-message-authenticator",
                a.radius.require_message_authenticator == b.radius.require_message_authenticator,
            ),
            ("radius.negbal-login", a.radius.negbal_login == b.radius.negbal_login),
            ("radius.blocked-login", a.radius.blocked_login == b.radius.blocked_login),
            ("radius.interim-seconds", a.radius.interim_seconds == b.radius.interim_seconds),
            ("radius.captive-rate-kbit", a.radius.captive_rate_kbit == b.radius.captive_rate_kbit),
            ("billing.payment-max", a.billing.payment_max == b.billing.payment_max),
            ("billing.cut-at", a.billing.cut_at == b.billing.cut_at),
            ("billing.cut-days", a.billing.cut_days == b.billing.cut_days),
            ("billing.outage-grace", a.billing.outage_grace == b.billing.outage_grace),
            ("billing.catch-up-days-max", a.billing.catch_up_days_max == b.billing.catch_up_days_max),
            ("billing.vat", a.billing.vat_basis_points == b.billing.vat_basis_points),
            ("billing.pause-fee", a.billing.pause_fee == b.billing.pause_fee),
            ("billing.promise-sum", a.billing.promise_sum == b.billing.promise_sum),
            ("billing.promise-days", a.billing.promise_days == b.billing.promise_days),
            ("billing.promise-price", a.billing.promise_price == b.billing.promise_price),
            ("billing.promises-per-month", a.billing.promises_per_month == b.billing.promises_per_month),
            (
                "billing.require-synchronised-clock",
                a.billing.require_synchronised_clock == b.billing.require_synchronised_clock,
            ),
            ("server.min-free", a.server.min_free == b.server.min_free),
            ("system-api.listen", a.system_api.listen == b.system_api.listen),
            ("payments.listen", a.payments.listen == b.payments.listen),
            ("payments.tls-listen", a.payments.tls_listen == b.payments.tls_listen),
            ("management.listen", a.management.listen == b.management.listen),
            ("management.plain-listen", a.management.plain_listen == b.management.plain_listen),
            ("cgrates.tcp", a.cgrates.tcp == b.cgrates.tcp),
            ("cgrates.http", a.cgrates.http == b.cgrates.http),
            ("cgrates.allow", a.cgrates.allow == b.cgrates.allow),
            ("cgrates.unit", a.cgrates.unit == b.cgrates.unit),
            ("cgrates.compat-2012", a.cgrates.compat_2012 == b.cgrates.compat_2012),
            ("cabinet.listen", a.cabinet.listen == b.cabinet.listen),
            ("cabinet.url", a.cabinet.url == b.cabinet.url),
            ("cabinet.provider", a.cabinet.provider == b.cabinet.provider),
            ("cabinet.phone", a.cabinet.phone == b.cabinet.phone),
            ("cabinet.way", a.cabinet.ways == b.cabinet.ways),
            ("cabinet.tls-listen", a.cabinet.tls_listen == b.cabinet.tls_listen),
            ("metrics.listen", a.metrics.listen == b.metrics.listen),
            ("log.runtime-log", a.log.runtime_log == b.log.runtime_log),
            ("log.level", a.log.level == b.log.level),
            ("notify", a.notify == b.notify),
            ("enforcement.servers", a.enforcement.servers == b.enforcement.servers),
            ("enforcement.ca", a.enforcement.ca == b.enforcement.ca),
            ("enforcement.nas", a.enforcement.nas == b.enforcement.nas),
            ("enforcement.lan", a.enforcement.lan == b.enforcement.lan),
            ("enforcement.shape", a.enforcement.shape == b.enforcement.shape),
            ("enforcement.wan", a.enforcement.wan == b.enforcement.wan),
            ("enforcement.captive", a.enforcement.captive == b.enforcement.captive),
            ("enforcement.walled-garden", a.enforcement.walled_garden == b.enforcement.walled_garden),
            ("enforcement.police", a.enforcement.police == b.enforcement.police),
            ("enforcement.protect-ports", a.enforcement.protect_ports == b.enforcement.protect_ports),
        ];
        keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }

    fn from_tree(tree: &Table, secret_files: &SecretFiles) -> Result<Config, Vec<ConfigError>> {
        Config::read(tree, &Secrets { server: secret_files, enforcer: &SecretFiles::Unread })
    }

    fn read(tree: &Table, secrets: &Secrets<'_>) -> Result<Config, Vec<ConfigError>> {
        let mut sections = Sections { tree, secrets, seen: Vec::new(), errors: Vec::new() };
        let server = sections.read("server", Server::read);
        let config = Config {
            store: sections.read("store", Store::read),
            radius: sections.read("radius", Radius::read),
            billing: sections.read("billing", |section| billing::read(section, &server.currency)),
            system_api: sections.read("system-api", SystemApi::read),
            payments: sections.read("payments", |section| Payments::read(section, &server.currency)),
            management: sections.read("management", Management::read),
            cgrates: sections.read("cgrates", Cgrates::read),
            cabinet: sections.read("cabinet", Cabinet::read),
            metrics: sections.read("metrics", Metrics::read),
            log: sections.read("log", Log::read),
            notify: sections.read("notify", Notify::read),
            enforcement: sections.read("enforcement", Enforcement::read),
            server,
        };
        sections.finish();
        let mut errors = sections.errors;
        errors.extend(doors::clashes(&config, tree));
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }
}

/// Which daemon reads the secrets that stand in files: each its own, and the other's credentials it does not even have.
struct Secrets<'a> {
    server: &'a SecretFiles,
    enforcer: &'a SecretFiles,
}

/// The sections of a tree while they are read; those that nobody took are unknown.
struct Sections<'a> {
    tree: &'a Table,
    secrets: &'a Secrets<'a>,
    seen: Vec<&'static str>,
    errors: Vec<ConfigError>,
}

impl Sections<'_> {
    fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        self.seen.push(name);
        let empty = Table::new();
        let table = match self.tree.get(name).map(|node| (node, &node.value)) {
            None => &empty,
            Some((_, Value::Table(table) | Value::InlineTable(table))) => table,
            Some((node, _)) => {
                let fault = node.expected(&format!("a section [{name}]"));
                self.errors.push(ConfigError::new(&fault.at, name, fault.text));
                &empty
            }
        };
        let secret_files = if name == "enforcement" { self.secrets.enforcer } else { self.secrets.server };
        let mut section = Section::new(name, table, &mut self.errors, secret_files);
        let value = read(&mut section);
        section.finish();
        value
    }

    fn finish(&mut self) {
        for (name, node) in self.tree {
            if self.seen.contains(&name.as_str()) {
                continue;
            }
            let text = if SECTIONS_NOT_SERVED.contains(&name.as_str()) {
                format!("section [{name}] is not served by this version")
            } else {
                format!("unknown section or key; expected one of the sections: {}", self.seen.join(", "))
            };
            self.errors.push(ConfigError::new(&node.at, name.as_str(), text));
        }
    }
}

#[cfg(test)]
mod tests;
