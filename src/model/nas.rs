//! Access servers.

use super::{NasId, PoolId, SecretText};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nas {
    pub id: NasId,
    pub name: String,
    /// The address its packets come from, or a prefix.
    pub address: IpNet,
    pub secret: SecretText,
    pub vendor: Vendor,
    /// UDP port for CoA and Disconnect; 0: the NAS takes neither.
    pub coa_port: u16,
    pub pool: Option<PoolId>,
    /// It has sent a valid Message-Authenticator once. With "auto" one is demanded from then on, over restarts too.
    pub sends_message_authenticator: bool,
}

/// Whose attributes a NAS understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vendor {
    #[default]
    Linux,
    Mikrotik,
    Cisco,
    Juniper,
    Huawei,
    Nokia,
    AccelPpp,
    Wispr,
}
