use std::fs;

use super::*;

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const AUTH: &str = r#"{"rktKind":"auth","rktVersion":"v1","domains":["example.com:5000","b.org"],"type":"basic","credentials":{"user":"u","password":"p"}}"#;

#[test]
fn later_directories_override_value_by_value() {
    let (system, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(system.path(), "auth.d/x.json", AUTH);
    write(
        system.path(),
        "paths.d/p.json",
        r#"{"rktKind":"paths","rktVersion":"v1","data":"/a","stage1-images":"/b"}"#,
    );
    write(
        system.path(),
        "stage1.d/s.json",
        r#"{"rktKind":"stage1","rktVersion":"v1","name":"coreos.com/rkt/stage1-host","version":"1.30.0","location":"/x.aci"}"#,
    );
    write(
        local.path(),
        "auth.d/y.json",
        r#"{"rktKind":"auth","rktVersion":"v1","domains":["b.org"],"type":"oauth","credentials":{"token":"t"}}"#,
    );
    write(local.path(), "auth.d/skipped.txt", "no JSON");
    write(local.path(), "paths.d/p.json", r#"{"rktKind":"paths","rktVersion":"v1","data":"/c"}"#);
    write(
        local.path(),
        "stage1.d/s.json",
        r#"{"rktKind":"stage1","rktVersion":"v1","location":"https://x.org/s.aci"}"#,
    );
    let config = Config::load(Some(system.path()), Some(local.path()), None).unwrap();
    assert_eq!(config.paths.data.as_deref(), Some(Path::new("/c")));
    assert_eq!(config.paths.stage1_images.as_deref(), Some(Path::new("/b")));
    assert_eq!(config.stage1.version.as_deref(), Some("1.30.0"));
    assert_eq!(config.stage1.location.as_deref(), Some("https://x.org/s.aci"));
    assert_eq!(config.auth.0["b.org"], HostAuth::OAuth { token: "t".into() });
    let shown = config.to_json();
    let objects = shown["stage0"].as_array().unwrap();
    assert_eq!(objects.len(), 4);
    assert_eq!(objects[2]["data"], "/c");
    assert_eq!(objects[3]["name"], "coreos.com/rkt/stage1-host");
}

#[test]
fn nothing_there_is_an_empty_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::load(Some(dir.path()), Some(&dir.path().join("missing")), None).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(
        config.to_json().to_string(),
        r#"{"stage0":[{"rktVersion":"v1","rktKind":"paths","data":"","stage1-images":""},{"rktVersion":"v1","rktKind":"stage1","name":"","version":"","location":""}]}"#
    );
}

/// One file alone, and what its one problem must mention.
#[test]
fn mistakes() {
    for (name, text, what) in [
        ("auth.d/a.json", "{", "not JSON"),
        ("auth.d/a.json", "[]", "one JSON object"),
        ("auth.d/a.json", r#"{"rktKind":"paths","rktVersion":"v1"}"#, r#""auth" or "dockerAuth""#),
        ("paths.d/a.json", r#"{"rktKind":"paths","rktVersion":"v2"}"#, "only \"v1\""),
        ("paths.d/a.json", r#"{"rktKind":"paths","rktVersion":"v1","data":"rel"}"#, "absolute path"),
        ("paths.d/a.json", r#"{"rktKind":"paths","rktVersion":"v1","data":1}"#, "must be a text"),
        ("stage1.d/a.json", r#"{"rktKind":"stage1","rktVersion":"v1","name":"a"}"#, "given together"),
        ("stage1.d/a.json", r#"{"rktKind":"stage1","rktVersion":"v1","name":"a b","version":"1"}"#, "a b"),
        ("stage1.d/a.json", r#"{"rktKind":"stage1","rktVersion":"v1","location":"ftp://x/y"}"#, "ftp://x/y"),
        (
            "auth.d/a.json",
            r#"{"rktKind":"auth","rktVersion":"v1","domains":[],"type":"oauth","credentials":{"token":"t"}}"#,
            "at least one",
        ),
        (
            "auth.d/a.json",
            r#"{"rktKind":"auth","rktVersion":"v1","domains":["a"],"type":"x","credentials":{}}"#,
            "\"basic\", \"oauth\"",
        ),
        (
            "auth.d/a.json",
            r#"{"rktKind":"dockerAuth","rktVersion":"v1","registries":["a"],"credentials":{"user":"u"}}"#,
            "lacks \"password\"",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), name, text);
        let error = Config::load(Some(dir.path()), None, None).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn all_mistakes_are_reported_together() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "auth.d/a.json", AUTH);
    write(dir.path(), "auth.d/b.json", AUTH);
    write(dir.path(), "paths.d", "a file");
    write(dir.path(), "stage1.d/s.json", "nothing");
    let error = Config::load(None, None, Some(dir.path())).unwrap_err();
    assert_eq!(error.problems.len(), 4, "{error}");
    assert!(error.to_string().contains("\"b.org\" is already defined"), "{error}");
}
