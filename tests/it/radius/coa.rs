//! CoA and Disconnect, as a NAS sees them.

use super::fixture::{DATA, Options, System};
use headgate::followers::coa;
use headgate::model::*;
use headgate::operations::{NasAnswer, NasOrderKind};
use headgate::radius::codec::dictionary::*;
use headgate::radius::codec::*;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A NAS with one session of `ivanov` open, and the follower running.
struct Nas {
    system: System,
    socket: UdpSocket,
    secret: SharedSecret,
    stop: watch::Sender<bool>,
}

impl Drop for Nas {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// What came.
struct Request {
    octets: Vec<u8>,
    from: SocketAddr,
}

impl Request {
    fn view(&self) -> PacketView<'_> {
        PacketView::parse(&self.octets).unwrap()
    }

    fn rate_limit(&self) -> Option<String> {
        let text = self.view().vendor_values(VENDOR_MIKROTIK, MIKROTIK_RATE_LIMIT).next()?.to_vec();
        String::from_utf8(text).ok()
    }

    fn address_list(&self) -> Option<String> {
        let text = self.view().vendor_values(VENDOR_MIKROTIK, MIKROTIK_ADDRESS_LIST).next()?.to_vec();
        String::from_utf8(text).ok()
    }
}

impl Nas {
    fn new(first_wait: Duration) -> Nas {
        Nas::of("mikrotik", first_wait)
    }

    fn of(vendor: &str, first_wait: Duration) -> Nas {
        let socket = System::nas_socket("127.0.0.1");
        let port = socket.local_addr().unwrap().port();
        let data = DATA.replace("coa-port = 0", &format!("coa-port = {port}"));
        let data = data.replace("\"mikrotik\"", &format!("{vendor:?}"));
        let mut system = System::with(Options { data, ..Options::default() });
        let (stop, stopping) = watch::channel(false);
        let settings = coa::Settings { first_wait, ..coa::Settings::default() };
        let orders = system.orders.take().unwrap();
        system.runtime.spawn(coa::run(settings, Arc::clone(&system.operations), orders, stopping));
        let nas = Nas { system, socket, secret: SharedSecret::new(b"testing123"), stop };
        nas.start_session();
        nas
    }

    fn start_session(&self) {
        let answer = super::logins::radclient(
            self.system.acct(),
            "acct",
            "User-Name = ivanov, Acct-Session-Id = \"81000001\", Acct-Status-Type = Start, \
             Framed-IP-Address = 10.9.0.2, NAS-Port-Id = \"eth1\"",
        );
        assert!(answer.contains("Received Accounting-Response"), "{answer}");
    }

    fn take(&self) -> Option<Request> {
        let mut octets = vec![0; 4096];
        let (length, from) = self.socket.recv_from(&mut octets).ok()?;
        octets.truncate(length);
        let request = Request { octets, from };
        let view = request.view();
        assert!(self.secret.verify_accounting_authenticator(&view));
        assert_eq!(self.secret.verify_message_authenticator(&view), MessageAuthenticator::Valid);
        Some(request)
    }

    fn answer(&self, request: &Request, code: Code, cause: Option<u32>) {
        let view = request.view();
        let mut octets = Vec::new();
        let mut reply = ReplyWriter::new(&mut octets, code, view.identifier());
        if let Some(cause) = cause {
            reply.attribute_u32(ERROR_CAUSE, cause).unwrap();
        }
        reply.finish(view.authenticator(), &self.secret);
        self.socket.send_to(&octets, request.from).unwrap();
    }

    fn charge(&self) {
        let charge = self.system.operations.charge("ivanov", "1000", "test".into(), Actor::system());
        self.system.runtime.block_on(charge).unwrap();
    }

    fn pay(&self) {
        self.system.pay("ivanov", "1000");
    }

