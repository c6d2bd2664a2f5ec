//! Access-Request: the proof, the one call to `operations`, and the Access-Accept or Access-Reject.

use super::class::class_of;
use super::handle::Request;
use super::passwords::{Attempt, KnownPasswords, Owed, Proved, method_name};
use super::rendered::{Rendered, Treatment};
use crate::directory::{Entry, Inner, SessionLimits};
use crate::engine::Direction;
use crate::model::{Mac, PoolGrant, Reservation};
use crate::operations::{Accepted, Authorization, LoginRequest, Operations, Proof};
use crate::radius::auth::{Counted, Encryption, Method, mschap, write_quota};
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{Code, PacketView, ReplyWriter, WriteError};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

/// EAP packet of code Failure (RFC 3748 section 4.2): ends the conversation that we do not serve.
const EAP_FAILURE: u8 = 4;
/// Octets where an EAP packet holds its identifier.
const EAP_IDENTIFIER_AT: usize = 1;

/// What became of an Access-Request. The reply is in the buffer, not signed.
pub enum Answer {
    /// With what was given out, which the spool must learn.
    Accept(Draft, Option<PoolGrant>, Option<Box<Reservation>>),
    Reject(Draft),
    /// The password's hash takes too long here; nothing was written.
    Costly,
}

/// What a written reply still lacks.
#[derive(Default)]
pub struct Draft {
    /// Where Message-Authenticator goes.
    pub message_authenticator: Option<usize>,
    /// The proof and keys of an accepted MS-CHAPv2 login, and where they go.
    pub mschap: Option<(mschap::V2Proof, mschap::Reserved)>,
}

/// What was found out of a login before it is judged.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Whose it is; None: nobody's.
    pub entry: Option<&'a Arc<Entry>>,
    /// What came out where the password's hash is costly; None: not checked yet.
    pub checked: Option<bool>,
    pub expected: Option<&'a mschap::Expected>,
}

/// What a thread needs to answer logins; each has its own.
pub struct AccessDesk {
    rendered: Rendered,
    encryption: Encryption,
    salts: Salts,
}

impl AccessDesk {
    pub fn new(captive_url: &str, encryption: Encryption) -> AccessDesk {
        AccessDesk { rendered: Rendered::new(captive_url), encryption, salts: Salts::new() }
    }

    /// Judges a login and writes the reply into `out`.
    pub fn answer(
        &mut self,
        operations: &Operations,
        known: &KnownPasswords,
        inner: &Inner,
        request: &Request<'_>,
        known_before: Known<'_>,
        out: &mut Vec<u8>,
    ) -> Answer {
        let packet = &request.packet;
        let method = Method::of(packet);
        let Known { entry, checked, expected } = known_before;
        let attempt = Attempt { packet, nas: request.nas, signed: request.signed, method, checked, expected };
        let login = text_of(packet.user_name().unwrap_or_default());
        let question = LoginRequest {
            login: &login,
            nas: request.nas,
            nas_address: request.origin.peer.ip(),
            method: method_name(method),
            mac: calling_mac(packet),
            now: request.now,
        };
        let mut proved = Proved::from(Proof::Wrong);
        let authorization = operations.authorize(inner, entry, &question, |entry| {
            proved = attempt.prove(entry, known);
            proved.proof.clone()
        });
        if proved.costly {
            return Answer::Costly;
        }
        match authorization {
            Authorization::Accept(accepted) => {
                let draft = self.write_accept(operations, request, &accepted, proved.owed, out);
                Answer::Accept(draft, accepted.grant, accepted.reservation)
            }
            Authorization::Reject { .. } => Answer::Reject(self.write_reject(request, out)),
        }
    }

    fn write_accept(
        &mut self,
        operations: &Operations,
        request: &Request<'_>,
        accepted: &Accepted,
        owed: Owed,
        out: &mut Vec<u8>,
    ) -> Draft {
        let packet = &request.packet;
        let mut reply = ReplyWriter::new(out, Code::ACCESS_ACCEPT, packet.identifier());
        let mut mschap = None;
        let written = reply.proxy_states(packet).and_then(|()| {
            match owed {
                Owed::Nothing => {}
                Owed::MsChap1(proof) => {
                    let (authenticator, secret) = (packet.authenticator(), &request.nas.secret);
                    proof.write(&mut reply, authenticator, secret, self.encryption)?;
                }
                Owed::MsChap2(proof) => {
                    let reserved = proof.reserve(&mut reply, (self.encryption, self.salts.next()))?;
                    mschap = Some((proof, reserved));
                }
            }
            let interim = interim_seconds(operations, accepted);
            write_service(request.nas.nas.vendor, accepted, interim, &mut self.rendered, &mut reply)
        });
        if let Err(error) = written {
            // Routes of a subscriber can be more than a packet holds.
            let login = &accepted.entry.view.subscriber.login;
            tracing::warn!(%error, login, "an Access-Accept is sent without some of its attributes");
        }
        Draft { message_authenticator: reply.unsigned(), mschap }
    }

