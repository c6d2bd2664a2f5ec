//! The skeleton as nf_tables messages, made by libnftnl.

use crate::enforcement::ranges::Family;
use crate::enforcement::settings::InterfacePattern;
use crate::enforcement::sightings::{SEEN_BURST, SEEN_MILLISECONDS, SEEN_PER_SECOND};
use crate::enforcement::skeleton::{Action, Chain, Hook, Match, Rule, Side, Skeleton, TABLE};
use crate::enforcement::wanted::{DataKind, SetId};
use crate::model::PortProtocol;
use nftnl::expr::{self, Cmp, CmpOp, Expression, IcmpCode, Register, RejectionType, Verdict};
use nftnl::nftnl_sys::{self as sys, libc};
use nftnl::{ChainType, MsgType, NlMsg, Policy, ProtoFamily, Table};
use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr::NonNull;

/// Just before the machine's own filters, so that a subscriber's verdict does not hang on theirs.
const FILTER_PRIORITY: i32 = -5;
/// `dstnat` of nft, less one: before the machine's own redirects.
const DNAT_PRIORITY: i32 = -101;
/// `srcnat` of nft, less one: before the machine's own masquerade.
const SNAT_PRIORITY: i32 = 99;

/// The messages that make the skeleton's parts, each whole, with our own numbers still to be put in.
#[derive(Clone, Debug)]
pub struct Parts {
    pub sets: Vec<(SetId, Vec<u8>)>,
    pub chains: Vec<Vec<u8>>,
    /// By chain, in order.
    pub rules: Vec<(&'static str, Vec<Vec<u8>>)>,
}

/// Something of the skeleton has no form as a message (a NUL in a name); the caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEncodable;

/// Encodes the skeleton; `size` says how many elements a set may hold.
pub fn encode(skeleton: &Skeleton, size: impl Fn(SetId) -> u32) -> Result<Parts, NotEncodable> {
    let table = Table::new(c_text(TABLE)?, ProtoFamily::Inet);
    let mut parts = Parts { sets: Vec::new(), chains: Vec::new(), rules: Vec::new() };
    for (id, number) in skeleton.sets.iter().zip(1u32..) {
        parts.sets.push((*id, set_message(&table, *id, number, size(*id))?));
    }
    for chain in &skeleton.chains {
        let encoded = chain_value(&table, chain)?;
        parts.chains.push(message(&encoded));
        let rules: Result<Vec<Vec<u8>>, NotEncodable> =
            chain.rules.iter().map(|rule| rule_message(&encoded, rule)).collect();
        parts.rules.push((chain.name, rules?));
    }
    Ok(parts)
}

fn c_text(text: &str) -> Result<CString, NotEncodable> {
    CString::new(text).map_err(|_| NotEncodable)
}

/// The bytes of one message, as libnftnl writes them for an addition.
fn message(object: &impl NlMsg) -> Vec<u8> {
    let room = usize::try_from(nftnl::nft_nlmsg_maxsize()).unwrap_or(1 << 17);
    let mut buffer = vec![0u8; room];
    // SAFETY: the buffer has the room that `NlMsg::write` asks for and outlives the call.
    unsafe { object.write(buffer.as_mut_ptr().cast(), 0, MsgType::Add) };
    let length = buffer.first_chunk().map_or(0, |field| u32::from_ne_bytes(*field));
    buffer.truncate(usize::try_from(length).unwrap_or(0));
    buffer
}

fn set_message(table: &Table, id: SetId, number: u32, size: u32) -> Result<Vec<u8>, NotEncodable> {
    let name = c_text(&id.name())?;
    let bytes = match id.family() {
        Family::V4 => {
            let set = nftnl::set::Set::<Ipv4Addr>::new_named(&name, number, table, ProtoFamily::Inet);
            with_flags_and_size(&set, id, size)
        }
        Family::V6 => {
            let set = nftnl::set::Set::<Ipv6Addr>::new_named(&name, number, table, ProtoFamily::Inet);
            with_flags_and_size(&set, id, size)
        }
    };
    Ok(bytes)
}

fn with_flags_and_size<K>(set: &nftnl::set::Set<'_, K>, id: SetId, size: u32) -> Vec<u8> {
    let mut flags = if id.is_interval() { libc::NFT_SET_INTERVAL.unsigned_abs() } else { 0 };
    let raw = set.as_ptr().as_ptr();
    let number = |kind, value| {
        // SAFETY: the pointer is the live set's own; the attribute is a 32-bit number.
        unsafe { sys::nftnl_set_set_u32(raw, kind, value) };
    };
    let map = match id.data_kind() {
        DataKind::Class => Some((TYPE_CLASS, BYTE_ORDER_HOST)),
        DataKind::Address => Some((TYPE_IPV4_ADDRESS, BYTE_ORDER_BIG)),
        DataKind::None | DataKind::Limit => None,
    };
    if let Some((data_type, order)) = map {
        flags |= libc::NFT_SET_MAP.unsigned_abs();
        number(attribute(sys::NFTNL_SET_DATA_TYPE), data_type);
        number(attribute(sys::NFTNL_SET_DATA_LEN), MAPPED_OCTETS);
        let user_data = byte_orders(order);
        let length = u32::try_from(user_data.len()).unwrap_or(0);
        let octets = user_data.as_ptr().cast();
        // SAFETY: the octets are copied.
        unsafe { sys::nftnl_set_set_data(raw, attribute(sys::NFTNL_SET_USERDATA), octets, length) };
    }
    if let SetId::Seen(family) = id {
        flags |= (libc::NFT_SET_EVAL | libc::NFT_SET_TIMEOUT).unsigned_abs();
        let address = if family == Family::V4 { TYPE_IPV4_ADDRESS } else { TYPE_IPV6_ADDRESS };
        let octets = u32::try_from(family.octets()).unwrap_or(0);
        number(attribute(sys::NFTNL_SET_KEY_TYPE), (address << TYPE_BITS) | TYPE_ETHERNET_ADDRESS);
        number(attribute(sys::NFTNL_SET_KEY_LEN), octets + ETHERNET_OCTETS_PADDED);
        // SAFETY: a 64-bit number of the live set.
        unsafe { sys::nftnl_set_set_u64(raw, attribute(sys::NFTNL_SET_TIMEOUT), SEEN_MILLISECONDS) };
    }
    number(attribute(sys::NFTNL_SET_FLAGS), flags);
    number(attribute(sys::NFTNL_SET_DESC_SIZE), size);
    message(set)
}

/// nft's numbers of data types; those of a concatenation stand behind one another.
const TYPE_IPV4_ADDRESS: u32 = 7;
const TYPE_IPV6_ADDRESS: u32 = 8;
const TYPE_ETHERNET_ADDRESS: u32 = 9;
/// `classid`.
const TYPE_CLASS: u32 = 23;
const TYPE_BITS: u32 = 6;
const ETHERNET_OCTETS_PADDED: u32 = 8;
const MAPPED_OCTETS: u32 = 4;
const USER_DATA_KEY_ORDER: u8 = 0;
const USER_DATA_DATA_ORDER: u8 = 1;
const BYTE_ORDER_HOST: u32 = 1;
const BYTE_ORDER_BIG: u32 = 2;

/// What nft reads a map's byte orders from; without it, it shows classes with their octets swapped.
fn byte_orders(data: u32) -> Vec<u8> {
    let mut octets = Vec::new();
    for (kind, order) in [(USER_DATA_KEY_ORDER, BYTE_ORDER_BIG), (USER_DATA_DATA_ORDER, data)] {
        octets.extend_from_slice(&[kind, 4]);
        octets.extend_from_slice(&order.to_ne_bytes());
    }
    octets
}

fn named_expression(name: &CStr) -> NonNull<sys::nftnl_expr> {
    // SAFETY: the name is NUL-terminated and only read.
    match NonNull::new(unsafe { sys::nftnl_expr_alloc(name.as_ptr()) }) {
        Some(expression) => expression,
        // Out of memory for a few octets; the crate aborts there too.
        None => std::process::abort(),
    }
}

/// libnftnl numbers attributes by small enums whose Rust type depends on the C compiler.
fn attribute(kind: impl TryInto<u16>) -> u16 {
    kind.try_into().unwrap_or(u16::MAX)
}

fn chain_value<'a>(table: &'a Table, chain: &Chain) -> Result<nftnl::Chain<'a>, NotEncodable> {
    let mut encoded = nftnl::Chain::new(c_text(chain.name)?, table);
    if let Some(hook) = chain.hook {
        let (at, priority, kind) = match hook {
            Hook::Redirect => (nftnl::Hook::PreRouting, DNAT_PRIORITY, ChainType::Nat),
            Hook::SourceNat => (nftnl::Hook::PostRouting, SNAT_PRIORITY, ChainType::Nat),
            Hook::Forward => (nftnl::Hook::Forward, FILTER_PRIORITY, ChainType::Filter),
            Hook::Input => (nftnl::Hook::In, FILTER_PRIORITY, ChainType::Filter),
        };
        encoded.set_hook(at, priority);
        encoded.set_type(kind);
        encoded.set_policy(Policy::Accept);
    }
    Ok(encoded)
}

