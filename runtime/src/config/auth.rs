//! `auth.d`: who we are towards download hosts and registries.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::Problems;
use super::file::ConfigFile;

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    /// User name.
    pub user: String,
    /// Password; never printed by `Debug`.
    pub password: String,
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How to authenticate at a download host.
#[derive(Clone, PartialEq, Eq)]
pub enum HostAuth {
    /// HTTP basic authentication.
    Basic(BasicCredentials),
    /// A bearer token.
    OAuth {
        /// The token.
        token: String,
    },
    /// Signed requests for S3.
    Aws {
        /// The key's name.
        access_key_id: String,
        /// The key.
        secret_access_key: String,
        /// Empty: guessed from the host.
        region: String,
    },
}

impl fmt::Debug for HostAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostAuth::Basic(_) => "Basic",
            HostAuth::OAuth { .. } => "OAuth",
            HostAuth::Aws { .. } => "Aws",
        })
    }
}

/// Authentication by `host` or `host:port`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Auth(pub BTreeMap<String, HostAuth>);

impl Auth {
    pub(super) fn add(&mut self, file: &ConfigFile, problems: &mut Problems) {
        let before = problems.0.len();
        let domains = file.names("domains", problems);
        let kind = file.text("type", problems);
        let auth = file.credentials(problems).and_then(|credentials| {
            Some(match kind.as_str() {
                "basic" => HostAuth::Basic(BasicCredentials {
                    user: credentials.required("user", problems),
                    password: credentials.required("password", problems),
                }),
                "oauth" => HostAuth::OAuth { token: credentials.required("token", problems) },
                "aws" => HostAuth::Aws {
                    access_key_id: credentials.required("accessKeyID", problems),
                    secret_access_key: credentials.required("secretAccessKey", problems),
                    region: credentials.optional("awsRegion", problems),
                },
                _ => {
                    problems.add(
                        &file.path,
                        format!("\"type\" is \"{kind}\"; it must be \"basic\", \"oauth\" or \"aws\""),
                    );
                    return None;
                }
            })
        });
        if let (Some(auth), true) = (auth, problems.0.len() == before) {
            insert_all(&mut self.0, domains, &auth, "domain", file, problems);
        }
    }
}

/// Authentication by registry host.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DockerAuth(pub BTreeMap<String, BasicCredentials>);

impl DockerAuth {
    pub(super) fn add(&mut self, file: &ConfigFile, problems: &mut Problems) {
        let before = problems.0.len();
        let registries = file.names("registries", problems);
        let Some(credentials) = file.credentials(problems) else { return };
        let login = BasicCredentials {
            user: credentials.required("user", problems),
            password: credentials.required("password", problems),
        };
        if problems.0.len() == before {
            insert_all(&mut self.0, registries, &login, "registry", file, problems);
        }
    }
}

fn insert_all<V: Clone>(
    into: &mut BTreeMap<String, V>,
    names: Vec<String>,
    value: &V,
    what: &str,
    file: &ConfigFile,
    problems: &mut Problems,
) {
    for name in names {
        match into.entry(name) {
            Entry::Occupied(there) => {
                problems.add(
                    &file.path,
                    format!("the {what} \"{}\" is already defined in this directory", there.key()),
                );
            }
            Entry::Vacant(place) => {
                place.insert(value.clone());
            }
        }
    }
}
