//! The table's chains, rules and sets as values: what is done with which packet. Nothing here knows netlink.
//!
//! Verdicts on subscribers stand before anything that asks for a connection's state, and are asked in both
//! directions, so that a running flow stops when its subscriber's standing changes.

use super::ranges::Family;
use super::settings::InterfacePattern;
use super::wanted::{Kind, SetId, Wanted, protocol_word};
use crate::model::PortProtocol;
use ipnet::IpNet;
use std::net::SocketAddr;

/// Name of the one table (family inet) that is ours.
pub const TABLE: &str = "headgate";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeleton {
    pub sets: Vec<SetId>,
    pub chains: Vec<Chain>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub name: &'static str,
    /// None: entered only by a jump.
    pub hook: Option<Hook>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Destination NAT, before routing.
    Redirect,
    /// Behind routing.
    SourceNat,
    Forward,
    Input,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub matches: Vec<Match>,
    pub action: Action,
    /// Shown by `nft list table inet headgate`.
    pub comment: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    InputInterface(InterfacePattern),
    OutputInterface(InterfacePattern),
    InSet(Side, SetId),
    /// In the map; the packet's class becomes what it says.
    Class(Side, SetId),
    InNet(Side, IpNet),
    /// Notes the packet's source; its limit and a full set end the rule.
    Seen(Family),
    Port(Side, PortProtocol, u16),
    /// An ICMP error that belongs to a connection.
    IcmpError(Family),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Return,
    Drop,
    /// ICMP administratively prohibited.
    Reject,
    Reset,
    Jump(&'static str),
    Goto(&'static str),
    /// Destination NAT.
    SendTo(SocketAddr),
    /// Source NAT to the source that it has, so that nobody behind us changes it.
    KeepSource(Family),
    /// Source NAT to what the map says of the source; not in the map: the next rule.
    SourceFrom(SetId),
    /// The next rule.
    GoOn,
}

/// What the table is made of besides the elements of its sets.
pub struct Layout<'a> {
    pub interfaces: &'a [InterfacePattern],
    pub captive: Option<SocketAddr>,
    /// Sources that are nobody's are noted.
    pub sightings: bool,
    pub wanted: &'a Wanted,
}

impl Skeleton {
    /// No chains at all: nothing is filtered or guarded, and there is to be no table.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    pub fn build(layout: &Layout<'_>) -> Skeleton {
        let mut chains = Vec::new();
        if layout.wanted.scope().filter {
            // A chain stands before those that jump to it.
            chains.push(from_captive(layout.captive));
            chains.push(to_captive(layout.captive));
            chains.push(subscriber_chain("from_subscriber", Side::Source, "from_captive", layout.sightings));
            chains.push(subscriber_chain("to_subscriber", Side::Destination, "to_captive", false));
            chains.push(forward(layout.interfaces));
            if let Some(captive) = layout.captive {
                chains.push(web_to(captive));
                chains.push(redirect(layout.interfaces));
            }
            if layout.captive.is_some() || layout.wanted.translates() {
                chains.push(sources(layout.captive));
                chains.push(source_nat(layout.interfaces));
            }
        }
        if layout.wanted.ports().next().is_some() {
            chains.push(guards(layout.wanted));
        }
        let mut sets: Vec<SetId> = layout.wanted.sets().keys().copied().collect();
        if layout.sightings && layout.wanted.scope().filter {
            sets.extend(Family::BOTH.map(SetId::Seen));
        }
        Skeleton { sets, chains }
    }
}

fn rule(matches: impl Into<Vec<Match>>, action: Action, comment: impl Into<String>) -> Rule {
    Rule { matches: matches.into(), action, comment: comment.into() }
}

fn forward(interfaces: &[InterfacePattern]) -> Chain {
    let from = interfaces.iter().map(|interface| {
        rule([Match::InputInterface(interface.clone())], Action::Jump("from_subscriber"), "from subscribers")
    });
    let to = interfaces.iter().map(|interface| {
        rule([Match::OutputInterface(interface.clone())], Action::Jump("to_subscriber"), "to subscribers")
    });
    Chain { name: "forward", hook: Some(Hook::Forward), rules: from.chain(to).collect() }
}