fn rule_message(chain: &nftnl::Chain<'_>, rule: &Rule) -> Result<Vec<u8>, NotEncodable> {
    let mut encoded = nftnl::Rule::new(chain);
    for each in &rule.matches {
        add_match(&mut encoded, each)?;
    }
    add_action(&mut encoded, &rule.action)?;
    encoded.set_comment(c_text(&rule.comment)?).map_err(|_| NotEncodable)?;
    Ok(message(&encoded))
}

fn add_match(rule: &mut nftnl::Rule<'_>, wanted: &Match) -> Result<(), NotEncodable> {
    match wanted {
        Match::InputInterface(pattern) => {
            rule.add_expr(&expr::Meta::IifName);
            rule.add_expr(&Cmp::new(CmpOp::Eq, interface_octets(pattern).as_slice()));
        }
        Match::OutputInterface(pattern) => {
            rule.add_expr(&expr::Meta::OifName);
            rule.add_expr(&Cmp::new(CmpOp::Eq, interface_octets(pattern).as_slice()));
        }
        Match::InSet(side, set) => {
            load_address(rule, *side, set.family());
            rule.add_expr(&lookup(*set, false)?);
        }
        Match::Class(side, map) => {
            load_address(rule, *side, map.family());
            rule.add_expr(&lookup(*map, true)?);
            rule.add_expr(&set_priority());
        }
        Match::Seen(family) => add_seen(rule, *family)?,
        Match::InNet(side, net) => {
            load_address(rule, *side, Family::of(&net.addr()));
            match net {
                ipnet::IpNet::V4(v4) => {
                    rule.add_expr(&expr::Bitwise::new(v4.netmask(), Ipv4Addr::UNSPECIFIED));
                    rule.add_expr(&Cmp::new(CmpOp::Eq, v4.network()));
                }
                ipnet::IpNet::V6(v6) => {
                    rule.add_expr(&expr::Bitwise::new(v6.netmask(), Ipv6Addr::UNSPECIFIED));
                    rule.add_expr(&Cmp::new(CmpOp::Eq, v6.network()));
                }
            }
        }
        Match::Port(side, protocol, port) => {
            let protocol_number = match protocol {
                PortProtocol::Tcp => libc::IPPROTO_TCP,
                PortProtocol::Udp => libc::IPPROTO_UDP,
            };
            layer4(rule, protocol_number);
            // Source and destination port stand at the same place in TCP and UDP.
            let field = match side {
                Side::Source => expr::TcpHeaderField::Sport,
                Side::Destination => expr::TcpHeaderField::Dport,
            };
            rule.add_expr(&expr::Payload::Transport(expr::TransportHeaderField::Tcp(field)));
            rule.add_expr(&Cmp::new(CmpOp::Eq, port.to_be()));
        }
        Match::IcmpError(family) => {
            layer4(rule, if *family == Family::V4 { libc::IPPROTO_ICMP } else { libc::IPPROTO_ICMPV6 });
            rule.add_expr(&expr::Conntrack::State);
            rule.add_expr(&expr::Bitwise::new(expr::ct::States::RELATED.bits(), 0u32));
            rule.add_expr(&Cmp::new(CmpOp::Neq, 0u32));
        }
    }
    Ok(())
}

