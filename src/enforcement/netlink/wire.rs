//! nf_tables messages: attributes, batches, requests (include/uapi/linux/netfilter/nf_tables.h).

/// Message types of the nf_tables subsystem.
pub const NEWTABLE: u16 = 0;
pub const GETTABLE: u16 = 1;
pub const DELTABLE: u16 = 2;
pub const NEWCHAIN: u16 = 3;
pub const GETCHAIN: u16 = 4;
pub const DELCHAIN: u16 = 5;
pub const NEWRULE: u16 = 6;
pub const GETRULE: u16 = 7;
pub const DELRULE: u16 = 8;
pub const NEWSET: u16 = 9;
pub const GETSET: u16 = 10;
pub const DELSET: u16 = 11;
pub const NEWSETELEM: u16 = 12;
pub const GETSETELEM: u16 = 13;
pub const DELSETELEM: u16 = 14;
pub const NEWGEN: u16 = 15;

/// The table's name stands in attribute 1 of tables, chains, rules, sets and elements alike.
pub const ATTR_TABLE: u16 = 1;
pub const ATTR_TABLE_FLAGS: u16 = 2;
/// The object's own name in chains (3) and sets (2); in rules 2 names the chain.
pub const ATTR_CHAIN_NAME: u16 = 3;
pub const ATTR_SET_NAME: u16 = 2;
pub const ATTR_SET_ID: u16 = 10;
pub const ATTR_SET_DESC: u16 = 9;
pub const ATTR_SET_DESC_SIZE: u16 = 1;
pub const ATTR_RULE_CHAIN: u16 = 2;
pub const ATTR_RULE_EXPRESSIONS: u16 = 4;
pub const ATTR_RULE_USERDATA: u16 = 7;

const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFPROTO_INET: u8 = 1;
const MESSAGE_HEADER: usize = 16;
/// `nlmsghdr` and `nfgenmsg`.
const HEADERS: usize = 20;
/// Messages that the kernel takes all together or not at all.
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    first_sequence: u32,
    next_sequence: u32,
    /// Where the last message begins: it asks for the acknowledgement, because kernels before 6.10 give none for
    /// the end of a batch.
    last_message: usize,
}

impl Batch {
    /// A batch whose messages are numbered from `first_sequence`.
    pub fn new(first_sequence: u32) -> Batch {
        let mut batch =
            Batch { bytes: Vec::new(), first_sequence, next_sequence: first_sequence, last_message: 0 };
        batch.delimiter(u16::try_from(libc::NFNL_MSG_BATCH_BEGIN).unwrap_or(16));
        batch
    }

    /// Appends a whole message made elsewhere; number and acknowledgement become the batch's.
    pub fn push(&mut self, message: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.bytes.resize(align(self.bytes.len()), 0);
        let sequence = self.take_sequence(start);
        if let Some(header) = self.bytes.get_mut(start..start + MESSAGE_HEADER) {
            let flags = u16::from_ne_bytes([header[6], header[7]]) & !ACK;
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
            header[8..12].copy_from_slice(&sequence.to_ne_bytes());
        }
    }

    /// Adds the table or takes it away with all that is in it.
    pub fn table(&mut self, name: &str, message_type: u16) {
        let start = self.begin(message_type, if message_type == NEWTABLE { CREATE } else { 0 });
        text_attribute(&mut self.bytes, ATTR_TABLE, name);
        self.end(start);
    }

    /// Takes objects away that these names stand for.
    pub fn delete(&mut self, message_type: u16, names: &[(u16, &str)]) {
        let start = self.begin(message_type, 0);
        for (kind, name) in names {
            text_attribute(&mut self.bytes, *kind, name);
        }
        self.end(start);
    }

    /// The datagram, the first sequence number and the one behind the last.
    pub fn finish(mut self) -> (Vec<u8>, u32, u32) {
        if let Some(flags) = self.bytes.get_mut(self.last_message + 6..self.last_message + 8) {
            let with_ack = u16::from_ne_bytes([flags[0], flags[1]]) | ACK;
            flags.copy_from_slice(&with_ack.to_ne_bytes());
        }
        let last_message = self.last_message;
        self.delimiter(u16::try_from(libc::NFNL_MSG_BATCH_END).unwrap_or(17));
        self.last_message = last_message;
        (self.bytes, self.first_sequence, self.next_sequence)
    }

    /// Begins a message; [`Batch::end`] closes it.
    pub(super) fn begin(&mut self, message_type: u16, flags: u16) -> usize {
        let start = self.bytes.len();
        let sequence = self.take_sequence(start);
        header(&mut self.bytes, subsystem(message_type), REQUEST | flags, sequence, NFPROTO_INET, 0);
        start
    }

    pub(super) fn end(&mut self, start: usize) {
        close_message(&mut self.bytes, start);
    }

    fn delimiter(&mut self, message_type: u16) {
        let start = self.bytes.len();
        let sequence = self.take_sequence(start);
        header(&mut self.bytes, message_type, REQUEST, sequence, 0, NFNL_SUBSYS_NFTABLES);
        close_message(&mut self.bytes, start);
    }

    fn take_sequence(&mut self, start: usize) -> u32 {
        self.last_message = start;
        let sequence = self.next_sequence;
        self.next_sequence = self.next_sequence.wrapping_add(1);
        sequence
    }
}