    /// The same for every reason: whoever guesses does not learn whether the login exists.
    fn write_reject(&mut self, request: &Request<'_>, out: &mut Vec<u8>) -> Draft {
        let packet = &request.packet;
        let mut reply = ReplyWriter::new(out, Code::ACCESS_REJECT, packet.identifier());
        let challenge = self.salts.challenge();
        let failure = mschap::Failure::Authentication;
        let eap = packet.eap_messages().next().and_then(|eap| eap.get(EAP_IDENTIFIER_AT));
        let written = reply.proxy_states(packet).and_then(|()| {
            if let Some(identifier) = eap {
                reply.attribute(EAP_MESSAGE, &[EAP_FAILURE, *identifier, 0, 4])?;
            }
            mschap::write_error(&mut reply, packet, failure, &challenge, "Authentication failed")
        });
        if let Err(error) = written {
            tracing::warn!(%error, source = %request.origin.peer, "an Access-Reject without some of its attributes");
        }
        Draft { message_authenticator: reply.unsigned(), mschap: None }
    }
}

/// Everything that an accepted login is given, MS-CHAP apart.
fn write_service(
    vendor: crate::model::Vendor,
    accepted: &Accepted,
    interim: u32,
    rendered: &mut Rendered,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), WriteError> {
    let view = &accepted.entry.view;
    let subscriber = &view.subscriber;
    if let Some(address) = accepted.address {
        reply.attribute_ipv4(FRAMED_IP_ADDRESS, address)?;
    }
    reply.attribute_u32(ACCT_INTERIM_INTERVAL, interim)?;
    write_limits(vendor, accepted.limits, reply)?;
    reply.attribute(CLASS, &class_of(subscriber.id))?;
    let burst = if accepted.captive { Default::default() } else { view.mikrotik_burst };
    let treatment = Treatment { vendor, shape: accepted.shape, burst, captive: accepted.captive };
    reply.raw(rendered.attributes(treatment))?;
    if let Some(IpNet::V6(prefix)) = subscriber.ipv6_prefix {
        reply.attribute_ipv6_prefix(DELEGATED_IPV6_PREFIX, prefix)?;
    }
    for address in &subscriber.addresses {
        if let IpAddr::V6(address) = address {
            reply.attribute(FRAMED_IPV6_ADDRESS, &address.octets())?;
        }
    }
    // Gateway 0.0.0.0 or :: is the subscriber's own address (RFC 2865 section 5.22, RFC 3162 section 2.5).
    for route in &subscriber.routes {
        match route {
            IpNet::V4(route) => reply.attribute(FRAMED_ROUTE, format!("{route} 0.0.0.0 1").as_bytes())?,
            IpNet::V6(route) => reply.attribute(FRAMED_IPV6_ROUTE, format!("{route} :: 1").as_bytes())?,
        }
    }
    Ok(())
}

/// What the session may use before its money is spent.
fn write_limits(
    vendor: crate::model::Vendor,
    limits: SessionLimits,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), WriteError> {
    if let Some(seconds) = limits.seconds {
        // 0 would be no limit to some.
        reply.attribute_u32(SESSION_TIMEOUT, u32::try_from(seconds.max(1)).unwrap_or(u32::MAX))?;
    }
    let Some((direction, octets)) = limits.octets else { return Ok(()) };
    let counted = match direction {
        Direction::In => Counted::Download,
        Direction::Out => Counted::Upload,
        Direction::Both => Counted::Both,
    };
    write_quota(reply, vendor, counted, octets)
}

/// Acct-Interim-Interval, up to a tenth more or less, always the same for one subscriber: or all NASes report in
/// the same second.
fn interim_seconds(operations: &Operations, accepted: &Accepted) -> u32 {
    let id = accepted.entry.view.subscriber.id.0.unsigned_abs();
    let base = operations.rules.interim.as_secs();
    let [spread, ..] = id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let jittered = base.saturating_mul(900 + u64::from(spread) * 200 / 255) / 1000;
    u32::try_from(jittered).unwrap_or(u32::MAX)
}

/// A login or name as text: what is not UTF-8 cannot be anybody's login, and is shown as well as it can be.
pub fn text_of(octets: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(octets)
}

/// Calling-Station-Id where it is a MAC.
pub fn calling_mac(packet: &PacketView<'_>) -> Option<Mac> {
    std::str::from_utf8(packet.calling_station_id()?).ok()?.parse().ok()
}

/// Numbers that must not repeat soon: salts of keys (RFC 2548 section 2.4.2) and challenges of refusals. An attacker
/// gains nothing from foreseeing them, so the kernel is asked only for the seed.
struct Salts(u64);

impl Salts {
    fn new() -> Salts {
        let mut seed = [0; 8];
        let _ = getrandom::fill(&mut seed);
        Salts(u64::from_le_bytes(seed) | 1)
    }

    /// Marsaglia's xorshift64.
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn next(&mut self) -> u16 {
        let [high, low, ..] = self.number().to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    fn challenge(&mut self) -> [u8; 16] {
        (u128::from(self.number()) << 64 | u128::from(self.number())).to_be_bytes()
    }
}
