//! `runtime-config`: what a pod was run with, kept for later entry points of the same stage1.

use pod::Uuid;
use pod::protocol::RunArgs;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeConfig<'a> {
    #[serde(rename = "MetadataServiceURL")]
    metadata_service_url: Cow<'a, str>,
    private_users: Cow<'a, str>,
    #[serde(rename = "MDSToken")]
    mds_token: Cow<'a, str>,
    hostname: Cow<'a, str>,
    debug: bool,
    mutable: bool,
    resolv_conf_mode: Cow<'a, str>,
    etc_hosts_mode: Cow<'a, str>,
    /// The original never writes what is in it.
    net_list: Empty,
    interactive: bool,
    insecure_options: InsecureOptions,
    #[serde(rename = "IPCMode")]
    ipc_mode: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct Empty {}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InsecureOptions {
    disable_paths: bool,
    disable_capabilities: bool,
    disable_seccomp: bool,
}

/// The file's content.
pub(crate) fn to_json(args: &RunArgs) -> String {
    let config = RuntimeConfig {
        metadata_service_url: "".into(),
        private_users: args.private_users.as_str().into(),
        mds_token: args.mds_token.as_str().into(),
        hostname: args.hostname.as_str().into(),
        debug: args.debug,
        mutable: args.mutable,
        resolv_conf_mode: args.dns_conf_mode.resolv.as_str().into(),
        etc_hosts_mode: args.dns_conf_mode.hosts.as_str().into(),
        net_list: Empty {},
        interactive: args.interactive,
        insecure_options: InsecureOptions {
            disable_paths: args.disable_paths,
            disable_capabilities: args.disable_capabilities_restriction,
            disable_seccomp: args.disable_seccomp,
        },
        ipc_mode: args.ipc.as_str().into(),
    };
    serde_json::to_string(&config).unwrap_or_default()
}

/// What a pod was run with, as far as it matters to apps that are added later.
pub(crate) fn from_json(text: &[u8], uuid: Uuid) -> Result<RunArgs, serde_json::Error> {
    let config: RuntimeConfig<'_> = serde_json::from_slice(text)?;
    Ok(RunArgs {
        private_users: config.private_users.into_owned(),
        mds_token: config.mds_token.into_owned(),
        hostname: config.hostname.into_owned(),
        debug: config.debug,
        mutable: config.mutable,
        interactive: config.interactive,
        disable_paths: config.insecure_options.disable_paths,
        disable_capabilities_restriction: config.insecure_options.disable_capabilities,
        disable_seccomp: config.insecure_options.disable_seccomp,
        ipc: config.ipc_mode.into_owned(),
        ..RunArgs::new(uuid)
    })
}

#[cfg(test)]
mod tests {
    use super::{from_json, to_json};
    use pod::protocol::RunArgs;

    #[test]
    fn it_reads_as_the_original_wrote_it() {
        let uuid = "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21".parse().expect("uuid");
        let args = RunArgs { debug: true, ..RunArgs::new(uuid) };
        assert_eq!(
            to_json(&args),
            r#"{"MetadataServiceURL":"","PrivateUsers":"","MDSToken":"","Hostname":"","Debug":true,"Mutable":false,"ResolvConfMode":"default","EtcHostsMode":"default","NetList":{},"Interactive":false,"InsecureOptions":{"DisablePaths":false,"DisableCapabilities":false,"DisableSeccomp":false},"IPCMode":""}"#
        );
    }
    #[test]
    fn what_matters_later_is_read_back() {
        let uuid = "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21".parse().expect("uuid");
        let args = RunArgs {
            debug: true,
            mutable: true,
            private_users: "65536:65536".to_owned(),
            mds_token: "token \"x\"".to_owned(),
            disable_seccomp: true,
            ..RunArgs::new(uuid)
        };
        assert_eq!(from_json(to_json(&args).as_bytes(), uuid).expect("config"), args);
        for text in ["", "{}", "[]", "\u{0}"] {
            assert!(from_json(text.as_bytes(), uuid).is_err(), "{text:?}");
        }
    }
}
