//! Who may press a button: the page's own forms, in time, and not too often.
//!
//! The source address says who it is, so anything that runs in the subscriber's browser could press in the subscriber's
//! name. Three things stand against that: browsers say where a form comes from (Sec-Fetch-Site, Origin), a press carries
//! a token that only this page shows and only to this address, and an address has a few presses a minute.

use super::visit::Hosts;
use crate::doors::http::Headers;
use crate::model::{SubscriberId, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How long a form may stand open before it is pressed.
const TOKEN_TERM: Duration = Duration::from_secs(15 * 60);
/// Presses of one address (of IPv6, one /64) in a window.
const PRESSES_MAX: u32 = 6;
const PRESSES_WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are counted at once; while all of them are in use, others wait.
const ADDRESSES_MAX: usize = 16 * 1024;
/// Octets of SHA-256's block (FIPS 180-4).
const BLOCK: usize = 64;

/// What is pressed, by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub action: &'static str,
    pub address: IpAddr,
    pub subscriber: SubscriberId,
}

pub(super) struct Guard {
    key: Zeroizing<[u8; 32]>,
    /// When an address's window began, and how often it pressed in it.
    presses: Mutex<HashMap<IpAddr, (Timestamp, u32)>>,
}

impl Guard {
    /// With a key of its own: tokens of an earlier process are stale. Errors: there are no random numbers.
    pub fn new() -> io::Result<Guard> {
        let mut key = Zeroizing::new([0u8; 32]);
        getrandom::fill(key.as_mut()).map_err(io::Error::other)?;
        Ok(Guard { key, presses: Mutex::default() })
    }

    /// For a form that is shown at `now`. Two forms of one second have the same token, and are one press.
    pub fn token(&self, press: Press, now: Timestamp) -> String {
        self.token_of(press, now.seconds())
    }

    /// Whether a token belongs to this press, and was shown at most a quarter of an hour before `now`.
    pub fn accepts(&self, token: &str, press: Press, now: Timestamp) -> bool {
        let Some((shown, _)) = token.split_once('-') else { return false };
        let Ok(shown) = shown.parse::<i64>() else { return false };
        let at = Timestamp::from_seconds(shown);
        // The clock may have been set back since: then the form is shown anew.
        let in_time = at <= now && now.since(at) <= TOKEN_TERM;
        in_time && bool::from(self.token_of(press, shown).as_bytes().ct_eq(token.as_bytes()))
    }

    fn token_of(&self, press: Press, shown: i64) -> String {
        let text =
            format!("{}\n{}\n{}\n{shown}", press.action, press.address.to_canonical(), press.subscriber.0);
        let mut token = format!("{shown}-");
        for octet in hmac(self.key.as_ref(), text.as_bytes()) {
            // Writing to a String cannot fail.
            let _ = write!(token, "{octet:02x}");
        }
        token
    }

    /// Counts a press; false: too many.
    pub fn may_press(&self, address: IpAddr, now: Timestamp) -> bool {
        let mut presses = self.presses.lock();
        let runs = |began: Timestamp| began <= now && now.since(began) < PRESSES_WINDOW;
        let source = source_of(address);
        if !presses.contains_key(&source) && presses.len() >= ADDRESSES_MAX {
            presses.retain(|_, (began, _)| runs(*began));
            if presses.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (began, count) = presses.entry(source).or_insert((now, 0));
        if !runs(*began) {
            (*began, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= PRESSES_MAX
    }
}

/// One household has a whole /64.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// Whether a browser may have sent this from the page itself. What it says is believed when it speaks against the
/// request (Fetch Metadata, Sec-Fetch-Site; RFC 6454, Origin); old browsers say nothing, and have the token alone.
pub(super) fn comes_from_the_page(headers: &Headers, hosts: &Hosts) -> bool {
    let host = headers.find("host").unwrap_or_default();
    if !hosts.are_own(host) || headers.all("origin").count() > 1 || headers.all("sec-fetch-site").count() > 1
    {
        return false;
    }
    let said = |name: &str| headers.all(name).next().map(|value| String::from_utf8_lossy(value).into_owned());
    // `none`: the person pressed "reload".
    let site = said("sec-fetch-site").is_none_or(|site| matches!(site.as_str(), "same-origin" | "none"));
    let origin = said("origin").is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, authority)| Hosts::same(authority, host))
    });
    site && origin
}

