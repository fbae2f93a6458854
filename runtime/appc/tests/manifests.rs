//! Manifests as the original writes them, read and written again.

use appc::{AcName, ImageManifest, PodManifest};

/// The copy of fly's manifest that the original keeps in a pod.
const FLY: &str = concat!(
    r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"coreos.com/rkt/stage1-fly","labels":["#,
    r#"{"name":"version","value":"1.30.0+git-dirty"},{"name":"arch","value":"amd64"},{"name":"os","value":"linux"}],"#,
    r#""annotations":[{"name":"coreos.com/rkt/stage1/run","value":"/run"},"#,
    r#"{"name":"coreos.com/rkt/stage1/enter","value":"/enter"},{"name":"coreos.com/rkt/stage1/gc","value":"/gc"},"#,
    r#"{"name":"coreos.com/rkt/stage1/stop","value":"/stop"},"#,
    r#"{"name":"coreos.com/rkt/stage1/interface-version","value":"5"}]}"#
);

/// A pod manifest of the original.
const POD: &str = concat!(
    r#"{"acVersion":"1.30.0+git-dirty","acKind":"PodManifest","apps":[{"name":"bb","image":{"#,
    r#""name":"example.com/busybox","#,
    r#""id":"sha512-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","#,
    r#""labels":[{"name":"version","value":"1.0.0"}]},"app":{"exec":["/bin/echo","hello"],"user":"0","group":"0"},"#,
    r#""readOnlyRootFS":true,"mounts":[{"volume":"v1","path":"/data"}],"#,
    r#""annotations":[{"name":"coreos.com/rkt/stage2/stdin","value":"null"}]}],"volumes":null,"isolators":null,"#,
    r#""annotations":[{"name":"coreos.com/rkt/stage1/mutable","value":"false"}],"ports":[]}"#
);

#[test]
fn documents_of_the_original_survive_byte_for_byte() {
    let image = ImageManifest::parse(FLY.as_bytes()).unwrap();
    assert_eq!(image.to_json(), FLY);
    assert_eq!(image.label("arch"), Some("amd64"));
    assert_eq!(image.annotation("coreos.com/rkt/stage1/run"), Some("/run"));
    assert_eq!(image.annotation("coreos.com/rkt/stage1/attach"), None);
    assert_eq!(PodManifest::parse(POD.as_bytes()).unwrap().to_json(), POD);
    let again: ImageManifest = serde_json::from_str(FLY).unwrap();
    assert_eq!(again, image);
}

#[test]
fn unknown_fields_survive_at_every_level_in_their_order() {
    let text = concat!(
        r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","labels":[{"name":"l","value":"v","z":1,"a":2}],"#,
        r#""app":{"exec":null,"user":"0","group":"0","environment":[{"name":"A","value":"","x":null}],"#,
        r#""isolators":[{"name":"example.com/b","value":{"z":1,"a":[]},"more":true}],"other":{"z":{},"a":[1.5]}},"#,
        r#""dependencies":[{"imageName":"b","size":7,"q":"q"}],"zz":1,"aa":"<&>"}"#
    );
    assert_eq!(ImageManifest::parse(text.as_bytes()).unwrap().to_json(), text);
}

#[test]
fn null_counts_as_missing() {
    let text = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a","labels":null,"app":null}"#;
    let manifest = ImageManifest::parse(text.as_bytes()).unwrap();
    assert_eq!(manifest.to_json(), r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a"}"#);
}

#[test]
fn errors_name_the_field() {
    let image =
        |inner: &str| format!(r#"{{"acKind":"ImageManifest","acVersion":"0.8.11","name":"a"{inner}}}"#);
    let app = |inner: &str| image(&format!(r#","app":{{"exec":["a"],"user":"0","group":"0"{inner}}}"#));
    let cases: &[(String, &str)] = &[
        ("{".into(), ""),
        ("[]".into(), ""),
        ("{}".into(), "acKind"),
        (r#"{"acKind":"PodManifest"}"#.into(), "acKind"),
        (r#"{"acKind":"ImageManifest","acVersion":"1.0","name":"a"}"#.into(), "acVersion"),
        (r#"{"acKind":"ImageManifest","acVersion":"1.0.0","name":"A"}"#.into(), "name"),
        (image(r#","labels":{}"#), "labels"),
        (image(r#","labels":[{"name":"-"}]"#), "labels[0].name"),
        (image(r#","labels":[{"name":"a","value":1}]"#), "labels[0].value"),
        (image(r#","labels":[{"name":"name","value":"x"}]"#), "labels"),
        (image(r#","labels":[{"name":"a","value":"x"},{"name":"a","value":"y"}]"#), "labels"),
        (image(r#","labels":[{"name":"os","value":"plan9"}]"#), "labels"),
        (image(r#","labels":[{"name":"os","value":"linux"},{"name":"arch","value":"x86_64"}]"#), "labels"),
        (image(r#","annotations":[{"name":"created","value":"yesterday"}]"#), "annotations"),
        (image(r#","annotations":[{"name":"homepage","value":"ftp://x"}]"#), "annotations"),
        (image(r#","app":{"exec":["a"],"user":"0"}"#), "app.group"),
        (image(r#","app":{"exec":["a"],"user":"","group":"0"}"#), "app.user"),
        (app(r#","exec":["a",1]"#), "app.exec[1]"),
        (app(r#","workingDirectory":"a""#), "app.workingDirectory"),
        (app(r#","environment":[{"name":"1A","value":""}]"#), "app.environment[0].name"),
        (app(r#","environment":[{"name":"A"},{"name":"A"}]"#), "app.environment"),
        (app(r#","eventHandlers":[{"name":"later","exec":[]}]"#), "app.eventHandlers[0].name"),
        (app(r#","ports":[{"name":"w","protocol":"tcp","port":0}]"#), "app.ports[0].port"),
        (
            app(r#","isolators":[{"name":"resource/cpu","value":{"limit":"x"}}]"#),
            "app.isolators[0].value.limit",
        ),
        (
            app(concat!(
                r#","isolators":[{"name":"os/linux/capabilities-retain-set","value":{"set":["A"]}},"#,
                r#"{"name":"os/linux/capabilities-remove-set","value":{"set":["A"]}}]"#
            )),
            "app.isolators",
        ),
        (image(r#","dependencies":[{"imageName":"b","imageID":"sha512-0"}]"#), "dependencies[0].imageID"),
    ];
    for (text, field) in cases {
        let error = ImageManifest::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.field, *field, "{text}: {error}");
    }
    let error = PodManifest::parse(POD.replace("\"bb\"", "\"Bb\"").as_bytes()).unwrap_err();
    assert_eq!(error.field, "apps[0].name");
    let app = POD[POD.find(r#"{"name":"bb""#).unwrap()..POD.find(r#"],"volumes""#).unwrap()].to_owned();
    let twice = POD.replace(&app, &format!("{app},{app}"));
    assert_eq!(PodManifest::parse(twice.as_bytes()).unwrap_err().field, "apps[1].name");
}

#[test]
fn names_with_runs_of_dashes_are_read() {
    let text = POD.replace("\"bb\"", "\"b--b\"");
    let pod = PodManifest::parse(text.as_bytes()).unwrap();
    assert_eq!(pod.apps[0].name, AcName::new("b--b").unwrap());
}
