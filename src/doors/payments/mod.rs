//! The listeners of payment operators: OSMP, Sberbank and whatever `[[payments.dialect]]` describes, and signed
//! notifications at `/hook/CODE`.
//!
//! Whose call it is follows from path, source address, client certificate and HTTP Basic ([`caller`]); what is asked from
//! the dialect's table ([`ask`]); [`desk`] makes the one call of an operation, [`answer`] writes XML. What was refused is
//! kept with a sentence for those who have to mend it. Not here: rules of money, and what a dialect is (`config`).
//!
//! Trouble that passes is always the code that means "come again", in HTTP status 200: an operator that hears anything
//! else stops trying, with the payer's money.

mod advice;
mod answer;
mod ask;
mod caller;
mod certificate;
mod desk;
mod hook;

use super::http::{Handler, Limits, Method, Misdirected, Parameters, Request, Response};
use super::request_log::{LoggedRequest, RequestLog, masked};
use crate::config::{self, PaymentOperator, Protocol};
use crate::operations::{Counters, Operations, PaymentCall};
use parking_lot::RwLock;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const HEAD_OCTETS_MAX: usize = 16 * 1024;
const BODY_OCTETS_MAX: usize = 64 * 1024;
const CONNECTIONS_MAX: usize = 1024;
/// QIWI's own demand is 15 at once; several operators may come through one proxy.
const CONNECTIONS_PER_SOURCE_MAX: usize = 128;
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Operators keep connections between payments.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// A wrong password is answered so much later.
const HELD_BACK: Duration = Duration::from_secs(1);
/// Such answers at the same time; the others wait for theirs.
const HELD_BACK_MAX: usize = 32;

/// The door; one for all its listeners.
pub struct Payments {
    operations: Arc<Operations>,
    settings: RwLock<Arc<config::Payments>>,
    log: Option<Arc<dyn RequestLog>>,
    held_back: Semaphore,
}

/// An answer, and what is to be remembered of it.
struct Answered {
    response: Response,
    call: PaymentCall,
    /// For the log.
    act: &'static str,
}

impl Payments {
    /// `log` takes a line for each request.
    pub fn new(
        operations: Arc<Operations>,
        settings: config::Payments,
        log: Option<Arc<dyn RequestLog>>,
    ) -> Payments {
        Payments {
            operations,
            settings: RwLock::new(Arc::new(settings)),
            log,
            held_back: Semaphore::new(HELD_BACK_MAX),
        }
    }

    /// From now on these operators and dialects; listeners are not looked at.
    pub fn reconfigure(&self, settings: config::Payments) {
        *self.settings.write() = Arc::new(settings);
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits {
            head_octets_max: HEAD_OCTETS_MAX,
            body_octets_max: BODY_OCTETS_MAX,
            connections_max: CONNECTIONS_MAX,
            connections_per_source_max: CONNECTIONS_PER_SOURCE_MAX,
            head_time: HEAD_TIME,
            idle_time: IDLE_TIME,
            ..Limits::default()
        }
    }

    fn is_of_an_operator(&self, source: Option<IpAddr>) -> bool {
        let settings = self.settings.read();
        source.is_some_and(|source| settings.operators.iter().any(|operator| operator.allow.allows(source)))
    }

