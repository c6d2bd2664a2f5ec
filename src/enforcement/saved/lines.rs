//! The lines of both files.
//!
//! Both begin with their version and stamp (`line`: which state the changes belong to; `changes`: the number of the last
//! one in it). Of the state then follow what it was made for (`for`), the cursor, guarded ports, the walled garden,
//! addresses with their mark, subscriber, access method, source NAT (`-`: none) and speeds (rate, ceil, burst, cburst
//! down and then up), and how many of those there were (`end`). A change is `gone`, addresses as above, `ports` before
//! all guarded ports, `walled`, and at its end `page` with its number, how many lines it has, and the cursor.

use super::{Purpose, Stamp};
use crate::enforcement::wanted::{Entry, Mark, Wanted, protocol_word};
use crate::model::{AccessMethod, Bandwidth, FeedPage, PortGuard, PortProtocol, Shape, SubscriberId};
use ipnet::IpNet;
use std::io::{self, BufRead, BufReader, Read, Write};

const VERSION: &str = "headgate-enforce 3";
/// Guards and walled prefixes name many networks in one line.
const LINE_OCTETS_MAX: u64 = 1 << 20;

/// A line behind the head.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Cursor(String),
    Entry(IpNet, Entry),
    Gone(IpNet),
    /// All guarded ports follow; there are no others.
    Ports,
    Port(PortGuard),
    Walled(Vec<IpNet>),
    End(usize),
    Page {
        number: u64,
        lines: usize,
        cursor: String,
    },
}

pub(super) fn purpose(purpose: &Purpose) -> String {
    let nas = purpose.nas.map_or_else(|| "all".to_owned(), |nas| nas.to_string());
    format!("for nas={nas} filter={} guard={}", purpose.scope.filter, purpose.scope.guard)
}

pub(super) fn write_head(out: &mut impl Write, stamp: Stamp) -> io::Result<()> {
    writeln!(out, "{VERSION} line={:016x} changes={}", stamp.line, stamp.number)
}

/// A whole state.
pub(super) fn write_state(
    out: &mut impl Write,
    purpose: &Purpose,
    stamp: Stamp,
    wanted: &Wanted,
) -> io::Result<()> {
    write_head(out, stamp)?;
    writeln!(out, "{}\ncursor {}", self::purpose(purpose), wanted.cursor)?;
    for (protocol, port, sources) in wanted.ports() {
        write_port(out, protocol, port, sources)?;
    }
    write_walled(out, wanted.walled())?;
    let mut count = 0usize;
    for (net, entry) in wanted.entries() {
        write_entry(out, &net, entry)?;
        count += 1;
    }
    writeln!(out, "end {count}")
}

/// What a page of the feed changes.
pub(super) fn write_page(
    out: &mut impl Write,
    purpose: &Purpose,
    number: u64,
    page: &FeedPage,
) -> io::Result<()> {
    let mut lines = 1 + page.ports.len();
    if purpose.scope.filter {
        for net in &page.gone {
            writeln!(out, "gone {net}")?;
        }
        for entry in &page.entries {
            write_entry(out, &entry.address, &Entry::from(entry))?;
        }
        lines += page.gone.len() + page.entries.len();
    }
    writeln!(out, "ports")?;
    for PortGuard { protocol, port, sources } in &page.ports {
        write_port(out, *protocol, *port, sources)?;
    }
    writeln!(out, "page {number} {lines} {}", page.cursor)
}

/// A change of the walled garden; the cursor stays.
pub(super) fn write_garden(
    out: &mut impl Write,
    number: u64,
    nets: &[IpNet],
    cursor: &str,
) -> io::Result<()> {
    write_walled(out, nets)?;
    writeln!(out, "page {number} 1 {cursor}")
}

fn write_entry(out: &mut impl Write, net: &IpNet, entry: &Entry) -> io::Result<()> {
    write!(out, "{} {net} {} {} ", entry.mark.as_str(), entry.subscriber, access_word(entry.access))?;
    match entry.snat {
        Some(address) => write!(out, "{address}")?,
        None => write!(out, "-")?,
    }
    for Bandwidth { rate, ceil, burst, cburst } in [entry.shape.download, entry.shape.upload] {
        write!(out, " {rate} {ceil} {burst} {cburst}")?;
    }
    writeln!(out)
}

fn write_port(out: &mut impl Write, protocol: PortProtocol, port: u16, sources: &[IpNet]) -> io::Result<()> {
    write!(out, "port {} {port}", protocol_word(protocol))?;
    write_nets(out, sources)
}

