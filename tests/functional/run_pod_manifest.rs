//! Pods that a pod manifest describes: what it can say, feature by feature, and what it must not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Ended, Image, Run, Sandbox, tests};

tests! {
    host: [
        what_it_can_say,
        volumes_of_the_host,
        apps_share_volumes,
        several_apps,
        it_can_be_prepared,
        an_app_section_is_in_one_of_the_manifests,
        unknown_fields_are_kept,
        wrong_ones_are_refused,
    ],
}

/// Fetches an image into the store and gives its ID.
fn fetch(sandbox: &Sandbox, image: &Path) -> String {
    sandbox.rkt_ok(["fetch".as_ref(), "--full".as_ref(), image.as_os_str()]).trim().to_owned()
}

/// The image that most tests run: busybox with users, an owned file and a link.
fn image(sandbox: &Sandbox) -> String {
    let image = Image::busybox("example.com/image", sandbox)
        .app("exec", json!(["/bin/echo", "from the image"]))
        .file("/etc/passwd", 0o644, "root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n")
        .file("/etc/group", 0o644, "root:x:0:\nusers:x:100:\n")
        .directory("/places/real", 0o755)
        .link("/places/link", "/places/real")
        .make(sandbox);
    fetch(sandbox, &image)
}

/// Values put into others, field by field.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// A pod of apps; what they do not say is this: the name `app`, done by root.
fn pod_of(id: &str, apps: &[Value], more: &Value) -> Value {
    let apps = apps.iter().map(|app| {
        let mut whole = json!({"name": "app", "image": {"id": id}, "app": {"user": "0", "group": "0"}});
        merge(&mut whole, app);
        whole
    });
    let mut pod = json!({"acVersion": "0.8.11", "acKind": "PodManifest", "apps": apps.collect::<Vec<_>>()});
    merge(&mut pod, more);
    pod
}

/// `rkt run` of a pod manifest.
fn run<'a>(sandbox: &'a Sandbox, pod: &Value) -> Run<'a> {
    let file = sandbox.at("pod.json");
    fs::write(&file, pod.to_string()).unwrap();
    sandbox.run().options([format!("--pod-manifest={}", file.display())])
}

/// An app that does a line of shell.
fn shell(line: &str) -> Value {
    json!({"app": {"exec": ["/bin/sh", "-c", line]}})
}

/// The same with more fields.
fn shell_with(line: &str, more: &Value) -> Value {
    let mut app = shell(line);
    merge(&mut app, more);
    app
}

fn capabilities(kind: &str, names: &[&str]) -> Value {
    json!({"name": format!("os/linux/capabilities-{kind}-set"), "value": {"set": names}})
}

