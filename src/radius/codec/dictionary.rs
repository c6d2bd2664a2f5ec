//! Attribute numbers as data: one table of the RFCs' attributes and one of vendors', with constants for the code.

/// How a value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Text,
    Octets,
    Integer,
    Ipv4,
    Ipv6,
    Ipv6Prefix,
    InterfaceId,
    /// Seconds since 1970.
    Time,
    Vendor,
}

/// An attribute of an RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub number: u8,
    pub kind: Kind,
}

/// An attribute of a vendor, inside attribute 26.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorAttribute {
    pub name: &'static str,
    /// The IANA private enterprise number.
    pub vendor: u32,
    pub number: u8,
    pub kind: Kind,
}

pub const VENDOR_CISCO: u32 = 9;
pub const VENDOR_MICROSOFT: u32 = 311;
pub const VENDOR_ASCEND: u32 = 529;
pub const VENDOR_HUAWEI: u32 = 2011;
pub const VENDOR_ADSL_FORUM: u32 = 3561;
pub const VENDOR_JUNIPER_ERX: u32 = 4874;
pub const VENDOR_NOKIA: u32 = 6527;
pub const VENDOR_WISPR: u32 = 14122;
pub const VENDOR_MIKROTIK: u32 = 14988;

macro_rules! attributes {
    ($($constant:ident = $number:literal, $name:literal, $kind:ident;)*) => {
        $(pub const $constant: u8 = $number;)*

        /// RFC 2865, 2866, 2867, 2868, 2869, 3162, 3579, 4372, 4818, 5176, 6911, and two that pppd
        /// and accel-ppp took from the numbers left to implementations, in order of number.
        pub static ATTRIBUTES: &[Attribute] =
            &[$(Attribute { name: $name, number: $number, kind: Kind::$kind },)*];
    };
}