fn write_walled(out: &mut impl Write, nets: &[IpNet]) -> io::Result<()> {
    write!(out, "walled")?;
    write_nets(out, nets)
}

fn write_nets(out: &mut impl Write, nets: &[IpNet]) -> io::Result<()> {
    for net in nets {
        write!(out, " {net}")?;
    }
    writeln!(out)
}

fn access_word(access: AccessMethod) -> &'static str {
    match access {
        AccessMethod::Radius => "radius",
        AccessMethod::Ipoe => "ipoe",
        AccessMethod::Static => "static",
    }
}

/// Reads lines; errors say which is wrong.
pub(super) struct Reader<R> {
    input: BufReader<R>,
    text: String,
    number: usize,
}

impl<R: Read> Reader<R> {
    pub fn new(input: R) -> Reader<R> {
        Reader { input: BufReader::with_capacity(1 << 16, input), text: String::new(), number: 0 }
    }

    /// Of the line read last, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn head(&mut self) -> Result<Stamp, String> {
        let text = self.text()?;
        let Some(rest) = text.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix(" line=")) else {
            return Err(format!("it was written by another version: {text:?}, not {VERSION:?}"));
        };
        let stamp = rest.split_once(" changes=").and_then(|(line, number)| {
            Some(Stamp { line: u64::from_str_radix(line, 16).ok()?, number: number.parse().ok()? })
        });
        stamp.ok_or_else(|| "line 1 is not understood".to_owned())
    }

    /// The next line as it is; empty at the end.
    pub fn text(&mut self) -> Result<&str, String> {
        self.text.clear();
        self.number += 1;
        let read = Read::take(&mut self.input, LINE_OCTETS_MAX).read_line(&mut self.text);
        read.map_err(|error| error.to_string())?;
        Ok(self.text.trim_end_matches('\n'))
    }

    /// None: the file has ended. A line without its end is one that was not written to its end.
    pub fn next(&mut self) -> Result<Option<Line>, String> {
        self.text()?;
        if self.text.is_empty() {
            return Ok(None);
        }
        let line = self.text.strip_suffix('\n').and_then(parse);
        line.map(Some).ok_or_else(|| format!("line {} is not understood", self.number))
    }
}

fn parse(text: &str) -> Option<Line> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Some(mark) = Mark::ALL.into_iter().find(|mark| mark.as_str() == word) {
        let (net, entry) = entry(mark, rest)?;
        return Some(Line::Entry(net, entry));
    }
    Some(match word {
        "cursor" => Line::Cursor(rest.to_owned()),
        "gone" => Line::Gone(rest.parse().ok()?),
        "ports" if rest.is_empty() => Line::Ports,
        "walled" => Line::Walled(nets(rest)?),
        "port" => {
            let (protocol, rest) = rest.split_once(' ')?;
            let protocol =
                [PortProtocol::Tcp, PortProtocol::Udp].into_iter().find(|p| protocol_word(*p) == protocol)?;
            let (port, sources) = rest.split_once(' ').unwrap_or((rest, ""));
            Line::Port(PortGuard { protocol, port: port.parse().ok()?, sources: nets(sources)? })
        }
        "end" => Line::End(rest.parse().ok()?),
        "page" => {
            let mut words = rest.splitn(3, ' ');
            let (number, lines) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Line::Page { number, lines, cursor: words.next()?.to_owned() }
        }
        _ => return None,
    })
}

fn entry(mark: Mark, text: &str) -> Option<(IpNet, Entry)> {
    let mut words = text.split(' ');
    let net = words.next()?.parse().ok()?;
    let subscriber = SubscriberId(words.next()?.parse().ok()?);
    let access = words.next()?;
    let access = [AccessMethod::Radius, AccessMethod::Ipoe, AccessMethod::Static]
        .into_iter()
        .find(|method| access_word(*method) == access)?;
    let snat = match words.next()? {
        "-" => None,
        address => Some(address.parse().ok()?),
    };
    let mut number = || words.next()?.parse().ok();
    let mut bandwidth =
        || Some(Bandwidth { rate: number()?, ceil: number()?, burst: number()?, cburst: number()? });
    let shape = Shape { download: bandwidth()?, upload: bandwidth()? };
    words.next().is_none().then_some((net, Entry { mark, subscriber, shape, access, snat }))
}

fn nets(text: &str) -> Option<Vec<IpNet>> {
    text.split_ascii_whitespace().map(|net| net.parse().ok()).collect()
}
