//! `context=web`, `cabinet` and `asr_cabinet`: the cabinet of a subscriber (facts on the web context).
//!
//! The caller is the provider's own site, which is let in by address and `psw` and speaks for the subscriber: whoever
//! logs in has a session, `suid`, and everything else is asked with it. Values are texts, as clients of the dialect read
//! them. Not here: rules of money (the operations'), and tickets, which this product has none of.

mod money;
mod refusals;
mod services;
mod sessions;
mod settings;
pub(super) mod throttle;
mod user;

use super::SystemApi;
use super::arguments::Fields;
use crate::config;
use crate::directory::{Entry, Found};
use crate::doors::http::Response;
use crate::model::{Actor, Refusal, Timestamp};
use crate::writer::Rejected;
use serde::Serialize;
use sessions::Sessions;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use throttle::Throttle;
use tokio::sync::Semaphore;

/// Wrong passwords of one login in a window.
const LOGIN_GUESSES_MAX: u32 = 10;
/// Of one source: the subscriber's address where the caller tells it, else the caller's own.
const SOURCE_GUESSES_MAX: u32 = 100;
const GUESSES_WINDOW: Duration = Duration::from_secs(5 * 60);
/// Announced payments of one contract in a window.
const ORDERS_MAX: u32 = 30;
const ORDERS_WINDOW: Duration = Duration::from_secs(3_600);
/// Changes of password, phone and e-mail by one login in a window: each is a load, which is not cheap for the ledger.
const CHANGES_MAX: u32 = 10;
const CHANGES_WINDOW: Duration = Duration::from_secs(3_600);
/// Costly password hashes checked at once.
const CHECKS_MAX: usize = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doors::system_api) enum Web {
    Login,
    AutoLogin,
    Logout,
    UserInfo,
    User,
    PayLog,
    Services,
    AddService,
    RemoveService,
    Pause,
    Resume,
    Order,
    Promises,
    Promise,
    SetUser,
    Password,
    Constants,
    Name,
    AccountId,
    Balance,
    Plan,
    Created,
}

/// What the cabinet keeps in memory.
pub(super) struct Cabinet {
    sessions: Sessions,
    logins: Throttle,
    sources: Throttle,
    orders: Throttle,
    changes: Throttle,
    checks: Semaphore,
    /// Code of the currency, for people.
    pub currency: String,
}

impl Cabinet {
    pub fn new() -> Cabinet {
        Cabinet {
            sessions: Sessions::default(),
            logins: Throttle::new(LOGIN_GUESSES_MAX, GUESSES_WINDOW),
            sources: Throttle::new(SOURCE_GUESSES_MAX, GUESSES_WINDOW),
            orders: Throttle::new(ORDERS_MAX, ORDERS_WINDOW),
            changes: Throttle::new(CHANGES_MAX, CHANGES_WINDOW),
            checks: Semaphore::new(CHECKS_MAX),
            currency: "RUB".to_owned(),
        }
    }
}

/// Somebody who has logged in.
struct Visitor<'a> {
    suid: &'a str,
    found: Found,
    entry: Arc<Entry>,
    now: Timestamp,
}

impl Visitor<'_> {
    fn login(&self) -> &str {
        &self.entry.view.subscriber.login
    }

    /// For the postings and the audit.
    fn actor(&self) -> Actor {
        Actor(format!("web:{}", self.login()))
    }
}

/// `{"message": ...}`: it was done.
#[derive(Serialize)]
struct Message {
    message: &'static str,
}

fn done(message: &'static str) -> Response {
    Response::json(200, &Message { message })
}

impl SystemApi {
    /// Answers a method of the cabinet; `peer` is the site that asks.
    pub(super) async fn cabinet(
        &self,
        task: Web,
        fields: &Fields,
        peer: Option<IpAddr>,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        let answer = match task {
            Web::Login => self.log_in(fields, peer).await,
            Web::AutoLogin => self.log_in_by_address(fields),
            _ => {
                let visitor = self.visitor(fields)?;
                self.serve_visitor(task, &visitor, fields, config).await
            }
        };
        answer.map_err(refusals::in_words)
    }

