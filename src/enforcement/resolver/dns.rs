//! A small question to the name servers of this machine, because getaddrinfo(3) does not say how long its answer
//! holds (RFC 1035).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// As many as the C library asks.
const SERVERS_MAX: usize = 3;
const PORT: u16 = 53;
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u32 = 2;
/// RFC 1035, section 4.2.1, without EDNS.
const DATAGRAM_OCTETS_MAX: usize = 512;
/// Answers that are not to our question, before the next one's turn.
const STRAY_MAX: u32 = 16;
const LABEL_OCTETS_MAX: usize = 63;
const NAME_OCTETS_MAX: usize = 255;
/// Compression pointers within one name, and aliases on the way to an address.
const JUMPS_MAX: usize = 32;
const ALIASES_MAX: usize = 8;

const HEADER_OCTETS: usize = 12;
const CLASS_IN: u16 = 1;
const FLAG_ANSWER: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RECURSION: u16 = 0x0100;
const RESPONSE_CODE: u16 = 0x000f;

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    A,
    Cname,
    Aaaa,
}

impl Kind {
    fn number(self) -> u16 {
        match self {
            Kind::A => 1,
            Kind::Cname => 5,
            Kind::Aaaa => 28,
        }
    }
}

/// Addresses of a name, and for how long they are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub addresses: Vec<IpAddr>,
    pub seconds: u32,
}

/// The servers of `/etc/resolv.conf`; none when it cannot be read.
pub fn servers() -> Vec<SocketAddr> {
    servers_of(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default())
}

fn servers_of(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok())?
    };
    text.lines().filter_map(address).take(SERVERS_MAX).map(|ip| SocketAddr::new(ip, PORT)).collect()
}

/// Asks for IPv4 and IPv6 addresses of `name`. None: no server answered both, or neither has any.
pub fn look_up(name: &str, servers: &[SocketAddr]) -> Option<Answer> {
    let mut found = Answer { addresses: Vec::new(), seconds: u32::MAX };
    for kind in [Kind::A, Kind::Aaaa] {
        let answer = (0..TRIES).flat_map(|_| servers).find_map(|server| {
            ask(name, kind, *server)
                .inspect_err(|error| {
                    tracing::debug!(name, %server, "no answer: {error}");
                })
                .ok()
        })?;
        found.seconds = found.seconds.min(answer.seconds);
        found.addresses.extend(answer.addresses);
    }
    (!found.addresses.is_empty()).then_some(found)
}

fn ask(name: &str, kind: Kind, server: SocketAddr) -> io::Result<Answer> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let question = question(name, kind, u16::from_be_bytes(id)).ok_or(ErrorKind::InvalidInput)?;
    let any: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    // Only this server's datagrams are received from here on.
    socket.connect(server)?;
    socket.send(&question)?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; DATAGRAM_OCTETS_MAX];
    for _ in 0..STRAY_MAX {
        let left = deadline.saturating_duration_since(Instant::now());
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let length = socket.recv(&mut buffer)?;
        if let Some(answer) = read(buffer.get(..length).unwrap_or_default(), &question, kind) {
            return answer.ok_or_else(|| ErrorKind::InvalidData.into());
        }
    }
    Err(ErrorKind::TimedOut.into())
}

fn question(name: &str, kind: Kind, id: u16) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(HEADER_OCTETS + name.len() + 6);
    for number in [id, FLAG_RECURSION, 1, 0, 0, 0] {
        octets.extend_from_slice(&number.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|_| label.len() <= LABEL_OCTETS_MAX)?;
        if label.is_empty() {
            return None;
        }
        octets.push(length);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets.extend_from_slice(&kind.number().to_be_bytes());
    octets.extend_from_slice(&CLASS_IN.to_be_bytes());
    (octets.len() <= HEADER_OCTETS + NAME_OCTETS_MAX + 4).then_some(octets)
}

