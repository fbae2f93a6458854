//! `rkt config`: what the configuration directories say, as `rkt` understood it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn config(dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rkt"));
    for which in ["system", "local", "user"] {
        command.arg(format!("--{which}-config")).arg(dir.join(which));
    }
    command.arg("config").args(more).output().unwrap()
}

#[test]
fn the_last_directory_wins() {
    let dir = tempfile::tempdir().unwrap();
    let paths = |data: &str| format!(r#"{{"rktKind":"paths","rktVersion":"v1","data":"{data}"}}"#);
    write(dir.path(), "system/paths.d/p.json", &paths("/system"));
    write(dir.path(), "local/paths.d/p.json", &paths("/local"));
    write(dir.path(), "user/paths.d/p.json", &paths("/user"));
    let output = config(dir.path(), &["--pretty-print=false"]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\"stage0\":[{\"rktVersion\":\"v1\",\"rktKind\":\"paths\",\"data\":\"/user\",\"stage1-images\":\"\"},\
         {\"rktVersion\":\"v1\",\"rktKind\":\"stage1\",\"name\":\"\",\"version\":\"\",\"location\":\"\"}]}\n"
    );
    let pretty = config(dir.path(), &[]);
    assert!(String::from_utf8_lossy(&pretty.stdout).starts_with("{\n\t\"stage0\": [\n"));
}

#[test]
fn all_mistakes_are_shown_with_their_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "system/paths.d/relative.json", r#"{"rktKind":"paths","rktVersion":"v1","data":"x"}"#);
    write(dir.path(), "local/auth.d/broken.json", "{");
    write(dir.path(), "user/stage1.d/half.json", r#"{"rktKind":"stage1","rktVersion":"v1","name":"a"}"#);
    let output = config(dir.path(), &[]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(254), "{err}");
    for says in
        ["relative.json", "broken.json", "half.json", "absolute path", "not JSON", "given together", "hint: "]
    {
        assert!(err.contains(says), "`{says}` is missing in {err}");
    }
}