/// The verdict on one side of the packet: single addresses first, then prefixes.
fn subscriber_chain(name: &'static str, side: Side, captive: &'static str, sightings: bool) -> Chain {
    let mut rules = Vec::new();
    if side == Side::Destination {
        for (text, net) in [("multicast", "224.0.0.0/4"), ("multicast", "ff00::/8")] {
            if let Ok(net) = net.parse() {
                rules.push(rule([Match::InNet(side, net)], Action::Return, text));
            }
        }
    }
    let (through, police) = match side {
        Side::Source => (Kind::Up, Kind::PoliceUp),
        Side::Destination => (Kind::Down, Kind::PoliceDown),
    };
    for make in [SetId::Hosts as fn(Kind, Family) -> SetId, SetId::Nets] {
        for family in Family::BOTH {
            let id = |kind| make(kind, family);
            rules.extend([
                rule([Match::InSet(side, id(police))], Action::Drop, "beyond its limit"),
                rule([Match::Class(side, id(through))], Action::Return, "let through"),
                rule([Match::InSet(side, id(Kind::Captive))], Action::Goto(captive), "has to pay, or paused"),
                rule([Match::InSet(side, id(Kind::Blocked))], Action::Reject, "blocked"),
            ]);
        }
    }
    if sightings {
        rules.extend(Family::BOTH.map(|family| rule([Match::Seen(family)], Action::GoOn, "seen")));
    }
    rules.push(rule([], Action::Drop, "nobody's address"));
    Chain { name, hook: None, rules }
}

fn from_captive(captive: Option<SocketAddr>) -> Chain {
    let mut rules = what_is_left_open(Side::Destination, captive);
    for port in [80, 443] {
        rules.push(rule(
            [Match::Port(Side::Destination, PortProtocol::Tcp, port)],
            Action::Reset,
            // Port 80 comes here only with a connection older than the redirect (or with no page to show).
            if port == 80 { "an older connection; the next one meets the page" } else { "no page over TLS" },
        ));
    }
    rules.push(rule([], Action::Reject, "everything else"));
    Chain { name: "from_captive", hook: None, rules }
}

fn to_captive(captive: Option<SocketAddr>) -> Chain {
    let mut rules = what_is_left_open(Side::Source, captive);
    for family in Family::BOTH {
        rules.push(rule([Match::IcmpError(family)], Action::Return, "path MTU and the like"));
    }
    rules.push(rule([], Action::Reject, "everything else"));
    Chain { name: "to_captive", hook: None, rules }
}

/// DNS, the walled garden and the captive page, seen as the far end of a captive subscriber's packets.
fn what_is_left_open(far: Side, captive: Option<SocketAddr>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for protocol in [PortProtocol::Udp, PortProtocol::Tcp] {
        rules.push(rule([Match::Port(far, protocol, 53)], Action::Return, "DNS"));
    }
    for family in Family::BOTH {
        rules.push(rule([Match::InSet(far, SetId::Walled(family))], Action::Return, "walled garden"));
    }
    if let Some(captive) = captive {
        rules.push(rule(
            [
                Match::InNet(far, IpNet::from(captive.ip())),
                Match::Port(far, PortProtocol::Tcp, captive.port()),
            ],
            Action::Return,
            "captive page",
        ));
    }
    rules
}

fn redirect(interfaces: &[InterfacePattern]) -> Chain {
    let rules = interfaces.iter().map(|interface| {
        rule(
            [Match::InputInterface(interface.clone()), Match::Port(Side::Destination, PortProtocol::Tcp, 80)],
            Action::Jump("web"),
            "web of subscribers",
        )
    });
    Chain { name: "redirect", hook: Some(Hook::Redirect), rules: rules.collect() }
}