    async fn answer(&self, request: &Request) -> Answered {
        let settings = Arc::clone(&self.settings.read());
        let source = request.peer.map(|peer| peer.ip().to_canonical());
        let operator = match caller::operator_of(&settings.operators, request, source) {
            Ok(operator) => operator,
            Err(stranger) => {
                if stranger.is_guess {
                    // Never closed.
                    let _place = self.held_back.acquire().await;
                    tokio::time::sleep(HELD_BACK).await;
                }
                return self.refused(request, source, stranger);
            }
        };
        match &operator.protocol {
            Protocol::Dialect(_) if !matches!(request.method, Method::Get | Method::Post) => {
                self.other_method(request, source, operator, "GET, POST")
            }
            Protocol::Hook(_) if request.method != Method::Post => {
                self.other_method(request, source, operator, "POST")
            }
            Protocol::Dialect(dialect) => {
                let parameters = Parameters::of(request);
                let ask = ask::Ask::of(&parameters, &dialect.parameters);
                let done = desk::carry_out(&self.operations, operator, dialect, &ask).await;
                let mut call = done.call(operator, &ask, dialect);
                call.source = source;
                call.at = self.operations.clock.now();
                Answered { response: answer::response(dialect, &done), call, act: done.act.as_str() }
            }
            Protocol::Hook(secrets) => {
                let (response, mut call) = hook::answer(&self.operations, operator, secrets, request).await;
                call.source = source;
                call.at = self.operations.clock.now();
                Answered { response, call, act: "notification" }
            }
        }
    }

    fn other_method(
        &self,
        request: &Request,
        source: Option<IpAddr>,
        operator: &PaymentOperator,
        allow: &'static str,
    ) -> Answered {
        let call = PaymentCall {
            at: self.operations.clock.now(),
            source,
            operator: operator.code.clone(),
            asked: asked_of(request),
            result: "wrong-method".into(),
            answer: "HTTP 405".into(),
            advice: format!("the operator has to call with {allow}"),
            ..PaymentCall::default()
        };
        Answered { response: Response::method_not_allowed(allow), call, act: "-" }
    }

    fn refused(&self, request: &Request, source: Option<IpAddr>, stranger: caller::Stranger) -> Answered {
        let call = PaymentCall {
            at: self.operations.clock.now(),
            source,
            operator: stranger.operator,
            asked: asked_of(request),
            result: stranger.token.into(),
            answer: format!("HTTP {}", stranger.status),
            advice: stranger.advice,
            stranger: !self.is_of_an_operator(source),
            ..PaymentCall::default()
        };
        let mut response = Response::text(stranger.status, format!("{}\n", stranger.text));
        if stranger.status == 401 {
            response = response.with("WWW-Authenticate", "Basic realm=\"payments\", charset=\"UTF-8\"");
        }
        Answered { response, call, act: "-" }
    }
}

/// What somebody without a dialect asked for: the path alone, for the rest may hold secrets.
fn asked_of(request: &Request) -> String {
    let method = match &request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Other(other) => other,
    };
    format!("{method} {}", request.path)
}

impl Handler for Payments {
    async fn handle(&self, request: Request) -> Response {
        let begun = self.operations.clock.now();
        let counters = &self.operations.counters;
        Counters::count(&counters.payment_calls);
        let Answered { response, call, act } = self.answer(&request).await;
        if let Some(log) = &self.log {
            let argument = serde_json::json!({ "asked": call.asked, "result": call.result }).to_string();
            let operator = if call.operator.is_empty() { "-" } else { &call.operator };
            log.write(&LoggedRequest {
                at: begun,
                peer: request.peer,
                context: operator,
                method: act,
                argument: &masked(&argument),
                status: response.status,
                micros: u64::try_from(self.operations.clock.now().since(begun).as_micros())
                    .unwrap_or(u64::MAX),
            });
        }
        if call.advice.is_empty() {
            self.operations.payment_calls.answered(call);
        } else {
            Counters::count(&counters.payment_calls_refused);
            self.operations.payment_calls.refused(call);
        }
        response
    }

    fn misdirected(&self, peer: Option<SocketAddr>, what: Misdirected) {
        let (result, answer, advice) = advice::misdirected(what);
        Counters::count(&self.operations.counters.payment_calls_refused);
        self.operations.payment_calls.refused(PaymentCall {
            at: self.operations.clock.now(),
            source: peer.map(|peer| peer.ip().to_canonical()),
            asked: "a connection".into(),
            result: result.into(),
            answer: answer.into(),
            advice: advice.into(),
            stranger: !self.is_of_an_operator(peer.map(|peer| peer.ip())),
            ..PaymentCall::default()
        });
    }
}