fn layer4(rule: &mut nftnl::Rule<'_>, protocol: libc::c_int) {
    rule.add_expr(&expr::Meta::L4Proto);
    rule.add_expr(&Cmp::new(CmpOp::Eq, u8::try_from(protocol).unwrap_or(0)));
}

/// Loads an address of the packet, after a check that the packet is of its family.
fn load_address(rule: &mut nftnl::Rule<'_>, side: Side, family: Family) {
    use expr::{Ipv4HeaderField as V4, Ipv6HeaderField as V6, NetworkHeaderField as Field};
    let (protocol, field) = match (family, side) {
        (Family::V4, Side::Source) => (libc::NFPROTO_IPV4, Field::Ipv4(V4::Saddr)),
        (Family::V4, Side::Destination) => (libc::NFPROTO_IPV4, Field::Ipv4(V4::Daddr)),
        (Family::V6, Side::Source) => (libc::NFPROTO_IPV6, Field::Ipv6(V6::Saddr)),
        (Family::V6, Side::Destination) => (libc::NFPROTO_IPV6, Field::Ipv6(V6::Daddr)),
    };
    rule.add_expr(&expr::Meta::NfProto);
    rule.add_expr(&Cmp::new(CmpOp::Eq, u8::try_from(protocol).unwrap_or(0)));
    rule.add_expr(&expr::Payload::Network(field));
}

