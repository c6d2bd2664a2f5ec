use super::*;

/// Compares our constants with those of another implementation's generated dictionary.
macro_rules! same_numbers {
    ($($module:ident: $($ours:ident $theirs:ident),*;)*) => {
        $($(
            assert_eq!($ours, ::radius::core::$module::$theirs, "{}", stringify!($ours));
            let name = attribute_name($ours).unwrap();
            assert_eq!(name.to_uppercase().replace('-', "_"), stringify!($ours));
        )*)*
    };
}

#[test]
fn our_numbers_are_those_of_another_dictionary() {
    same_numbers! {
        rfc2865:
            USER_NAME USER_NAME_TYPE,
            USER_PASSWORD USER_PASSWORD_TYPE,
            CHAP_PASSWORD CHAP_PASSWORD_TYPE,
            NAS_IP_ADDRESS NAS_IP_ADDRESS_TYPE,
            NAS_PORT NAS_PORT_TYPE,
            SERVICE_TYPE SERVICE_TYPE_TYPE,
            FRAMED_PROTOCOL FRAMED_PROTOCOL_TYPE,
            FRAMED_IP_ADDRESS FRAMED_IP_ADDRESS_TYPE,
            FRAMED_IP_NETMASK FRAMED_IP_NETMASK_TYPE,
            FRAMED_ROUTING FRAMED_ROUTING_TYPE,
            FILTER_ID FILTER_ID_TYPE,
            FRAMED_MTU FRAMED_MTU_TYPE,
            FRAMED_COMPRESSION FRAMED_COMPRESSION_TYPE,
            LOGIN_IP_HOST LOGIN_IP_HOST_TYPE,
            LOGIN_SERVICE LOGIN_SERVICE_TYPE,
            LOGIN_TCP_PORT LOGIN_TCP_PORT_TYPE,
            REPLY_MESSAGE REPLY_MESSAGE_TYPE,
            CALLBACK_NUMBER CALLBACK_NUMBER_TYPE,
            CALLBACK_ID CALLBACK_ID_TYPE,
            FRAMED_ROUTE FRAMED_ROUTE_TYPE,
            FRAMED_IPX_NETWORK FRAMED_IPX_NETWORK_TYPE,
            STATE STATE_TYPE,
            CLASS CLASS_TYPE,
            VENDOR_SPECIFIC VENDOR_SPECIFIC_TYPE,
            SESSION_TIMEOUT SESSION_TIMEOUT_TYPE,
            IDLE_TIMEOUT IDLE_TIMEOUT_TYPE,
            TERMINATION_ACTION TERMINATION_ACTION_TYPE,
            CALLED_STATION_ID CALLED_STATION_ID_TYPE,
            CALLING_STATION_ID CALLING_STATION_ID_TYPE,
            NAS_IDENTIFIER NAS_IDENTIFIER_TYPE,
            PROXY_STATE PROXY_STATE_TYPE,
            CHAP_CHALLENGE CHAP_CHALLENGE_TYPE,
            NAS_PORT_TYPE NAS_PORT_TYPE_TYPE,
            PORT_LIMIT PORT_LIMIT_TYPE;
        rfc2866:
            ACCT_STATUS_TYPE ACCT_STATUS_TYPE_TYPE,
            ACCT_DELAY_TIME ACCT_DELAY_TIME_TYPE,
            ACCT_INPUT_OCTETS ACCT_INPUT_OCTETS_TYPE,
            ACCT_OUTPUT_OCTETS ACCT_OUTPUT_OCTETS_TYPE,
            ACCT_SESSION_ID ACCT_SESSION_ID_TYPE,
            ACCT_AUTHENTIC ACCT_AUTHENTIC_TYPE,
            ACCT_SESSION_TIME ACCT_SESSION_TIME_TYPE,
            ACCT_INPUT_PACKETS ACCT_INPUT_PACKETS_TYPE,
            ACCT_OUTPUT_PACKETS ACCT_OUTPUT_PACKETS_TYPE,
            ACCT_TERMINATE_CAUSE ACCT_TERMINATE_CAUSE_TYPE,
            ACCT_MULTI_SESSION_ID ACCT_MULTI_SESSION_ID_TYPE,
            ACCT_LINK_COUNT ACCT_LINK_COUNT_TYPE;
        rfc2869:
            ACCT_INPUT_GIGAWORDS ACCT_INPUT_GIGAWORDS_TYPE,
            ACCT_OUTPUT_GIGAWORDS ACCT_OUTPUT_GIGAWORDS_TYPE,
            EVENT_TIMESTAMP EVENT_TIMESTAMP_TYPE,
            CONNECT_INFO CONNECT_INFO_TYPE,
            EAP_MESSAGE EAP_MESSAGE_TYPE,
            MESSAGE_AUTHENTICATOR MESSAGE_AUTHENTICATOR_TYPE,
            ACCT_INTERIM_INTERVAL ACCT_INTERIM_INTERVAL_TYPE,
            NAS_PORT_ID NAS_PORT_ID_TYPE,
            FRAMED_POOL FRAMED_POOL_TYPE;
        rfc2868:
            TUNNEL_TYPE TUNNEL_TYPE_TYPE,
            TUNNEL_MEDIUM_TYPE TUNNEL_MEDIUM_TYPE_TYPE,
            TUNNEL_CLIENT_ENDPOINT TUNNEL_CLIENT_ENDPOINT_TYPE,
            TUNNEL_SERVER_ENDPOINT TUNNEL_SERVER_ENDPOINT_TYPE,
            TUNNEL_PASSWORD TUNNEL_PASSWORD_TYPE,
            TUNNEL_PRIVATE_GROUP_ID TUNNEL_PRIVATE_GROUP_ID_TYPE;
        rfc4372:
            CHARGEABLE_USER_IDENTITY CHARGEABLE_USER_IDENTITY_TYPE;
        rfc3162:
            NAS_IPV6_ADDRESS NAS_IPV6_ADDRESS_TYPE,
            FRAMED_INTERFACE_ID FRAMED_INTERFACE_ID_TYPE,
            FRAMED_IPV6_PREFIX FRAMED_IPV6_PREFIX_TYPE,
            FRAMED_IPV6_ROUTE FRAMED_IPV6_ROUTE_TYPE,
            FRAMED_IPV6_POOL FRAMED_IPV6_POOL_TYPE;
        rfc3576:
            ERROR_CAUSE ERROR_CAUSE_TYPE;
        rfc4818:
            DELEGATED_IPV6_PREFIX DELEGATED_IPV6_PREFIX_TYPE;
        rfc6911:
            FRAMED_IPV6_ADDRESS FRAMED_IPV6_ADDRESS_TYPE,
            DNS_SERVER_IPV6_ADDRESS DNS_SERVER_IPV6_ADDRESS_TYPE,
            ROUTE_IPV6_INFORMATION ROUTE_IPV6_INFORMATION_TYPE,
            DELEGATED_IPV6_PREFIX_POOL DELEGATED_IPV6_PREFIX_POOL_TYPE,
            STATEFUL_IPV6_ADDRESS_POOL STATEFUL_IPV6_ADDRESS_POOL_TYPE;
    }
}

#[test]
fn names_and_numbers_are_given_once_and_found_again() {
    assert!(ATTRIBUTES.is_sorted_by(|a, b| a.number < b.number));
    assert!(VENDOR_ATTRIBUTES.is_sorted_by(|a, b| (a.vendor, a.number) < (b.vendor, b.number)));
    for known in ATTRIBUTES {
        assert_eq!(attribute(&known.name.to_lowercase()), Some(known));
    }
    for known in VENDOR_ATTRIBUTES {
        assert_eq!(vendor_attribute(&known.name.to_lowercase()), Some(known));
    }
    assert_eq!(attribute("No-Such-Attribute"), None);
    assert_eq!(attribute_name(241), None);
}