/// HMAC-SHA256 (RFC 2104) with a key no longer than a block.
fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let keyed = |pad: u8| {
        let mut block = Zeroizing::new([pad; BLOCK]);
        for (octet, key) in block.iter_mut().zip(key) {
            *octet ^= key;
        }
        Sha256::new().chain_update(block.as_ref())
    };
    let inner = keyed(0x36).chain_update(data).finalize();
    keyed(0x5c).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::hmac::{Hmac, KeyInit, Mac};

    const NOW: Timestamp = Timestamp::from_seconds(1_775_474_400);

    fn press() -> Press {
        Press { action: "promise", address: "10.9.0.2".parse().unwrap(), subscriber: SubscriberId(7) }
    }

    #[test]
    fn the_code_is_hmac_sha_256() {
        for (key, data) in [(&[7u8; 32][..], &b"what is said"[..]), (&[0; 32], b""), (&[255; 32], &[9; 200])]
        {
            let mut other = Hmac::<Sha256>::new_from_slice(key).unwrap();
            other.update(data);
            assert_eq!(hmac(key, data)[..], other.finalize().into_bytes()[..]);
        }
    }

    #[test]
    fn a_token_is_good_for_one_press_of_one_address_for_a_quarter_of_an_hour() {
        let guard = Guard::new().unwrap();
        let token = guard.token(press(), NOW);
        let later = |seconds| NOW.saturating_add(Duration::from_secs(seconds));
        for at in [0, 1, 900] {
            assert!(guard.accepts(&token, press(), later(at)), "{at}");
        }
        assert!(!guard.accepts(&token, press(), later(901)), "stale");
        assert!(!guard.accepts(&token, press(), NOW.saturating_sub(Duration::from_secs(1))), "of the future");
        let others = [
            Press { action: "resume", ..press() },
            Press { address: "10.9.0.3".parse().unwrap(), ..press() },
            Press { subscriber: SubscriberId(8), ..press() },
        ];
        for other in others {
            assert!(!guard.accepts(&token, other, NOW), "{other:?}");
        }
        assert!(!Guard::new().unwrap().accepts(&token, press(), NOW), "of another process");
        let (shown, code) = token.split_once('-').unwrap();
        for forged in ["", "-", shown, code, &format!("{}-{code}", NOW.seconds() + 1), &format!("{token}0")] {
            assert!(!guard.accepts(forged, press(), later(5)), "{forged}");
        }
        assert!(guard.accepts(&token, Press { address: "::ffff:10.9.0.2".parse().unwrap(), ..press() }, NOW));
    }

    #[test]
    fn an_address_has_a_few_presses_a_minute() {
        let guard = Guard::new().unwrap();
        let (one, other) = ("fd00:9::1".parse().unwrap(), "fd00:9:0:1::1".parse().unwrap());
        for _ in 0..PRESSES_MAX {
            assert!(guard.may_press(one, NOW));
        }
        let neighbour = "fd00:9::2".parse().unwrap();
        assert!(!guard.may_press(one, NOW) && !guard.may_press(neighbour, NOW), "one /64");
        assert!(guard.may_press(other, NOW));
        assert!(guard.may_press(one, NOW.saturating_add(PRESSES_WINDOW)));
    }

    #[test]
    fn the_table_of_presses_is_bounded_and_forgets() {
        let guard = Guard::new().unwrap();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            assert!(guard.may_press(address(n), NOW));
        }
        assert!(!guard.may_press(address(u32::MAX), NOW), "no place");
        assert!(guard.may_press(address(1), NOW), "those inside go on");
        assert!(guard.may_press(address(u32::MAX), NOW.saturating_add(PRESSES_WINDOW)));
        assert!(guard.presses.lock().len() <= 2);
    }
}