const REQUEST: u16 = 0x1;
pub(super) const ACK: u16 = 0x4;
pub(super) const ECHO: u16 = 0x8;
const DUMP: u16 = 0x300;
pub(super) const CREATE: u16 = 0x400;

/// A request for objects of the table: all of a kind (`dump`), or one.
pub fn request(message_type: u16, dump: bool, sequence: u32, attributes: &[(u16, &str)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    let flags = if dump { REQUEST | DUMP } else { REQUEST };
    header(&mut bytes, subsystem(message_type), flags, sequence, NFPROTO_INET, 0);
    for (kind, text) in attributes {
        text_attribute(&mut bytes, *kind, text);
    }
    close_message(&mut bytes, 0);
    bytes
}

/// The beginning of a message that makes an object; attributes follow, and [`close_message`].
pub fn creation(message_type: u16, flags: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    header(&mut bytes, subsystem(message_type), REQUEST | CREATE | flags, 0, NFPROTO_INET, 0);
    bytes
}

fn subsystem(message_type: u16) -> u16 {
    (NFNL_SUBSYS_NFTABLES << 8) | message_type
}

pub fn align(length: usize) -> usize {
    (length + 3) & !3
}

fn header(bytes: &mut Vec<u8>, message_type: u16, flags: u16, sequence: u32, family: u8, resource: u16) {
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&message_type.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&[family, 0]);
    bytes.extend_from_slice(&resource.to_be_bytes());
}

pub fn close_message(bytes: &mut [u8], start: usize) {
    let length = u32::try_from(bytes.len() - start).unwrap_or(0);
    if let Some(field) = bytes.get_mut(start..start + 4) {
        field.copy_from_slice(&length.to_ne_bytes());
    }
}

pub fn attribute(bytes: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    // Payloads are names and addresses, far below 64 KiB.
    let length = u16::try_from(payload.len() + 4).unwrap_or(4);
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(align(bytes.len()), 0);
}

pub fn text_attribute(bytes: &mut Vec<u8>, kind: u16, text: &str) {
    let mut payload = Vec::with_capacity(text.len() + 1);
    payload.extend_from_slice(text.as_bytes());
    payload.push(0);
    attribute(bytes, kind, &payload);
}

const NESTED: u16 = 0x8000;

pub fn open_nest(bytes: &mut Vec<u8>, kind: u16) -> usize {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
    start
}

pub fn close_nest(bytes: &mut [u8], start: usize) {
    let length = u16::try_from(bytes.len() - start).unwrap_or(0);
    if let Some(field) = bytes.get_mut(start..start + 2) {
        field.copy_from_slice(&length.to_ne_bytes());
    }
}

/// One message of a datagram from the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// `NLMSG_ERROR`, `NLMSG_DONE`, or the type within the subsystem.
    pub kind: u16,
    pub is_nftables: bool,
    pub flags: u16,
    pub sequence: u32,
    pub family: u8,
    /// Everything behind `nlmsghdr`.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes of an nf_tables message.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes(self.body.get(HEADERS - MESSAGE_HEADER..).unwrap_or_default())
    }

    /// The error of an `NLMSG_ERROR`, positive; 0 is an acknowledgement. None when it is too short.
    pub fn errno(&self) -> Option<i32> {
        let code = self.body.get(..4)?.try_into().ok()?;
        Some(i32::from_ne_bytes(code).saturating_neg())
    }
}

/// The messages of a datagram; ends at the first that is not whole.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let (message, rest) = split_message(datagram)?;
        datagram = rest;
        Some(message)
    })
}

fn split_message(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    let message_type = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(MESSAGE_HEADER..length)?;
    let message = Message {
        kind: message_type & 0xff,
        is_nftables: message_type >> 8 == NFNL_SUBSYS_NFTABLES,
        flags: u16::from_ne_bytes(bytes.get(6..8)?.try_into().ok()?),
        sequence: u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?),
        family: body.first().copied().unwrap_or(0),
        body,
    };
    Some((message, bytes.get(align(length)..).unwrap_or_default()))
}

/// The attributes of a run of bytes, in order; ends at the first that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(pub &'a [u8]);

#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub nested: bool,
    pub payload: &'a [u8],
}

impl Attribute<'_> {
    /// Appends it as it is.
    pub fn copy_to(&self, bytes: &mut Vec<u8>) {
        attribute(bytes, if self.nested { self.kind | NESTED } else { self.kind }, self.payload);
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(u16::from_ne_bytes(self.0.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(self.0.get(2..4)?.try_into().ok()?);
        let payload = self.0.get(4..length)?;
        self.0 = self.0.get(align(length)..).unwrap_or_default();
        Some(Attribute { kind: kind & 0x3fff, nested: kind & NESTED != 0, payload })
    }
}

impl<'a> Attributes<'a> {
    pub fn find(self, kind: u16) -> Option<&'a [u8]> {
        { self }.find_map(|a| (a.kind == kind).then_some(a.payload))
    }

    /// A NUL-terminated text.
    pub fn text(self, kind: u16) -> Option<&'a str> {
        let bytes = self.find(kind)?;
        std::str::from_utf8(bytes.strip_suffix(&[0]).unwrap_or(bytes)).ok()
    }

    /// A big-endian 32-bit number.
    pub fn number(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.find(kind)?.try_into().ok()?))
    }
}