attributes! {
    USER_NAME = 1, "User-Name", Text;
    USER_PASSWORD = 2, "User-Password", Octets;
    CHAP_PASSWORD = 3, "CHAP-Password", Octets;
    NAS_IP_ADDRESS = 4, "NAS-IP-Address", Ipv4;
    NAS_PORT = 5, "NAS-Port", Integer;
    SERVICE_TYPE = 6, "Service-Type", Integer;
    FRAMED_PROTOCOL = 7, "Framed-Protocol", Integer;
    FRAMED_IP_ADDRESS = 8, "Framed-IP-Address", Ipv4;
    FRAMED_IP_NETMASK = 9, "Framed-IP-Netmask", Ipv4;
    FRAMED_ROUTING = 10, "Framed-Routing", Integer;
    FILTER_ID = 11, "Filter-Id", Text;
    FRAMED_MTU = 12, "Framed-MTU", Integer;
    FRAMED_COMPRESSION = 13, "Framed-Compression", Integer;
    LOGIN_IP_HOST = 14, "Login-IP-Host", Ipv4;
    LOGIN_SERVICE = 15, "Login-Service", Integer;
    LOGIN_TCP_PORT = 16, "Login-TCP-Port", Integer;
    REPLY_MESSAGE = 18, "Reply-Message", Text;
    CALLBACK_NUMBER = 19, "Callback-Number", Text;
    CALLBACK_ID = 20, "Callback-Id", Text;
    FRAMED_ROUTE = 22, "Framed-Route", Text;
    FRAMED_IPX_NETWORK = 23, "Framed-IPX-Network", Integer;
    STATE = 24, "State", Octets;
    CLASS = 25, "Class", Octets;
    VENDOR_SPECIFIC = 26, "Vendor-Specific", Vendor;
    SESSION_TIMEOUT = 27, "Session-Timeout", Integer;
    IDLE_TIMEOUT = 28, "Idle-Timeout", Integer;
    TERMINATION_ACTION = 29, "Termination-Action", Integer;
    CALLED_STATION_ID = 30, "Called-Station-Id", Text;
    CALLING_STATION_ID = 31, "Calling-Station-Id", Text;
    NAS_IDENTIFIER = 32, "NAS-Identifier", Text;
    PROXY_STATE = 33, "Proxy-State", Octets;
    ACCT_STATUS_TYPE = 40, "Acct-Status-Type", Integer;
    ACCT_DELAY_TIME = 41, "Acct-Delay-Time", Integer;
    ACCT_INPUT_OCTETS = 42, "Acct-Input-Octets", Integer;
    ACCT_OUTPUT_OCTETS = 43, "Acct-Output-Octets", Integer;
    ACCT_SESSION_ID = 44, "Acct-Session-Id", Text;
    ACCT_AUTHENTIC = 45, "Acct-Authentic", Integer;
    ACCT_SESSION_TIME = 46, "Acct-Session-Time", Integer;
    ACCT_INPUT_PACKETS = 47, "Acct-Input-Packets", Integer;
    ACCT_OUTPUT_PACKETS = 48, "Acct-Output-Packets", Integer;
    ACCT_TERMINATE_CAUSE = 49, "Acct-Terminate-Cause", Integer;
    ACCT_MULTI_SESSION_ID = 50, "Acct-Multi-Session-Id", Text;
    ACCT_LINK_COUNT = 51, "Acct-Link-Count", Integer;
    ACCT_INPUT_GIGAWORDS = 52, "Acct-Input-Gigawords", Integer;
    ACCT_OUTPUT_GIGAWORDS = 53, "Acct-Output-Gigawords", Integer;
    EVENT_TIMESTAMP = 55, "Event-Timestamp", Time;
    CHAP_CHALLENGE = 60, "CHAP-Challenge", Octets;
    NAS_PORT_TYPE = 61, "NAS-Port-Type", Integer;
    PORT_LIMIT = 62, "Port-Limit", Integer;
    TUNNEL_TYPE = 64, "Tunnel-Type", Integer;
    TUNNEL_MEDIUM_TYPE = 65, "Tunnel-Medium-Type", Integer;
    TUNNEL_CLIENT_ENDPOINT = 66, "Tunnel-Client-Endpoint", Text;
    TUNNEL_SERVER_ENDPOINT = 67, "Tunnel-Server-Endpoint", Text;
    TUNNEL_PASSWORD = 69, "Tunnel-Password", Octets;
    CONNECT_INFO = 77, "Connect-Info", Text;
    EAP_MESSAGE = 79, "EAP-Message", Octets;
    MESSAGE_AUTHENTICATOR = 80, "Message-Authenticator", Octets;
    TUNNEL_PRIVATE_GROUP_ID = 81, "Tunnel-Private-Group-Id", Text;
    ACCT_INTERIM_INTERVAL = 85, "Acct-Interim-Interval", Integer;
    NAS_PORT_ID = 87, "NAS-Port-Id", Text;
    FRAMED_POOL = 88, "Framed-Pool", Text;
    CHARGEABLE_USER_IDENTITY = 89, "Chargeable-User-Identity", Octets;
    NAS_IPV6_ADDRESS = 95, "NAS-IPv6-Address", Ipv6;
    FRAMED_INTERFACE_ID = 96, "Framed-Interface-Id", InterfaceId;
    FRAMED_IPV6_PREFIX = 97, "Framed-IPv6-Prefix", Ipv6Prefix;
    FRAMED_IPV6_ROUTE = 99, "Framed-IPv6-Route", Text;
    FRAMED_IPV6_POOL = 100, "Framed-IPv6-Pool", Text;
    ERROR_CAUSE = 101, "Error-Cause", Integer;
    DELEGATED_IPV6_PREFIX = 123, "Delegated-IPv6-Prefix", Ipv6Prefix;
    FRAMED_IPV6_ADDRESS = 168, "Framed-IPv6-Address", Ipv6;
    DNS_SERVER_IPV6_ADDRESS = 169, "DNS-Server-IPv6-Address", Ipv6;
    ROUTE_IPV6_INFORMATION = 170, "Route-IPv6-Information", Ipv6Prefix;
    DELEGATED_IPV6_PREFIX_POOL = 171, "Delegated-IPv6-Prefix-Pool", Text;
    STATEFUL_IPV6_ADDRESS_POOL = 172, "Stateful-IPv6-Address-Pool", Text;
    SESSION_OCTETS_LIMIT = 227, "Session-Octets-Limit", Integer;
    OCTETS_DIRECTION = 228, "Octets-Direction", Integer;
}