/// A whole name fills all of IFNAMSIZ with zeros; the beginning of one is compared as far as it goes.
fn interface_octets(pattern: &InterfacePattern) -> Vec<u8> {
    match pattern {
        InterfacePattern::Exact(name) => {
            let mut octets = name.clone().into_bytes();
            octets.resize(libc::IFNAMSIZ, 0);
            octets
        }
        InterfacePattern::StartsWith(start) => start.clone().into_bytes(),
    }
}

fn add_action(rule: &mut nftnl::Rule<'_>, action: &Action) -> Result<(), NotEncodable> {
    match action {
        Action::GoOn => {}
        Action::Return => rule.add_expr(&Verdict::Return),
        Action::Drop => rule.add_expr(&Verdict::Drop),
        Action::Reject => rule.add_expr(&Verdict::Reject(RejectionType::Icmp(IcmpCode::AdminProhibited))),
        Action::Reset => rule.add_expr(&Verdict::Reject(RejectionType::TcpRst)),
        Action::Jump(chain) => rule.add_expr(&Verdict::Jump { chain: c_text(chain)? }),
        Action::Goto(chain) => rule.add_expr(&Verdict::Goto { chain: c_text(chain)? }),
        Action::SendTo(to) => add_dnat(rule, to),
        Action::KeepSource(family) => {
            load_address(rule, Side::Source, *family);
            add_snat(rule, *family);
        }
        Action::SourceFrom(map) => {
            load_address(rule, Side::Source, map.family());
            rule.add_expr(&lookup(*map, true)?);
            add_snat(rule, map.family());
        }
    }
    Ok(())
}

fn add_dnat(rule: &mut nftnl::Rule<'_>, to: &SocketAddr) {
    let family = match to.ip() {
        IpAddr::V4(address) => {
            rule.add_expr(&expr::Immediate::new(address.octets(), Register::Reg1));
            ProtoFamily::Ipv4
        }
        IpAddr::V6(address) => {
            rule.add_expr(&expr::Immediate::new(address.octets(), Register::Reg1));
            ProtoFamily::Ipv6
        }
    };
    rule.add_expr(&expr::Immediate::new(to.port().to_be(), Register::Reg2));
    rule.add_expr(&expr::Nat {
        nat_type: expr::NatType::DNat,
        family,
        ip_register: Register::Reg1,
        port_register: Some(Register::Reg2),
    });
}

/// To the address in the first register.
fn add_snat(rule: &mut nftnl::Rule<'_>, family: Family) {
    let family = if family == Family::V4 { ProtoFamily::Ipv4 } else { ProtoFamily::Ipv6 };
    let (nat_type, ip_register) = (expr::NatType::SNat, Register::Reg1);
    rule.add_expr(&expr::Nat { nat_type, family, ip_register, port_register: None });
}

