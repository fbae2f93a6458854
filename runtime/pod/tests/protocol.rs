//! Arguments of the entry points: what stage0 writes is what stage1 reads, in every version.

use rkt_pod::protocol::{
    AppAddArgs, AppArgs, AttachAction, AttachArgs, DecodeError, DnsConfMode, Enter, EnterArgs, GcArgs,
    HostsMode, INTERFACE_VERSION, NetList, ResolvMode, RunArgs, StopArgs, Streams,
};
use std::ffi::OsString;
use std::path::PathBuf;

const UUID: &str = "15a5571f-2a87-4c4f-9c5d-0a6b1f3e7d21";

fn everything() -> RunArgs {
    RunArgs {
        debug: true,
        net: NetList::parse("default,b:IP=10.0.0.1;X=y").expect("networks"),
        interactive: true,
        private_users: "65536:65536".to_owned(),
        mds_token: "00ff".to_owned(),
        local_config: Some(PathBuf::from("/etc/rkt with space")),
        hostname: "host".to_owned(),
        dns_conf_mode: DnsConfMode { resolv: ResolvMode::Stage0, hosts: HostsMode::Host },
        disable_capabilities_restriction: true,
        disable_paths: true,
        disable_seccomp: true,
        mutable: true,
        ipc: "parent".to_owned(),
        ..RunArgs::new(UUID.parse().expect("uuid"))
    }
}

fn words(args: &[OsString]) -> Vec<&str> {
    args.iter().map(|word| word.to_str().expect("text")).collect()
}

#[test]
fn the_order_is_the_originals() {
    let (args, omissions) = everything().encode(INTERFACE_VERSION);
    assert_eq!(
        words(&args),
        [
            "--debug",
            "--net=default,b:IP=10.0.0.1;X=y",
            "--interactive",
            "--private-users=65536:65536",
            "--mds-token=00ff",
            "--local-config=/etc/rkt with space",
            "--hostname=host",
            "--dns-conf-mode=resolv=stage0,hosts=host",
            "--disable-capabilities-restriction",
            "--disable-paths",
            "--disable-seccomp",
            "--mutable",
            "--ipc=parent",
            UUID,
        ]
    );
    assert!(omissions.is_empty());
    let bare = RunArgs { net: NetList::host(), ..RunArgs::new(UUID.parse().expect("uuid")) };
    assert_eq!(words(&bare.encode(1).0), ["--net=host", UUID]);
}

#[test]
fn each_version_gets_what_it_knows() {
    for version in 1..=INTERFACE_VERSION {
        let full = everything();
        let (args, omissions) = full.encode(version);
        let mut expected = full;
        let mut missing = Vec::new();
        if version < 2 {
            expected.hostname.clear();
            missing.push("hostname");
        }
        if version < 3 {
            expected.disable_capabilities_restriction = false;
            expected.disable_paths = false;
            expected.disable_seccomp = false;
        }
        if version < 4 {
            expected.dns_conf_mode = DnsConfMode::default();
            missing.push("dns-conf-mode");
        }
        if version < 6 {
            expected.ipc.clear();
            missing.push("ipc");
        }
        assert_eq!(omissions.iter().map(|omission| omission.flag).collect::<Vec<_>>(), missing, "{version}");
        assert_eq!(RunArgs::decode("run", args, &[]), Ok(expected), "{version}");
    }
}

#[test]
fn any_order_and_spelling_is_read() {
    let args =
        ["-ipc", "parent", "-debug=true", "--net", "default", "-net=b", "-dns-conf-mode=hosts=host", UUID];
    let read = RunArgs::decode("run", args.map(OsString::from), &[]).expect("arguments");
    assert_eq!((read.ipc.as_str(), read.debug, read.net.to_string().as_str()), ("parent", true, "default,b"));
    assert_eq!(read.dns_conf_mode, DnsConfMode { resolv: ResolvMode::Default, hosts: HostsMode::Host });
    for wrong in [
        "--dns-conf-mode=resolv=x",
        "--dns-conf-mode=hosts=none",
        "--dns-conf-mode=x",
        "--net=a,a",
        "--ipc=x",
    ] {
        let without: &[&str] = if wrong.starts_with("--ipc") { &["ipc"] } else { &[] };
        let error = RunArgs::decode("run", [wrong.into(), UUID.into()], without).expect_err(wrong);
        assert!(matches!(error, DecodeError::Usage(usage) if usage.code == 2), "{wrong}");
    }
    for wrong in [&[][..], &["x"], &[UUID, UUID], &[UUID, "--debug"]] {
        let error = RunArgs::decode("run", wrong.iter().map(OsString::from), &[]).expect_err("uuid");
        assert!(matches!(error, DecodeError::Uuid(_)));
    }
}