fn web_to(captive: SocketAddr) -> Chain {
    let family = Family::of(&captive.ip());
    let from = |id| [Match::InSet(Side::Source, id)];
    let rules = vec![
        rule([Match::InSet(Side::Destination, SetId::Walled(family))], Action::Return, "walled garden"),
        rule(from(SetId::Hosts(Kind::Captive, family)), Action::SendTo(captive), "captive page"),
        rule(from(SetId::Spared(family)), Action::Return, "let through in a captive prefix"),
        rule(from(SetId::Hosts(Kind::Blocked, family)), Action::Return, "blocked"),
        rule(from(SetId::Nets(Kind::Captive, family)), Action::SendTo(captive), "captive page"),
    ];
    Chain { name: "web", hook: None, rules }
}

fn source_nat(interfaces: &[InterfacePattern]) -> Chain {
    let between = interfaces.iter().map(|interface| {
        rule([Match::OutputInterface(interface.clone())], Action::Return, "between subscribers")
    });
    let out = interfaces.iter().map(|interface| {
        rule([Match::InputInterface(interface.clone())], Action::Jump("sources"), "from subscribers")
    });
    Chain { name: "source_nat", hook: Some(Hook::SourceNat), rules: between.chain(out).collect() }
}

fn sources(captive: Option<SocketAddr>) -> Chain {
    let page = captive.map(|captive| {
        let matches = [
            Match::InNet(Side::Destination, IpNet::from(captive.ip())),
            Match::Port(Side::Destination, PortProtocol::Tcp, captive.port()),
        ];
        rule(matches, Action::KeepSource(Family::of(&captive.ip())), "the page knows subscribers by address")
    });
    let own = [SetId::Hosts as fn(Kind, Family) -> SetId, SetId::Nets]
        .map(|make| rule([], Action::SourceFrom(make(Kind::Snat, Family::V4)), "an address of his own"));
    Chain { name: "sources", hook: None, rules: page.into_iter().chain(own).collect() }
}

fn guards(wanted: &Wanted) -> Chain {
    let loopback = InterfacePattern::Exact("lo".to_owned());
    let mut rules = vec![rule([Match::InputInterface(loopback)], Action::Return, "this machine")];
    for (protocol, port, _) in wanted.ports() {
        let to_port = Match::Port(Side::Destination, protocol, port);
        let comment = format!("{} {port}", protocol_word(protocol));
        for family in Family::BOTH {
            let source = Match::InSet(Side::Source, SetId::Guard(protocol, port, family));
            rules.push(rule([to_port.clone(), source], Action::Return, comment.clone()));
        }
        rules.push(rule([to_port], Action::Drop, comment));
    }
    Chain { name: "guard", hook: Some(Hook::Input), rules }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::wanted::Scope;

    fn skeleton(filter: bool, captive: Option<&str>) -> Skeleton {
        let wanted = Wanted::new(Scope { filter, guard: true });
        let interfaces = ["ppp*".parse().unwrap(), "eth1".parse().unwrap()];
        let captive = captive.map(|c| c.parse().unwrap());
        Skeleton::build(&Layout { interfaces: &interfaces, captive, sightings: true, wanted: &wanted })
    }

    #[test]
    fn nothing_to_do_is_no_table() {
        assert!(skeleton(false, None).is_empty());
        assert!(!skeleton(true, None).is_empty());
    }

    #[test]
    fn every_chain_that_is_jumped_to_stands_before_the_jump() {
        let skeleton = skeleton(true, Some("10.0.0.1:8080"));
        let mut known: Vec<&str> = Vec::new();
        for chain in &skeleton.chains {
            for rule in &chain.rules {
                if let Action::Jump(to) | Action::Goto(to) = &rule.action {
                    assert!(known.contains(to), "{} jumps to {to}", chain.name);
                }
            }
            known.push(chain.name);
        }
    }

    #[test]
    fn no_rule_lets_a_connection_pass_for_being_established() {
        // The only use of a connection's state is the ICMP error, behind the verdicts.
        for chain in skeleton(true, Some("10.0.0.1:8080")).chains {
            let uses_state = |r: &Rule| r.matches.iter().any(|m| matches!(m, Match::IcmpError(_)));
            assert!(chain.name == "to_captive" || !chain.rules.iter().any(uses_state), "{}", chain.name);
        }
    }
}