    /// What `why` would show, once it says something else than that the request was sent.
    fn result(&self) -> String {
        for _ in 0..100 {
            let inner = self.system.operations.directory.read();
            let notice = inner.login("ivanov").unwrap().recent.lock().notice.clone();
            drop(inner);
            if let Some(notice) = notice.filter(|notice| notice.result != "sent") {
                return format!("{} {}", notice.kind, notice.result);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        "nothing".into()
    }

    fn order(&self, kind: NasOrderKind) -> std::thread::JoinHandle<Vec<NasAnswer>> {
        let (operations, handle) =
            (Arc::clone(&self.system.operations), self.system.runtime.handle().clone());
        std::thread::spawn(move || handle.block_on(operations.order("ivanov", kind)).unwrap())
    }
}

const LONG: Duration = Duration::from_secs(5);

#[test]
fn a_debtor_is_redirected_without_redialling_and_opened_again_when_paid() {
    let nas = Nas::new(LONG);
    nas.charge();
    let request = nas.take().expect("a CoA");
    let view = request.view();
    assert_eq!(view.code(), Code::COA_REQUEST);
    assert_eq!(view.user_name(), Some(&b"ivanov"[..]));
    assert_eq!(view.acct_session_id(), Some(&b"81000001"[..]));
    assert_eq!(view.framed_ip_address(), Some("10.9.0.2".parse().unwrap()));
    assert_eq!(view.nas_ip_address(), Some("127.0.0.1".parse().unwrap()));
    assert_eq!(view.nas_port_id(), Some(&b"eth1"[..]));
    assert!(view.event_timestamp().is_some());
    assert_eq!(request.rate_limit().as_deref(), Some("1024k/1024k"));
    assert_eq!(request.address_list().as_deref(), Some("headgate-captive"));
    nas.answer(&request, Code::COA_ACK, None);
    assert_eq!(nas.result(), "CoA ACK");

    nas.pay();
    let request = nas.take().expect("a CoA");
    assert_eq!(request.rate_limit().as_deref(), Some("10000k/20000k"));
    assert_eq!(request.address_list().as_deref(), Some(coa::OPEN_ADDRESS_LIST));
    nas.answer(&request, Code::COA_ACK, None);
    assert!(nas.take().is_none(), "what the NAS has is not said again");
    assert_eq!(nas.system.count("coa_acknowledged"), 2);
}

#[test]
fn a_debtor_on_a_nas_that_cannot_redirect_is_disconnected() {
    for vendor in ["cisco", "juniper", "huawei", "nokia"] {
        let nas = Nas::of(vendor, LONG);
        nas.charge();
        let request = nas.take().expect("a Disconnect");
        assert_eq!(request.view().code(), Code::DISCONNECT_REQUEST, "{vendor}");
        nas.answer(&request, Code::DISCONNECT_ACK, None);
        assert_eq!(nas.result(), "Disconnect ACK");
        assert!(nas.take().is_none(), "{vendor}: its Stop is on the way");
    }
}

#[test]
fn a_block_with_rejection_disconnects_and_a_nas_that_does_not_know_the_session_closes_it_here() {
    let nas = Nas::new(LONG);
    let block = nas.system.operations.block("ivanov", "test".into(), Actor::system());
    nas.system.runtime.block_on(block).unwrap();
    let request = nas.take().expect("a Disconnect");
    assert_eq!(request.view().code(), Code::DISCONNECT_REQUEST);
    nas.answer(&request, Code::DISCONNECT_NAK, Some(503));
    assert_eq!(nas.result(), "Disconnect NAK (503 Session-Context-Not-Found)");
    assert_eq!(nas.system.operations.directory.read().open_session_count(), 0);
    assert_eq!(nas.system.count("coa_refused"), 1);
}

#[test]
fn a_request_is_repeated_unchanged_and_given_up_after_five_tries() {
    let nas = Nas::new(Duration::from_millis(30));
    nas.charge();
    let tries: Vec<Vec<u8>> = std::iter::from_fn(|| nas.take()).map(|request| request.octets).collect();
    assert_eq!(tries.len(), 5);
    assert!(tries.iter().all(|octets| *octets == tries[0]));
    assert_eq!(nas.result(), "CoA no answer after 5 tries");
    assert_eq!(nas.system.count("coa_unanswered"), 1);
}

#[test]
fn a_newer_state_supersedes_an_unanswered_older_one() {
    let nas = Nas::new(LONG);
    nas.charge();
    let old = nas.take().expect("a CoA");
    nas.pay();
    let new = nas.take().expect("another CoA, because nobody knows whether the first arrived");
    assert_eq!(new.rate_limit().as_deref(), Some("10000k/20000k"));
    assert_ne!(new.view().identifier(), old.view().identifier());
    nas.answer(&old, Code::COA_NAK, Some(506));
    nas.answer(&new, Code::COA_ACK, None);
    assert_eq!(nas.result(), "CoA ACK");
    assert!(nas.take().is_none());
}

#[test]
fn an_answer_with_another_secret_is_not_believed() {
    let nas = Nas::new(Duration::from_millis(300));
    nas.charge();
    let request = nas.take().expect("a CoA");
    let forger = SharedSecret::new(b"other");
    let mut octets = Vec::new();
    let view = request.view();
    ReplyWriter::new(&mut octets, Code::COA_ACK, view.identifier()).finish(view.authenticator(), &forger);
    nas.socket.send_to(&octets, request.from).unwrap();
    let again = nas.take().expect("a repetition");
    assert_eq!(again.octets, request.octets);
    nas.answer(&again, Code::COA_ACK, None);
    assert_eq!(nas.result(), "CoA ACK");
}

#[test]
fn people_order_a_refresh_and_a_disconnect_and_get_the_nas_s_answer() {
    let nas = Nas::new(LONG);
    let order = nas.order(NasOrderKind::Refresh);
    let request = nas.take().expect("a CoA");
    assert_eq!(request.view().code(), Code::COA_REQUEST);
    nas.answer(&request, Code::COA_NAK, Some(401));
    let answers = order.join().unwrap();
    assert_eq!(
        (answers[0].acknowledged, answers[0].result.as_str()),
        (false, "NAK (401 Unsupported-Attribute)")
    );

    let order = nas.order(NasOrderKind::Disconnect);
    let request = nas.take().expect("a Disconnect");
    assert_eq!(request.view().code(), Code::DISCONNECT_REQUEST);
    nas.answer(&request, Code::DISCONNECT_ACK, None);
    let answers = order.join().unwrap();
    let answer = &answers[0];
    assert_eq!(
        (answer.login.as_str(), answer.nas.as_str(), answer.session.as_str()),
        ("ivanov", "bras1", "81000001")
    );
    assert_eq!((answer.acknowledged, answer.result.as_str()), (true, "ACK"));
    nas.charge();
    assert!(nas.take().is_none(), "the session is ending; its Stop is on the way");
}

#[test]
fn a_session_that_was_answered_captive_at_login_is_opened_when_it_starts_after_the_payment() {
    let socket = System::nas_socket("127.0.0.1");
    let port = socket.local_addr().unwrap().port();
    let data = DATA.replace("coa-port = 0", &format!("coa-port = {port}"));
    let mut system = System::with(Options { data, ..Options::default() });
    let accept = super::logins::radclient(system.auth(), "auth", "User-Name = debtor, User-Password = hello");
    assert!(accept.contains("Mikrotik-Address-List = \"headgate-captive\""), "{accept}");
    system.pay("debtor", "5");
    let (stop, stopping) = watch::channel(false);
    let orders = system.orders.take().unwrap();
    system.runtime.spawn(coa::run(
        coa::Settings::default(),
        Arc::clone(&system.operations),
        orders,
        stopping,
    ));
    let nas = Nas { system, socket, secret: SharedSecret::new(b"testing123"), stop };
    let answer = super::logins::radclient(
        nas.system.acct(),
        "acct",
        "User-Name = debtor, Acct-Session-Id = \"5\", Acct-Status-Type = Start, Framed-IP-Address = 10.9.0.3",
    );
    assert!(answer.contains("Received Accounting-Response"), "{answer}");
    let request = nas.take().expect("a CoA");
    assert_eq!(request.address_list().as_deref(), Some(coa::OPEN_ADDRESS_LIST));
}
