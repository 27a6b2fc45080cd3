//! The Compose file as types: the part of the specification that odpm writes.

use std::collections::BTreeMap;

use serde::Serialize;

/// A Compose file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compose {
    /// The services by their names.
    pub services: BTreeMap<String, Service>,
    /// The networks by their names.
    pub networks: BTreeMap<String, Network>,
    /// The named volumes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Volume>,
}

/// A network; Compose names and labels it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Network {
    /// `bridge`.
    pub driver: String,
}

/// A named volume that somebody else has made: Compose neither makes nor removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Always so.
    pub external: bool,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The image with its tag.
    pub image: String,
    /// The command and its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Variables; never a secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// `ADDRESS:HOST:CONTAINER`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// `HOST:CONTAINER[:ro]`.
    pub volumes: Vec<String>,
    /// Who has to be healthy before.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<String, Condition>,
    /// How its health is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// `unless-stopped`.
    pub restart: String,
    /// The most memory: `2g`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<String>,
    /// The most processes: a fork that went wild stops there.
    pub pids_limit: u32,
    /// Room in `/dev/shm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    /// How long a stop may take.
    pub stop_grace_period: String,
    /// The signal of a stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Where its output goes.
    pub logging: Logging,
    /// How many of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    /// Its networks.
    pub networks: Vec<String>,
    /// What odpm recognises it by.
    pub labels: BTreeMap<String, String>,
}

/// How many of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deploy {
    /// That many.
    pub replicas: u16,
}

/// `condition` of `depends_on`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// `service_healthy`.
    pub condition: String,
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// `CMD` and its words.
    pub test: Vec<String>,
    /// The pause between two checks.
    pub interval: String,
    /// How long one may take.
    pub timeout: String,
    /// How many may fail in a row.
    pub retries: u16,
    /// How long failures do not count after the start.
    pub start_period: String,
}

/// The driver of a container's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logging {
    /// `json-file`.
    pub driver: String,
    /// Its options: rotation.
    pub options: BTreeMap<String, String>,
}