/// One feature: its name, the app, more of the pod, exit code and lines.
type Feature = (&'static str, Value, Value, i32, &'static [&'static str]);

fn features() -> Vec<Feature> {
    let none = || json!({});
    let empty = |more: &Value| {
        let mut volume = json!({"name": "v", "kind": "empty"});
        merge(&mut volume, more);
        json!({"volumes": [volume]})
    };
    let at = |path: &str| json!({"mounts": [{"volume": "v", "path": path}]});
    let show = "stat -c '%a %u %g' /data; touch /data/file 2>/dev/null && echo written";
    vec![
        ("exec", json!({"app": {"exec": ["/bin/echo", "$HOME", "a b"]}}), none(), 0, &["$HOME a b"]),
        ("exit code", shell("exit 9"), none(), 9, &[]),
        (
            "user",
            shell_with("id -u; id -g", &json!({"app": {"user": "7", "group": "8"}})),
            none(),
            0,
            &["7", "8"],
        ),
        (
            "names of users",
            shell_with("id -u; id -g", &json!({"app": {"user": "alice", "group": "users"}})),
            none(),
            0,
            &["1000", "100"],
        ),
        (
            "groups",
            shell_with("id -G", &json!({"app": {"supplementaryGIDs": [5, 6]}})),
            none(),
            0,
            &["0 5 6"],
        ),
        (
            "working directory",
            shell_with("pwd", &json!({"app": {"workingDirectory": "/tmp"}})),
            none(),
            0,
            &["/tmp"],
        ),
        (
            "environment",
            shell_with(
                "echo \"$A|$AC_APP_NAME\"",
                &json!({"app": {"environment": [{"name": "A", "value": "b  $c"}]}}),
            ),
            none(),
            0,
            &["b  $c|app"],
        ),
        (
            "read-only root",
            shell_with("touch /file 2>/dev/null || echo no", &json!({"readOnlyRootFS": true})),
            none(),
            0,
            &["no"],
        ),
        ("empty volume", shell_with(show, &at("/data")), empty(&none()), 0, &["755 0 0", "written"]),
        (
            "owned volume",
            shell_with(show, &at("/data")),
            empty(&json!({"mode": "0750", "uid": 7, "gid": 8})),
            0,
            &["750 7 8", "written"],
        ),
        (
            "read-only volume",
            shell_with(show, &at("/data")),
            empty(&json!({"readOnly": true})),
            1,
            &["755 0 0"],
        ),
        (
            "volume through a link",
            shell_with("touch /places/link/file && ls /places/real", &at("/places/link")),
            empty(&none()),
            0,
            &["file"],
        ),
        (
            "volume of an app",
            shell_with(
                show,
                &json!({"mounts": [{"volume": "w", "path": "/data", "appVolume": {"name": "w", "kind": "empty", "mode": "0700"}}]}),
            ),
            none(),
            0,
            &["700 0 0", "written"],
        ),
        (
            "mount point",
            shell_with(show, &json!({"app": {"mountPoints": [{"name": "v", "path": "/data"}]}})),
            empty(&json!({"mode": "0711"})),
            0,
            &["711 0 0", "written"],
        ),
        (
            "read-only mount point",
            shell_with(
                show,
                &json!({"app": {"mountPoints": [{"name": "v", "path": "/data", "readOnly": true}]}}),
            ),
            empty(&none()),
            1,
            &["755 0 0"],
        ),
        (
            "capabilities",
            shell_with(
                "sed -n 's/^CapBnd:.//p' /proc/self/status",
                &json!({"app": {"isolators": [capabilities("retain", &["CAP_CHOWN", "CAP_SETUID"])]}}),
            ),
            none(),
            0,
            &["0000000000000081"],
        ),
        (
            "filter of system calls",
            shell_with(
                "mkdir /tmp/d 2>&1",
                &json!({"app": {"isolators": [{"name": "os/linux/seccomp-remove-set", "value": {"set": ["mkdir", "mkdirat"], "errno": "EPERM"}}]}}),
            ),
            none(),
            1,
            &["mkdir: can't create directory '/tmp/d': Operation not permitted"],
        ),
        (
            "score for the end of memory",
            shell_with(
                "cat /proc/self/oom_score_adj",
                &json!({"app": {"isolators": [{"name": "os/linux/oom-score-adj", "value": 123}]}}),
            ),
            none(),
            0,
            &["123"],
        ),
        (
            "programs before and after",
            shell_with(
                "cat /tmp/file",
                &json!({"app": {"eventHandlers": [
                    {"name": "pre-start", "exec": ["/bin/sh", "-c", "echo before >/tmp/file"]},
                    {"name": "post-stop", "exec": ["/bin/echo", "after"]},
                ]}}),
            ),
            none(),
            0,
            &["before", "after"],
        ),
        (
            "name of the image",
            shell_with(
                "echo runs",
                &json!({"image": {"name": "example.com/another", "labels": [{"name": "version", "value": "9"}]}}),
            ),
            none(),
            0,
            &["runs"],
        ),
    ]
}

fn what_it_can_say(sandbox: &Sandbox) {
    let id = image(sandbox);
    for (what, app, more, code, lines) in features() {
        eprintln!("{what}");
        let ended: Ended = run(sandbox, &pod_of(&id, &[app], &more)).end().code(code);
        assert_eq!(ended.lines_of("app"), lines, "{what}: {}", ended.err);
    }
}

fn volumes_of_the_host(sandbox: &Sandbox) {
    let id = image(sandbox);
    let source = sandbox.at("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "from the host\n").unwrap();
    let line = "cat /data/file; echo from the app 2>/dev/null >/data/new && echo written; true";
    for (read_only, expected) in
        [(json!(false), &["from the host", "written"][..]), (json!(true), &["from the host"])]
    {
        let volume = json!({"name": "v", "kind": "host", "source": source, "readOnly": read_only});
        let app = shell_with(line, &json!({"mounts": [{"volume": "v", "path": "/data"}]}));
        let ended = run(sandbox, &pod_of(&id, &[app], &json!({"volumes": [volume]}))).end().ok();
        assert_eq!(ended.lines_of("app"), expected);
        let _ = fs::remove_file(source.join("new"));
    }
}

fn apps_share_volumes(sandbox: &Sandbox) {
    let id = image(sandbox);
    let mounts = |path: &str| json!({"mounts": [{"volume": "v", "path": path}]});
    let mut writes =
        shell_with("sleep 0.1; echo hello >/here/new && mv /here/new /here/file", &mounts("/here"));
    writes["name"] = json!("writes");
    let mut reads =
        shell_with("while ! [ -e /there/file ]; do sleep 0.01; done; cat /there/file", &mounts("/there"));
    reads["name"] = json!("reads");
    let volumes = json!({"volumes": [{"name": "v", "kind": "empty"}]});
    let ended = run(sandbox, &pod_of(&id, &[writes, reads], &volumes)).end().ok();
    assert_eq!(ended.lines_of("reads"), ["hello"]);
}

fn several_apps(sandbox: &Sandbox) {
    let (id, other) = (image(sandbox), fetch(sandbox, sandbox.app()));
    let mut first = shell("echo $AC_APP_NAME; cat /etc/passwd | wc -l");
    first["name"] = json!("first");
    let second = shell_with(
        "echo $AC_APP_NAME; cat /etc/passwd | wc -l",
        &json!({"name": "second", "image": {"id": other}}),
    );
    let ended = run(sandbox, &pod_of(&id, &[first, second], &json!({}))).end().ok();
    assert_eq!(
        (ended.lines_of("first"), ended.lines_of("second")),
        (vec!["first".into(), "2".into()], vec!["second".into(), "3".into()])
    );
}

fn it_can_be_prepared(sandbox: &Sandbox) {
    let file = sandbox.at("pod.json");
    fs::write(&file, pod_of(&image(sandbox), &[shell("echo prepared")], &json!({})).to_string()).unwrap();
    let prepared = sandbox.prepare().options([format!("--pod-manifest={}", file.display())]).end().ok();
    let ended = sandbox.ended(["run-prepared", "--net=host", prepared.out.trim()]).ok();
    assert_eq!(ended.lines_of("app"), ["prepared"]);
}

fn an_app_section_is_in_one_of_the_manifests(sandbox: &Sandbox) {
    let id = image(sandbox);
    // Without one in the pod it is the image's.
    let pod = json!({"acVersion": "0.8.11", "acKind": "PodManifest", "apps": [{"name": "app", "image": {"id": id}}]});
    assert_eq!(run(sandbox, &pod).end().ok().lines_of("app"), ["from the image"]);
    let bare = Image::busybox("example.com/bare", sandbox).set("", "app", Value::Null).make(sandbox);
    let bare = fetch(sandbox, &bare);
    let pod = json!({"acVersion": "0.8.11", "acKind": "PodManifest", "apps": [{"name": "app", "image": {"id": bare}}]});
    run(sandbox, &pod)
        .end()
        .fails("no app section in the pod manifest or in the manifest of image \"example.com/bare\"");
    let ended = run(sandbox, &pod_of(&bare, &[shell("echo runs")], &json!({}))).end().ok();
    assert_eq!(ended.lines_of("app"), ["runs"]);
}

fn unknown_fields_are_kept(sandbox: &Sandbox) {
    let more = json!({
        "x": {"y": [1, 2]},
        "annotations": [{"name": "example.com/note", "value": "kept"}],
        "userLabels": {"tier": "web"},
    });
    let pod = pod_of(&image(sandbox), &[shell_with("true", &json!({"z": "of the app"}))], &more);
    let file = sandbox.at("uuid-of-the-pod");
    run(sandbox, &pod).options([format!("--uuid-file-save={}", file.display())]).end().ok();
    let kept = sandbox.rkt_ok(["cat-manifest", &fs::read_to_string(file).unwrap()]);
    let kept: Value = serde_json::from_str(&kept).unwrap();
    for path in ["/x", "/userLabels", "/apps/0/z", "/annotations/0"] {
        assert_eq!(kept.pointer(path), pod.pointer(path), "{path}");
    }
}

fn wrong_ones_are_refused(sandbox: &Sandbox) {
    let id = image(sandbox);
    let good = pod_of(&id, &[shell("true")], &json!({}));
    let with = |path: &str, field: &str, value: Value| {
        let mut pod = good.clone();
        pod.pointer_mut(path).unwrap()[field] = value;
        pod
    };
    let unknown = format!("sha512-{}", "0".repeat(64));
    let rows = [
        (with("", "apps", json!([])), "pod must contain at least one application"),
        (with("", "acKind", json!("ImageManifest")), "acKind"),
        (with("", "apps", json!([good["apps"][0], good["apps"][0]])), "`app` is given twice"),
        (with("/apps/0", "name", json!("App")), "apps[0].name"),
        (with("/apps/0", "name", json!("a".repeat(512))), "is too long: 512 characters"),
        (with("/apps/0/image", "id", json!(unknown)), &unknown),
        (with("/apps/0/image", "id", json!("sha512-12")), "apps[0].image.id"),
        (with("/apps/0/app", "exec", json!("/bin/sh")), "apps[0].app.exec"),
        (with("/apps/0/app", "exec", json!([])), "app \"app\" has no executable"),
        (with("/apps/0/app", "user", json!("nobody-knows")), "user \"nobody-knows\" is not in /etc/passwd"),
        (with("/apps/0/app", "workingDirectory", json!("tmp")), "workingDirectory"),
        (with("/apps/0", "mounts", json!([{"volume": "none", "path": "/data"}])), "\"none\""),
        (with("", "volumes", json!([{"name": "v", "kind": "odd"}])), "volumes[0]"),
        (with("", "volumes", json!([{"name": "v", "kind": "host"}])), "volumes[0]"),
        (with("", "volumes", json!([{"name": "v", "kind": "empty"}, {"name": "v", "kind": "empty"}])), "`v`"),
    ];
    for (pod, said) in rows {
        eprintln!("{said}");
        run(sandbox, &pod).end().fails(said);
    }
    let file = sandbox.at("pod.json");
    fs::write(&file, "{\"acVersion\": ").unwrap();
    let option = format!("--pod-manifest={}", file.display());
    sandbox.run().options([&option]).end().fails("pod.json");
    sandbox.run().options(["--pod-manifest=/not/there"]).end().fails("/not/there");
}