#[test]
fn the_other_entry_points() {
    let enter = EnterArgs {
        debug: false,
        pid: 42,
        app: "web".to_owned(),
        command: ["/bin/sh", "-c", "--pid=1"].map(OsString::from).to_vec(),
    };
    assert_eq!(words(&enter.encode()), ["--pid=42", "--appname=web", "--", "/bin/sh", "-c", "--pid=1"]);
    assert_eq!(EnterArgs::decode("enter", enter.encode()), Ok(enter.clone()));

    let stage1 = EnterArgs { app: String::new(), ..enter };
    assert_eq!(words(&stage1.encode()), ["--pid=42", "--", "/bin/sh", "-c", "--pid=1"]);
    assert_eq!(EnterArgs::decode("enter", stage1.encode()), Ok(stage1));

    let gc = GcArgs { debug: true, local_config: Some("/etc/rkt".into()), uuid: UUID.parse().expect("uuid") };
    assert_eq!(words(&gc.encode(4)), ["--debug", UUID]);
    assert_eq!(words(&gc.encode(5)), ["--debug", "--local-config", "/etc/rkt", UUID]);
    assert_eq!(GcArgs::decode("gc", gc.encode(5)), Ok(gc));

    let stop = StopArgs { debug: false, force: true, uuid: UUID.parse().expect("uuid") };
    assert_eq!(words(&stop.encode()), ["--force", UUID]);
    assert_eq!(StopArgs::decode("stop", stop.encode()), Ok(stop));
}

#[test]
fn apps_of_running_pods() {
    let add = AppAddArgs { debug: false, uuid: UUID.parse().expect("uuid"), app: "web".to_owned() };
    assert_eq!(words(&add.encode()), ["--debug=false", &format!("--uuid={UUID}"), "--app=web"]);
    assert_eq!(AppAddArgs::decode("app_add", add.encode()), Ok(add));
    let start = AppArgs { debug: true, app: "web".to_owned() };
    assert_eq!(words(&start.encode()), ["--debug=true", "--app=web"]);
    assert_eq!(AppArgs::decode("app_start", start.encode()), Ok(start));
    for wrong in [&[][..], &["--app="], &["--app=web", "--uuid=1"], &["--app=web"]] {
        let error = AppAddArgs::decode("app_add", wrong.iter().map(OsString::from)).expect_err("wrong");
        assert_eq!(error.code, 2, "{wrong:?}");
    }
    for wrong in [&[][..], &["--app="], &["--app=web", "--uuid=1"]] {
        let error = AppArgs::decode("app_stop", wrong.iter().map(OsString::from)).expect_err("wrong");
        assert_eq!(error.code, 2, "{wrong:?}");
    }
}

#[test]
fn attaching() {
    let some = Streams { stdin: true, stderr: true, ..Streams::default() };
    for (action, expected) in [
        (AttachAction::List, "--action=list"),
        (AttachAction::Auto, "--action=auto-attach"),
        (
            AttachAction::Custom(some),
            "--action=custom-attach --tty-in=false --tty-out=false --stdin=true --stdout=false --stderr=true",
        ),
    ] {
        let args = AttachArgs { action, app: "web".to_owned(), debug: false };
        assert_eq!(words(&args.encode()).join(" "), format!("{expected} --app=web --debug=false"));
        assert_eq!(AttachArgs::decode("attach", args.encode()), Ok(args));
    }
    for wrong in
        [&[][..], &["--action=list"], &["--action=watch", "--app=web"], &["--action=list", "--tty=1"]]
    {
        let error = AttachArgs::decode("attach", wrong.iter().map(OsString::from)).expect_err("wrong");
        assert_eq!(error.code, 2, "{wrong:?}");
    }
}

#[test]
fn entering_from_crossing_entry_points() {
    let enter = Enter { command: "/pod/enter".into(), pid: 7, app: String::new() };
    assert_eq!(
        words(&enter.words(["systemctl", "start"])).join(" "),
        "/pod/enter --pid=7 -- systemctl start"
    );
    let in_app = Enter { app: "web".to_owned(), ..enter.clone() };
    assert_eq!(words(&in_app.words(["sh"])).join(" "), "/pod/enter --pid=7 --appname=web -- sh");
    for enter in [enter, in_app] {
        let variables = enter.encode();
        let get = |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(Enter::decode(get), Ok(enter));
    }
    for (command, pid, missing) in [
        (None, Some("7"), "RKT_STAGE1_ENTERCMD"),
        (Some("/enter"), None, "RKT_STAGE1_ENTERPID"),
        (Some("/enter"), Some("0"), "RKT_STAGE1_ENTERPID"),
        (Some("/enter"), Some("-1"), "RKT_STAGE1_ENTERPID"),
        (Some(""), Some("7"), "RKT_STAGE1_ENTERCMD"),
    ] {
        let get = |name| match name {
            "RKT_STAGE1_ENTERCMD" => command.map(OsString::from),
            "RKT_STAGE1_ENTERPID" => pid.map(OsString::from),
            _ => None,
        };
        assert_eq!(Enter::decode(get).expect_err("wrong").name, missing);
    }
}
