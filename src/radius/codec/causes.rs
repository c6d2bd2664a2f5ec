//! Names of Acct-Terminate-Cause and Error-Cause, for people.

/// Acct-Terminate-Cause (RFC 2866 section 5.10, RFC 3580 section 2.2, the IANA registry); `unknown` for the rest.
pub fn terminate_cause_name(cause: u32) -> &'static str {
    match cause {
        1 => "User-Request",
        2 => "Lost-Carrier",
        3 => "Lost-Service",
        4 => "Idle-Timeout",
        5 => "Session-Timeout",
        6 => "Admin-Reset",
        7 => "Admin-Reboot",
        8 => "Port-Error",
        9 => "NAS-Error",
        10 => "NAS-Request",
        11 => "NAS-Reboot",
        12 => "Port-Unneeded",
        13 => "Port-Preempted",
        14 => "Port-Suspended",
        15 => "Service-Unavailable",
        16 => "Callback",
        17 => "User-Error",
        18 => "Host-Request",
        19 => "Supplicant-Restart",
        20 => "Reauthentication-Failure",
        21 => "Port-Reinitialized",
        22 => "Port-Administratively-Disabled",
        23 => "Lost-Power",
        _ => "unknown",
    }
}

/// Error-Cause (RFC 5176 section 3.5, the IANA registry); `unknown` for the rest.
pub fn error_cause_name(cause: u32) -> &'static str {
    match cause {
        201 => "Residual-Session-Context-Removed",
        202 => "Invalid-EAP-Packet",
        401 => "Unsupported-Attribute",
        402 => "Missing-Attribute",
        403 => "NAS-Identification-Mismatch",
        404 => "Invalid-Request",
        405 => "Unsupported-Service",
        406 => "Unsupported-Extension",
        407 => "Invalid-Attribute-Value",
        501 => "Administratively-Prohibited",
        502 => "Request-Not-Routable",
        503 => "Session-Context-Not-Found",
        504 => "Session-Context-Not-Removable",
        505 => "Other-Proxy-Processing-Error",
        506 => "Resources-Unavailable",
        507 => "Request-Initiated",
        508 => "Multiple-Session-Selection-Unsupported",
        509 => "Location-Info-Required",
        601 => "Response-Too-Big",
        _ => "unknown",
    }
}