/// None: not an answer to this question. Some(None): an answer that is of no use.
fn read(datagram: &[u8], question: &[u8], kind: Kind) -> Option<Option<Answer>> {
    let asked = question.get(HEADER_OCTETS..)?;
    let same_id = datagram.get(..2)? == question.get(..2)?;
    let repeated = datagram.get(HEADER_OCTETS..HEADER_OCTETS + asked.len())?;
    let flags = u16_at(datagram, 2)?;
    if !same_id || flags & FLAG_ANSWER == 0 || !repeated.eq_ignore_ascii_case(asked) {
        return None;
    }
    // Cut off, or the server could not say. A name that does not exist has no address here either.
    if flags & (FLAG_TRUNCATED | RESPONSE_CODE) != 0 {
        return Some(None);
    }
    let (name, _) = read_name(question, HEADER_OCTETS)?;
    let records = usize::from(u16_at(datagram, 6)?);
    Some(addresses(datagram, HEADER_OCTETS + asked.len(), records, name, kind))
}

/// Follows the aliases of `name` to its addresses.
fn addresses(datagram: &[u8], start: usize, count: usize, name: Vec<u8>, kind: Kind) -> Option<Answer> {
    let mut records = Vec::new();
    let mut at = start;
    // A record takes 11 octets at least, so a datagram bounds the count.
    for _ in 0..count {
        let (record, behind) = Record::read(datagram, at)?;
        records.push(record);
        at = behind;
    }
    let mut name = name;
    let mut seconds = u32::MAX;
    for _ in 0..ALIASES_MAX {
        let of_name = records.iter().filter(|r| r.class == CLASS_IN && r.owner.eq_ignore_ascii_case(&name));
        let mut found = Vec::new();
        let mut alias = None;
        for record in of_name {
            if record.kind == kind.number() {
                found.extend(address(record.data));
                seconds = seconds.min(record.seconds);
            } else if record.kind == Kind::Cname.number() {
                alias = read_name(datagram, record.data_at).map(|(target, _)| (target, record.seconds));
            }
        }
        match alias {
            Some((target, alias_seconds)) if found.is_empty() => {
                name = target;
                seconds = seconds.min(alias_seconds);
            }
            _ => return Some(Answer { addresses: found, seconds }),
        }
    }
    None
}

struct Record<'a> {
    owner: Vec<u8>,
    kind: u16,
    class: u16,
    seconds: u32,
    data: &'a [u8],
    data_at: usize,
}

impl<'a> Record<'a> {
    /// The record at `at`, and where the next one begins.
    fn read(datagram: &'a [u8], at: usize) -> Option<(Record<'a>, usize)> {
        let (owner, at) = read_name(datagram, at)?;
        let seconds = u32::from_be_bytes(datagram.get(at + 4..at + 8)?.try_into().ok()?);
        let data_at = at + 10;
        let behind = data_at + usize::from(u16_at(datagram, at + 8)?);
        let record = Record {
            owner,
            kind: u16_at(datagram, at)?,
            class: u16_at(datagram, at + 2)?,
            // RFC 2181, section 8: what has its highest bit set is zero.
            seconds: if seconds > u32::MAX / 2 { 0 } else { seconds },
            data: datagram.get(data_at..behind)?,
            data_at,
        };
        Some((record, behind))
    }
}