/// Notes source and Ethernet address of a packet. Others than Ethernet packets end the rule, as do more than so many
/// in a second; a full set ends it too.
fn add_seen(rule: &mut nftnl::Rule<'_>, family: Family) -> Result<(), NotEncodable> {
    rule.add_expr(&expr::Meta::IifType);
    rule.add_expr(&Cmp::new(CmpOp::Eq, libc::ARPHRD_ETHER));
    load_address(rule, Side::Source, family);
    let register = match family {
        Family::V4 => libc::NFT_REG32_01.unsigned_abs(),
        Family::V6 => Register::Reg2.to_raw(),
    };
    let numbers = |name, pairs: Vec<(u16, u32)>| Raw { name, numbers: pairs, longs: Vec::new(), set: None };
    rule.add_expr(&numbers(
        c"payload",
        vec![
            (attribute(sys::NFTNL_EXPR_PAYLOAD_DREG), register),
            (attribute(sys::NFTNL_EXPR_PAYLOAD_BASE), libc::NFT_PAYLOAD_LL_HEADER.unsigned_abs()),
            (attribute(sys::NFTNL_EXPR_PAYLOAD_OFFSET), ETHERNET_SOURCE_OFFSET),
            (attribute(sys::NFTNL_EXPR_PAYLOAD_LEN), ETHERNET_OCTETS),
        ],
    ));
    rule.add_expr(&Raw {
        longs: vec![
            (attribute(sys::NFTNL_EXPR_LIMIT_RATE), SEEN_PER_SECOND),
            (attribute(sys::NFTNL_EXPR_LIMIT_UNIT), 1),
        ],
        ..numbers(c"limit", vec![(attribute(sys::NFTNL_EXPR_LIMIT_BURST), SEEN_BURST)])
    });
    rule.add_expr(&Raw {
        set: Some((attribute(sys::NFTNL_EXPR_DYNSET_SET_NAME), c_text(&SetId::Seen(family).name())?)),
        ..numbers(
            c"dynset",
            vec![
                (attribute(sys::NFTNL_EXPR_DYNSET_SREG_KEY), Register::Reg1.to_raw()),
                (attribute(sys::NFTNL_EXPR_DYNSET_OP), libc::NFT_DYNSET_OP_ADD.unsigned_abs()),
            ],
        )
    });
    Ok(())
}

const ETHERNET_SOURCE_OFFSET: u32 = 6;
const ETHERNET_OCTETS: u32 = 6;

/// An expression that the crate does not have, by its attributes.
struct Raw {
    name: &'static CStr,
    numbers: Vec<(u16, u32)>,
    longs: Vec<(u16, u64)>,
    set: Option<(u16, CString)>,
}

impl Expression for Raw {
    fn to_expr(&self, _rule: &nftnl::Rule<'_>) -> NonNull<sys::nftnl_expr> {
        let expression = named_expression(self.name);
        // SAFETY: numbers and a NUL-terminated name, which is copied; the expression is the rule's to free.
        unsafe {
            for (kind, number) in &self.numbers {
                sys::nftnl_expr_set_u32(expression.as_ptr(), *kind, *number);
            }
            for (kind, number) in &self.longs {
                sys::nftnl_expr_set_u64(expression.as_ptr(), *kind, *number);
            }
            if let Some((kind, name)) = &self.set {
                sys::nftnl_expr_set_str(expression.as_ptr(), *kind, name.as_ptr());
            }
        }
        expression
    }
}

/// A lookup that names its set only (the crate's own also gives the batch's number of the set, which no dump shows).
/// `data`: what a map holds takes the key's place in the register.
fn lookup(set: SetId, data: bool) -> Result<Raw, NotEncodable> {
    let register = Register::Reg1.to_raw();
    let mut numbers = vec![(attribute(sys::NFTNL_EXPR_LOOKUP_SREG), register)];
    if data {
        numbers.push((attribute(sys::NFTNL_EXPR_LOOKUP_DREG), register));
    }
    let set = Some((attribute(sys::NFTNL_EXPR_LOOKUP_SET), c_text(&set.name())?));
    Ok(Raw { name: c"lookup", numbers, longs: Vec::new(), set })
}

/// `meta priority set` of what the register holds.
fn set_priority() -> Raw {
    let key = (attribute(sys::NFTNL_EXPR_META_KEY), libc::NFT_META_PRIORITY.unsigned_abs());
    let from = (attribute(sys::NFTNL_EXPR_META_SREG), Register::Reg1.to_raw());
    Raw { name: c"meta", numbers: vec![key, from], longs: Vec::new(), set: None }
}
