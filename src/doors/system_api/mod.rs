//! `GET|POST :8082/system_api/`: the Carbon dialect, as NAS scripts, cash desks and 1C call it.
//!
//! A call names a context, a method and one JSON argument; parameters come in any order and any encoding. Checks in
//! order: source address, context, `psw`, method, the argument's fields. All methods stand in one [`table`]; what one
//! context does stands in a file of its own. Not here: rules of money and access, and the HTTP below ([`super::http`]).

mod arguments;
mod base;
mod collector;
mod fiscal;
mod line;
mod lists;
mod objects;
mod one_c;
mod table;
mod web;

use super::http::{Handler, Limits, Method, Parameters, Request, Response};
use super::request_log::{LoggedRequest, RequestLog, masked};
use crate::config;
use crate::model::Refusal;
use crate::operations::{Counters, Operations};
use crate::writer::Rejected;
use arguments::Arguments;
use lists::Lists;
use parking_lot::RwLock;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use table::Task;
use web::Cabinet;

/// Longest context or method that is repeated in an answer, characters.
const ECHO_CHARS_MAX: usize = 64;

/// The door; one for all its listeners.
pub struct SystemApi {
    operations: Arc<Operations>,
    config: RwLock<Arc<config::SystemApi>>,
    lists: Lists,
    cabinet: Cabinet,
    log: Option<Arc<dyn RequestLog>>,
}

/// An answer that says no: a stable token for programs, a text for people.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    error: &'a str,
    error_text: String,
}

fn refused(status: u16, error: &str, error_text: impl Into<String>) -> Response {
    Response::json(status, &Refused { error, error_text: error_text.into() })
}

impl SystemApi {
    /// `log` takes a line for each request.
    pub fn new(
        operations: Arc<Operations>,
        config: config::SystemApi,
        log: Option<Arc<dyn RequestLog>>,
    ) -> SystemApi {
        SystemApi {
            operations,
            config: RwLock::new(Arc::new(config)),
            lists: Lists::default(),
            cabinet: Cabinet::new(),
            log,
        }
    }

    /// With the code of the currency that subscribers are told.
    #[must_use]
    pub fn with_currency(mut self, code: &str) -> SystemApi {
        self.cabinet.currency = code.to_owned();
        self
    }

    /// Takes over a configuration that was read again; `listen` is not looked at.
    pub fn reconfigure(&self, config: config::SystemApi) {
        *self.config.write() = Arc::new(config);
        self.lists.forget();
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits::default()
    }

    async fn answer(&self, request: &Request, call: &Call<'_>) -> Response {
        let config = Arc::clone(&self.config.read());
        match request.peer {
            Some(peer) if config.allow.allows(peer.ip()) => {}
            Some(peer) => {
                return Response::text(403, format!("address {} is not allowed\n", peer.ip().to_canonical()));
            }
            None => return Response::text(403, "a caller without an address is not allowed\n"),
        }
        if !matches!(request.path.as_str(), "/system_api/" | "/system_api") {
            return Response::text(404, "expected the path /system_api/\n");
        }
        if matches!(request.method, Method::Other(_)) {
            return Response::method_not_allowed("GET, HEAD, POST");
        }
        if !config.contexts.contains(call.context) {
            return Response::text(200, format!("Context={} is not defined", echo(call.context)));
        }
        if !config.opens(call.context, call.parameters.find("psw")) {
            let text = match config.passwords.contains_key(call.context) {
                true => format!("psw is wrong for context={}\n", call.context),
                false => format!("no psw is set for context={} in [system-api.passwords]\n", call.context),
            };
            return Response::text(403, text);
        }
        let Some(method) = table::find(call.context, call.method) else {
            // Not 200 for the collector: a script that reads lines must not take this for one.
            return unknown_method(if call.context == "collector" { 400 } else { 200 }, call);
        };
        if let Task::List(list) = method.task {
            return self.collect(list, request, call, &config).await;
        }
        if request.method == Method::Head {
            return Response::method_not_allowed("GET, POST");
        }
        let peer = request.peer.map(|peer| peer.ip());
        self.carry_out(method, call, peer, &config).await.unwrap_or_else(rejected)
    }

    async fn carry_out(
        &self,
        method: &'static table::Method,
        call: &Call<'_>,
        peer: Option<IpAddr>,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        if let Task::Base(step) = method.task {
            return self.base(step, call).await;
        }
        let arguments = call.arguments().map_err(|text| Refusal::new("bad-argument", text))?;
        let fields = arguments.checked(method.arguments)?;
        match method.task {
            Task::Pay(acts) => self.act_pay(acts, &fields).await,
            Task::OneC(task) => self.one_c(task, &fields).await,
            Task::Web(task) => self.cabinet(task, &fields, peer, config).await,
            Task::List(_) | Task::Base(_) => Err(Rejected::Unknown),
        }
    }
}

/// A refusal has status 200, as callers of the dialect expect; trouble that passes has 503, so that a client which
/// knows only the status asks again.
fn rejected(rejected: Rejected) -> Response {
    match rejected {
        Rejected::Refused(refusal) => refused(200, &refusal.token, refusal.text),
        trouble @ (Rejected::Later(_) | Rejected::Unknown) => refused(503, "later", trouble.to_string()),
    }
}

/// Runs what asks the store, away from the threads that serve sockets.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Rejected> + Send + 'static,
) -> Result<T, Rejected> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Rejected::Unknown))
}

fn unknown_method(status: u16, call: &Call<'_>) -> Response {
    let (method, context) = (echo(call.method), call.context);
    refused(
        status,
        "unknown-method",
        format!("method1={method} is not served in context={context}; served: {}", table::served()),
    )
}

/// What was sent, cut and without control characters.
fn echo(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(ECHO_CHARS_MAX).collect()
}

/// The parameters of one call.
struct Call<'a> {
    parameters: &'a Parameters,
    context: &'a str,
    method: &'a str,
    model: &'a str,
    /// JSON text; empty when absent.
    argument: &'a str,
}

impl<'a> Call<'a> {
    fn of(parameters: &'a Parameters) -> Call<'a> {
        let text = |name| parameters.find(name).unwrap_or_default().trim();
        Call {
            parameters,
            context: text("context"),
            method: text("method1"),
            model: text("model"),
            argument: text("arg1"),
        }
    }

    fn arguments(&self) -> Result<Arguments, String> {
        Arguments::parse(self.argument)
    }
}

impl Handler for SystemApi {
    async fn handle(&self, request: Request) -> Response {
        let begun = self.operations.clock.now();
        let counters = &self.operations.counters;
        Counters::count(&counters.system_api_requests);
        let parameters = Parameters::of(&request);
        let call = Call::of(&parameters);
        let response = self.answer(&request, &call).await;
        if response.status == 403 {
            Counters::count(&counters.system_api_refused);
        }
        if let Some(log) = &self.log {
            log.write(&LoggedRequest {
                at: begun,
                peer: request.peer,
                context: call.context,
                method: call.method,
                argument: &masked(call.argument),
                status: response.status,
                micros: u64::try_from(self.operations.clock.now().since(begun).as_micros())
                    .unwrap_or(u64::MAX),
            });
        }
        response
    }
}
