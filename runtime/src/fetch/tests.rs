use super::*;

fn kind(text: &str) -> String {
    match Reference::parse(text) {
        Ok(Reference::File(path)) => format!("file {}", path.display()),
        Ok(Reference::Name(name)) => format!("name {} [{}]", name.name, name.labels_text()),
        Ok(Reference::Later { scheme, .. }) => format!("later {scheme}"),
        Err(_) => "error".to_owned(),
    }
}

#[test]
fn the_form_of_a_reference_decides() {
    let here = std::env::current_dir().unwrap();
    let below = |name: &str| format!("file {}", here.join(name).display());
    for (text, want) in [
        ("/abs/path", "file /abs/path".to_owned()),
        ("Cargo.toml", below("Cargo.toml")),
        ("busybox.aci", below("busybox.aci")),
        ("./busybox", below("busybox")),
        ("example.com/app", "name example.com/app []".to_owned()),
        ("example.com/app:1.0", "name example.com/app [version=1.0]".to_owned()),
        ("my-app:v1,os=linux", "name my-app [version=v1,os=linux]".to_owned()),
        ("app,os=linux", "name app [os=linux]".to_owned()),
        ("file:///x/y.aci", "file /x/y.aci".to_owned()),
        ("file:///x/a%20b.aci", "file /x/a b.aci".to_owned()),
        ("file:///x/y", "error".to_owned()),
        ("https://x.org/y.aci?z", "later https".to_owned()),
        ("https://x.org/y", "error".to_owned()),
        ("docker://busybox", "later docker".to_owned()),
        ("docker:busybox", "later docker".to_owned()),
        ("", "error".to_owned()),
        ("No Name", "error".to_owned()),
    ] {
        assert_eq!(kind(text), want, "{text}");
    }
}

#[test]
fn policies() {
    assert_eq!("new".parse::<PullPolicy>().unwrap(), PullPolicy::New);
    assert!("always".parse::<PullPolicy>().unwrap_err().to_string().contains("never, new or update"));
}