    async fn serve_visitor(
        &self,
        task: Web,
        visitor: &Visitor<'_>,
        fields: &Fields,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        match task {
            Web::Login | Web::AutoLogin => Err(Rejected::Unknown),
            Web::Logout => {
                self.cabinet.sessions.close(visitor.suid);
                Ok(done("Сеанс закончен"))
            }
            Web::UserInfo => Ok(self.user_info(visitor)),
            Web::User => self.whole_user(visitor).await,
            Web::PayLog => self.pay_log(visitor, fields).await,
            Web::Services => self.service_list(visitor, config).await,
            Web::AddService => self.add_service(visitor, fields, config).await,
            Web::RemoveService => self.remove_service(visitor, fields, config).await,
            Web::Pause => self.pause(visitor, fields).await,
            Web::Resume => self.resume(visitor).await,
            Web::Order => self.order(visitor, fields, config).await,
            Web::Promises => Ok(self.promises(visitor)),
            Web::Promise => self.take_promise(visitor).await,
            Web::SetUser => self.set_user(visitor, fields).await,
            Web::Password => self.change_password(visitor, fields).await,
            Web::Constants => Ok(self.constants(visitor)),
            Web::Name | Web::AccountId | Web::Balance | Web::Plan => Ok(self.single(task, visitor)),
            Web::Created => self.created(visitor).await,
        }
    }

    fn visitor<'a>(&self, fields: &'a Fields) -> Result<Visitor<'a>, Refusal> {
        let stranger = || Refusal::new("not-logged-in", "Необходимо авторизоваться");
        let (suid, now) = (fields.text("suid"), self.operations.clock.now());
        let id = self.cabinet.sessions.find(suid, now).ok_or_else(stranger)?;
        let inner = self.operations.directory.read();
        let entry = Arc::clone(inner.subscriber(id).ok_or_else(stranger)?);
        let found = inner.find_payer(&entry.view.subscriber.login).map_err(|_| stranger())?;
        drop(inner);
        Ok(Visitor { suid, found, entry, now })
    }

    async fn log_in(&self, fields: &Fields, peer: Option<IpAddr>) -> Result<Response, Rejected> {
        let now = self.operations.clock.now();
        let login = fields.text("login");
        let claimed = fields.find("src_ip").and_then(|text| text.parse::<IpAddr>().ok());
        let source = claimed.or(peer).map(|address| address.to_canonical().to_string()).unwrap_or_default();
        let Cabinet { logins, sources, .. } = &self.cabinet;
        if !logins.allows(login, now) || !sources.allows(&source, now) {
            let text = "Слишком много неудачных попыток; попробуйте через 5 минут";
            return Err(Refusal::new("too-many-attempts", text).into());
        }
        let entry = self.operations.directory.read().login(login).cloned();
        let proved = match &entry {
            Some(entry) => self.proves(entry, fields.text("passwd")).await?,
            None => false,
        };
        match entry.filter(|_| proved) {
            Some(entry) => self.open_session(&entry, now),
            None => {
                logins.count(login, now);
                sources.count(&source, now);
                Err(Refusal::new("wrong-password", "Неверный логин или пароль").into())
            }
        }
    }

    async fn proves(&self, entry: &Arc<Entry>, password: &str) -> Result<bool, Rejected> {
        let _turn = self.cabinet.checks.acquire().await.map_err(|_| Rejected::Unknown)?;
        Ok(self.operations.proves(entry, password).await)
    }

    /// Believes the caller whose subscriber it speaks for.
    fn log_in_by_address(&self, fields: &Fields) -> Result<Response, Rejected> {
        let claim = fields.text("src_ip");
        let address: IpAddr = claim.parse().map_err(|_| {
            let text = format!("Не задан ip, либо имеет неверный формат: {}", super::echo(claim));
            Refusal::new("bad-argument", text)
        })?;
        let entry = self.operations.at_address(address).and_then(|found| found.subscriber);
        match entry {
            Some(entry) => self.open_session(&entry, self.operations.clock.now()),
            None => Err(Refusal::new("unknown-address", "Не удалось автоматически авторизоваться").into()),
        }
    }

    fn open_session(&self, entry: &Arc<Entry>, now: Timestamp) -> Result<Response, Rejected> {
        let opened = self.cabinet.sessions.open(entry.id(), now);
        let suid = opened.ok_or_else(|| Rejected::Later("the machine has no random numbers".to_owned()))?;
        Ok(self.welcome(entry, suid))
    }
}
