//! `runtime-config`: what a pod was run with, kept for later entry points of the same stage1.

use pod::protocol::RunArgs;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeConfig<'a> {
    #[serde(rename = "MetadataServiceURL")]
    metadata_service_url: &'a str,
    private_users: &'a str,
    #[serde(rename = "MDSToken")]
    mds_token: &'a str,
    hostname: &'a str,
    debug: bool,
    mutable: bool,
    resolv_conf_mode: &'a str,
    etc_hosts_mode: &'a str,
    /// The original never writes what is in it.
    net_list: Empty,
    interactive: bool,
    insecure_options: InsecureOptions,
    #[serde(rename = "IPCMode")]
    ipc_mode: &'a str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InsecureOptions {
    disable_paths: bool,
    disable_capabilities: bool,
    disable_seccomp: bool,
}

/// The file's content.
pub(crate) fn to_json(args: &RunArgs) -> String {
    let config = RuntimeConfig {
        metadata_service_url: "",
        private_users: &args.private_users,
        mds_token: &args.mds_token,
        hostname: &args.hostname,
        debug: args.debug,
        mutable: args.mutable,
        resolv_conf_mode: args.dns_conf_mode.resolv.as_str(),
        etc_hosts_mode: args.dns_conf_mode.hosts.as_str(),
        net_list: Empty {},
        interactive: args.interactive,
        insecure_options: InsecureOptions {
            disable_paths: args.disable_paths,
            disable_capabilities: args.disable_capabilities_restriction,
            disable_seccomp: args.disable_seccomp,
        },
        ipc_mode: &args.ipc,
    };
    serde_json::to_string(&config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::to_json;
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
}