fn address(data: &[u8]) -> Option<IpAddr> {
    match data.len() {
        4 => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The name at `at` (labels with their lengths, without the last nothing), and what follows it.
fn read_name(datagram: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut name = Vec::new();
    let mut behind = None;
    for _ in 0..JUMPS_MAX + NAME_OCTETS_MAX {
        let length = *datagram.get(at)?;
        match length {
            0 => return Some((name, behind.unwrap_or(at + 1))),
            1..=63 => {
                let next = at + 1 + usize::from(length);
                name.extend_from_slice(datagram.get(at..next)?);
                if name.len() > NAME_OCTETS_MAX {
                    return None;
                }
                at = next;
            }
            // RFC 1035, section 4.1.4: the rest of the name stands elsewhere.
            0xc0.. => {
                behind = behind.or(Some(at + 2));
                at = usize::from(u16_at(datagram, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record whose owner is a pointer to `at`.
    fn record(at: u16, kind: Kind, seconds: u32, data: &[u8]) -> Vec<u8> {
        let mut octets = (0xc000 | at).to_be_bytes().to_vec();
        octets.extend_from_slice(&kind.number().to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        octets.extend_from_slice(&seconds.to_be_bytes());
        octets.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(data);
        octets
    }

    fn answer(question: &[u8], flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let mut octets = question.to_vec();
        octets[2..4].copy_from_slice(&(FLAG_ANSWER | flags).to_be_bytes());
        octets[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        octets.extend(records.concat());
        octets
    }

    const OWNER: u16 = 12;

    #[test]
    fn an_answer_has_the_shortest_time_of_the_way_to_it() {
        let question = question("pay.example.org", Kind::A, 7).unwrap();
        let alias_at = u16::try_from(question.len()).unwrap() + 12;
        let records = [
            // "cdn" and the rest of the question's name.
            record(OWNER, Kind::Cname, 30, b"\x03cdn\xc0\x10"),
            record(alias_at, Kind::A, 600, &[198, 51, 100, 1]),
            record(alias_at, Kind::A, 600, &[198, 51, 100, 2]),
        ];
        let addresses = vec![[198, 51, 100, 1].into(), [198, 51, 100, 2].into()];
        let expected = Answer { addresses, seconds: 30 };
        assert_eq!(read(&answer(&question, 0, &records), &question, Kind::A), Some(Some(expected)));
    }

    #[test]
    fn another_answer_is_not_ours_and_a_failure_is_of_no_use() {
        let ours = question("pay.example.org", Kind::A, 7).unwrap();
        let record = [record(OWNER, Kind::A, 600, &[198, 51, 100, 1])];
        for other in [
            question("pay.example.org", Kind::A, 8).unwrap(),
            question("pay.example.com", Kind::A, 7).unwrap(),
            question("pay.example.org", Kind::Aaaa, 7).unwrap(),
        ] {
            assert_eq!(read(&answer(&other, 0, &record), &ours, Kind::A), None);
        }
        assert_eq!(read(&ours, &ours, Kind::A), None, "the question itself");
        for flags in [FLAG_TRUNCATED, 2, 3, 5] {
            assert_eq!(read(&answer(&ours, flags, &record), &ours, Kind::A), Some(None));
        }
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let question = question("a.example", Kind::A, 7).unwrap();
        let at = u16::try_from(question.len()).unwrap();
        assert_eq!(
            read(&answer(&question, 0, &[record(at, Kind::A, 1, &[1; 4])]), &question, Kind::A),
            Some(None)
        );
        let circle = [record(OWNER, Kind::Cname, 1, b"\xc0\x0c")];
        assert_eq!(read(&answer(&question, 0, &circle), &question, Kind::A), Some(None));
    }

    #[test]
    fn servers_are_those_of_the_file_and_odd_names_are_not_asked_for() {
        let text = "# nameserver 1.1.1.1\nsearch x\nnameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\n";
        let expected: Vec<SocketAddr> = vec!["127.0.0.53:53".parse().unwrap(), "[::1]:53".parse().unwrap()];
        assert_eq!(servers_of(text), expected);
        for name in ["", "a..b", &"x".repeat(64), &"x.".repeat(200)] {
            assert_eq!(question(name, Kind::A, 1), None, "{name}");
        }
    }

    #[test]
    fn a_server_is_asked_for_both_families_and_the_next_one_when_it_is_silent() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = socket.local_addr().unwrap();
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = silent.local_addr().unwrap();
        drop(silent);
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let question = &buffer[..length];
                let v4 = question[length - 3] == 1;
                let record = if v4 {
                    record(OWNER, Kind::A, 600, &[198, 51, 100, 1])
                } else {
                    record(OWNER, Kind::Aaaa, 60, &[0x20; 16])
                };
                let _ = socket.send_to(&answer(question, 0, &[record]), from);
            }
        });
        let found = look_up("pay.example.org", &[closed, server]).unwrap();
        assert_eq!((found.addresses.len(), found.seconds), (2, 60));
        assert_eq!(look_up("pay.example.org", &[]), None);
    }

    proptest! {
        #[test]
        fn any_datagram_is_read_without_panic(tail in prop::collection::vec(any::<u8>(), 0..200), count: u16) {
            let question = question("pay.example.org", Kind::A, 7).unwrap();
            let mut datagram = answer(&question, 0, &[tail]);
            datagram[6..8].copy_from_slice(&count.to_be_bytes());
            let _ = read(&datagram, &question, Kind::A);
            let _ = read_name(&datagram, 0);
        }
    }
}