macro_rules! vendor_attributes {
    ($($constant:ident = $vendor:ident, $number:literal, $name:literal, $kind:ident;)*) => {
        $(pub const $constant: u8 = $number;)*

        /// Vendors' attributes that we read or write, in order of vendor and number.
        pub static VENDOR_ATTRIBUTES: &[VendorAttribute] =
            &[$(VendorAttribute { name: $name, vendor: $vendor, number: $number, kind: Kind::$kind },)*];
    };
}

vendor_attributes! {
    CISCO_AVPAIR = VENDOR_CISCO, 1, "Cisco-AVPair", Text;
    CISCO_SUB_QOS_POL_IN = VENDOR_CISCO, 55, "Cisco-Sub-QoS-Pol-In", Text;
    CISCO_SUB_QOS_POL_OUT = VENDOR_CISCO, 56, "Cisco-Sub-QoS-Pol-Out", Text;
    MS_CHAP_RESPONSE = VENDOR_MICROSOFT, 1, "MS-CHAP-Response", Octets;
    MS_CHAP_ERROR = VENDOR_MICROSOFT, 2, "MS-CHAP-Error", Octets;
    MS_MPPE_ENCRYPTION_POLICY = VENDOR_MICROSOFT, 7, "MS-MPPE-Encryption-Policy", Integer;
    MS_MPPE_ENCRYPTION_TYPES = VENDOR_MICROSOFT, 8, "MS-MPPE-Encryption-Types", Integer;
    MS_CHAP_CHALLENGE = VENDOR_MICROSOFT, 11, "MS-CHAP-Challenge", Octets;
    MS_CHAP_MPPE_KEYS = VENDOR_MICROSOFT, 12, "MS-CHAP-MPPE-Keys", Octets;
    MS_MPPE_SEND_KEY = VENDOR_MICROSOFT, 16, "MS-MPPE-Send-Key", Octets;
    MS_MPPE_RECV_KEY = VENDOR_MICROSOFT, 17, "MS-MPPE-Recv-Key", Octets;
    MS_CHAP2_RESPONSE = VENDOR_MICROSOFT, 25, "MS-CHAP2-Response", Octets;
    MS_CHAP2_SUCCESS = VENDOR_MICROSOFT, 26, "MS-CHAP2-Success", Octets;
    MS_PRIMARY_DNS_SERVER = VENDOR_MICROSOFT, 28, "MS-Primary-DNS-Server", Ipv4;
    MS_SECONDARY_DNS_SERVER = VENDOR_MICROSOFT, 29, "MS-Secondary-DNS-Server", Ipv4;
    ASCEND_DATA_RATE = VENDOR_ASCEND, 197, "Ascend-Data-Rate", Integer;
    ASCEND_XMIT_RATE = VENDOR_ASCEND, 255, "Ascend-Xmit-Rate", Integer;
    HUAWEI_INPUT_AVERAGE_RATE = VENDOR_HUAWEI, 2, "Huawei-Input-Average-Rate", Integer;
    HUAWEI_INPUT_PEAK_RATE = VENDOR_HUAWEI, 3, "Huawei-Input-Peak-Rate", Integer;
    HUAWEI_OUTPUT_AVERAGE_RATE = VENDOR_HUAWEI, 5, "Huawei-Output-Average-Rate", Integer;
    HUAWEI_OUTPUT_PEAK_RATE = VENDOR_HUAWEI, 6, "Huawei-Output-Peak-Rate", Integer;
    HUAWEI_QOS_PROFILE_NAME = VENDOR_HUAWEI, 31, "Huawei-Qos-Profile-Name", Text;
    ADSL_AGENT_CIRCUIT_ID = VENDOR_ADSL_FORUM, 1, "ADSL-Agent-Circuit-Id", Octets;
    ADSL_AGENT_REMOTE_ID = VENDOR_ADSL_FORUM, 2, "ADSL-Agent-Remote-Id", Octets;
    ERX_INGRESS_POLICY_NAME = VENDOR_JUNIPER_ERX, 10, "ERX-Ingress-Policy-Name", Text;
    ERX_EGRESS_POLICY_NAME = VENDOR_JUNIPER_ERX, 11, "ERX-Egress-Policy-Name", Text;
    ERX_SERVICE_ACTIVATE = VENDOR_JUNIPER_ERX, 65, "ERX-Service-Activate", Text;
    ERX_SERVICE_DEACTIVATE = VENDOR_JUNIPER_ERX, 66, "ERX-Service-Deactivate", Text;
    ERX_COS_SHAPING_PMT_TYPE = VENDOR_JUNIPER_ERX, 108, "ERX-CoS-Shaping-Pmt-Type", Text;
    ERX_COS_SHAPING_RATE = VENDOR_JUNIPER_ERX, 177, "ERX-Cos-Shaping-Rate", Text;
    ALC_SUBSCRIBER_QOS_OVERRIDE = VENDOR_NOKIA, 126, "Alc-Subscriber-QoS-Override", Text;
    WISPR_REDIRECTION_URL = VENDOR_WISPR, 4, "WISPr-Redirection-URL", Text;
    WISPR_BANDWIDTH_MAX_UP = VENDOR_WISPR, 7, "WISPr-Bandwidth-Max-Up", Integer;
    WISPR_BANDWIDTH_MAX_DOWN = VENDOR_WISPR, 8, "WISPr-Bandwidth-Max-Down", Integer;
    MIKROTIK_RECV_LIMIT = VENDOR_MIKROTIK, 1, "Mikrotik-Recv-Limit", Integer;
    MIKROTIK_XMIT_LIMIT = VENDOR_MIKROTIK, 2, "Mikrotik-Xmit-Limit", Integer;
    MIKROTIK_GROUP = VENDOR_MIKROTIK, 3, "Mikrotik-Group", Text;
    MIKROTIK_RATE_LIMIT = VENDOR_MIKROTIK, 8, "Mikrotik-Rate-Limit", Text;
    MIKROTIK_REALM = VENDOR_MIKROTIK, 9, "Mikrotik-Realm", Text;
    MIKROTIK_HOST_IP = VENDOR_MIKROTIK, 10, "Mikrotik-Host-IP", Ipv4;
    MIKROTIK_MARK_ID = VENDOR_MIKROTIK, 11, "Mikrotik-Mark-Id", Text;
    MIKROTIK_RECV_LIMIT_GIGAWORDS = VENDOR_MIKROTIK, 14, "Mikrotik-Recv-Limit-Gigawords", Integer;
    MIKROTIK_XMIT_LIMIT_GIGAWORDS = VENDOR_MIKROTIK, 15, "Mikrotik-Xmit-Limit-Gigawords", Integer;
    MIKROTIK_TOTAL_LIMIT = VENDOR_MIKROTIK, 17, "Mikrotik-Total-Limit", Integer;
    MIKROTIK_TOTAL_LIMIT_GIGAWORDS = VENDOR_MIKROTIK, 18, "Mikrotik-Total-Limit-Gigawords", Integer;
    MIKROTIK_ADDRESS_LIST = VENDOR_MIKROTIK, 19, "Mikrotik-Address-List", Text;
    MIKROTIK_DELEGATED_IPV6_POOL = VENDOR_MIKROTIK, 22, "Mikrotik-Delegated-IPv6-Pool", Text;
}

/// The attribute of an RFC with this name, in any case of letters.
pub fn attribute(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The vendor's attribute with this name, in any case of letters.
pub fn vendor_attribute(name: &str) -> Option<&'static VendorAttribute> {
    VENDOR_ATTRIBUTES.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The name of an RFC's attribute.
pub fn attribute_name(number: u8) -> Option<&'static str> {
    ATTRIBUTES.iter().find(|attribute| attribute.number == number).map(|attribute| attribute.name)
}

#[cfg(test)]
mod tests;
