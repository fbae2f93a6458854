//! `--volume`, `--mount` and `--mnt-volume` as they are typed.

use appc::{AcName, Mount, Volume, VolumeKind};

use crate::error::{Context as _, Failure};

/// One `--volume`: `NAME,kind=host|empty[,source=PATH][,readOnly=B][,recursive=B][,mode=M][,uid=N][,gid=N]`. Values are
/// taken as they are, so a path with a comma cannot be given.
pub fn parse_volume(text: &str) -> Result<Volume, Failure> {
    let invalid = |why: String| {
        Failure::new(format!("invalid argument \"{text}\" for --volume: {why}")).hint(
            "write NAME,kind=host,source=PATH[,readOnly=true][,recursive=true] or NAME,kind=empty[,mode=MODE][,uid=N][,gid=N]",
        )
    };
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let pairs = parts.map(|part| {
        part.split_once('=').ok_or_else(|| {
            invalid(format!("malformed string \"{text}\" - has a label without a value: {part}"))
        })
    });
    let pairs = once_each(pairs, &invalid)?;
    volume(name, pairs.iter().map(|(key, value)| (*key, *value))).map_err(&invalid)
}

/// One `--mnt-volume`: a volume of one app and where it appears, `name=NAME,kind=host|empty,target=PATH[,…]`. Values are
/// decoded as those of `--mount` are.
pub fn parse_mnt_volume(text: &str) -> Result<Mount, Failure> {
    let invalid = |why: String| {
        Failure::new(format!("invalid argument \"{text}\" for --mnt-volume: {why}")).hint(
            "write name=NAME,kind=host,source=PATH,target=PATH[,readOnly=true][,recursive=true] or \
             name=NAME,kind=empty,target=PATH[,mode=MODE][,uid=N][,gid=N]",
        )
    };
    let pairs = text.split(',').map(|part| part.split_once('=').unwrap_or((part, "")));
    let (mut name, mut target, mut rest) = (None, None, Vec::new());
    for (key, value) in once_each(pairs.map(Ok), &invalid)? {
        let value = query_decode(value).map_err(&invalid)?;
        match key {
            "name" => name = Some(value),
            "target" => target = Some(value),
            _ => rest.push((key, value)),
        }
    }
    let name = name.ok_or_else(|| invalid("name is missing".to_owned()))?;
    let target = absolute_target(target).map_err(&invalid)?;
    let rest = rest.iter().map(|(key, value)| (*key, value.as_str()));
    let volume = volume(&name, rest).map_err(&invalid)?;
    let mut mount = Mount::new(volume.name.clone(), target);
    mount.app_volume = Some(volume);
    Ok(mount)
}

/// A volume from its name and its labels.
fn volume<'text>(
    name: &str,
    labels: impl Iterator<Item = (&'text str, &'text str)>,
) -> Result<Volume, String> {
    let mut volume = Volume::empty(AcName::new(name).map_err(|error| error.to_string())?);
    volume.mode = None;
    let (mut kind, mut uid, mut gid) = (None, None, None);
    for (key, value) in labels {
        match key {
            "kind" => kind = Some(value),
            "source" => volume.source = Some(value.to_owned()).filter(|source| !source.is_empty()),
            "readOnly" => volume.read_only = Some(grammar::go_bool(value)?),
            "recursive" => volume.recursive = Some(grammar::go_bool(value)?),
            "mode" => volume.mode = Some(value.to_owned()),
            "uid" => uid = Some(number(value)?),
            "gid" => gid = Some(number(value)?),
            _ => return Err(format!("unknown volume parameter \"{key}\"")),
        }
    }
    match kind {
        Some("host") => {
            volume.kind = VolumeKind::Host;
            (volume.uid, volume.gid) = (uid, gid);
            match volume.source.as_deref() {
                None => return Err("source for host volume cannot be empty".to_owned()),
                Some(source) if !source.starts_with('/') => {
                    return Err("source for host volume must be absolute path".to_owned());
                }
                Some(_) => {}
            }
            let given = [("mode", volume.mode.is_some()), ("uid", uid.is_some()), ("gid", gid.is_some())];
            if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
                return Err(format!("{key} for host volume cannot be set"));
            }
        }
        Some("empty") => {
            if volume.source.is_some() {
                return Err("source for empty volume must be empty".to_owned());
            }
            let (mode, owner, group) = Volume::EMPTY_DEFAULTS;
            volume.mode.get_or_insert_with(|| mode.to_owned());
            (volume.uid, volume.gid) = (uid.or(Some(owner)), gid.or(Some(group)));
        }
        _ => return Err("unrecognized volume kind: should be one of \"empty\", \"host\"".to_owned()),
    }
    volume.check().map_err(|error| error.to_string())?;
    Ok(volume)
}

/// One `--mount`: `volume=NAME,target=PATH`. As in the original the values are decoded the way a query of a URL is: `+`
/// is a blank, `%2C` a comma.
pub fn parse_mount(text: &str) -> Result<Mount, Failure> {
    let invalid = |why: String| {
        Failure::new(format!("invalid argument \"{text}\" for --mount: {why}"))
            .hint("write volume=NAME,target=PATH")
    };
    let pairs = text.split(',').map(|part| part.split_once('=').unwrap_or((part, "")));
    let (mut volume, mut target) = (None, None);
    for (key, value) in once_each(pairs.map(Ok), &invalid)? {
        let value = query_decode(value).map_err(&invalid)?;
        match key {
            "volume" => volume = Some(AcName::new(value).map_err(|error| invalid(error.to_string()))?),
            "target" => target = Some(value),
            _ => return Err(invalid(format!("unknown mount parameter \"{key}\""))),
        }
    }
    let volume = volume.ok_or_else(|| invalid("volume is missing".to_owned()))?;
    Ok(Mount::new(volume, absolute_target(target).map_err(&invalid)?))
}

fn absolute_target(target: Option<String>) -> Result<String, String> {
    match target {
        Some(target) if target.starts_with('/') => Ok(target),
        Some(target) if !target.is_empty() => Err(format!("target \"{target}\" is not an absolute path")),
        _ => Err("target is missing".to_owned()),
    }
}

/// All `--volume`s of a pod; a name can be given once.
pub fn parse_volumes(texts: &[String]) -> Result<Vec<Volume>, Failure> {
    let mut volumes = Vec::<Volume>::new();
    for text in texts {
        let volume = parse_volume(text)?;
        if volumes.iter().any(|other| other.name == volume.name) {
            return Err(Failure::new(format!("volume \"{}\" is given twice", volume.name))
                .hint("give each --volume a name of its own"));
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

/// All `--mount`s of one place of the command line.
pub fn parse_mounts(texts: &[String]) -> Result<Vec<Mount>, Failure> {
    texts.iter().map(|text| parse_mount(text)).collect()
}

/// Every mount must name a volume of the pod.
pub fn check_mounts<'mounts>(
    mounts: impl IntoIterator<Item = &'mounts Mount>,
    volumes: &[Volume],
) -> Result<(), Failure> {
    for mount in mounts {
        if mount.app_volume.is_none() && !volumes.iter().any(|volume| volume.name == mount.volume) {
            return Err(Failure::new(format!(
                "dangling mount point \"{}\": volume \"{}\" not found",
                mount.path, mount.volume
            )))
            .map_err(|failure| failure.hint(format!("declare it with --volume {},kind=…", mount.volume)));
        }
    }
    Ok(())
}

fn once_each<'text>(
    pairs: impl Iterator<Item = Result<(&'text str, &'text str), Failure>>,
    invalid: &dyn Fn(String) -> Failure,
) -> Result<Vec<(&'text str, &'text str)>, Failure> {
    let mut seen = Vec::<(&str, &str)>::new();
    for pair in pairs {
        let (key, value) = pair?;
        if let Some((_, first)) = seen.iter().find(|(known, _)| *known == key) {
            return Err(invalid(format!("label {key} with multiple values [{first} {value}]")));
        }
        seen.push((key, value));
    }
    Ok(seen)
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a number of a user or group"))
}

fn query_decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err(format!("\"{text}\" has a % without two hex digits after it"));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).context("").map_err(|_| format!("\"{text}\" is not UTF-8 once decoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes() {
        for (text, expected) in [
            ("a,kind=host,source=/x", Ok(r#"{"name":"a","kind":"host","source":"/x"}"#)),
            (
                "a,kind=host,source=/x+y%20,readOnly=true,recursive=0",
                Ok(r#"{"name":"a","kind":"host","source":"/x+y%20","readOnly":true,"recursive":false}"#),
            ),
            ("a,kind=empty", Ok(r#"{"name":"a","kind":"empty","mode":"0755","uid":0,"gid":0}"#)),
            (
                "a,kind=empty,mode=0700,uid=5,gid=6",
                Ok(r#"{"name":"a","kind":"empty","mode":"0700","uid":5,"gid":6}"#),
            ),
            ("a,kind=host", Err("source for host volume cannot be empty")),
            ("a,kind=host,source=x", Err("source for host volume must be absolute path")),
            ("a,kind=host,source=/x,mode=1", Err("mode for host volume cannot be set")),
            ("a,kind=empty,source=/x", Err("source for empty volume must be empty")),
            ("a,kind=other", Err("unrecognized volume kind: should be one of \"empty\", \"host\"")),
            ("a", Err("unrecognized volume kind: should be one of \"empty\", \"host\"")),
            ("a,kind", Err("malformed string \"a,kind\" - has a label without a value: kind")),
            ("a,kind=host,kind=empty", Err("label kind with multiple values [host empty]")),
            ("a,kind=host,colour=red,source=/x", Err("unknown volume parameter \"colour\"")),
            ("A,kind=host,source=/x", Err("")),
        ] {
            match (parse_volume(text), expected) {
                (Ok(volume), Ok(json)) => assert_eq!(serde_json::to_string(&volume).unwrap(), json, "{text}"),
                (Err(failure), Err(part)) => {
                    assert!(failure.what.ends_with(part) || part.is_empty(), "{}", failure.what);
                }
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        assert!(parse_volumes(&["a,kind=empty".into(), "a,kind=empty".into()]).is_err());
    }

    #[test]
    fn volumes_of_one_app() {
        for (text, expected) in [
            (
                "name=a,kind=host,source=/x%2Cy,target=/t+t,readOnly=true",
                Ok(
                    r#"{"volume":"a","path":"/t t","appVolume":{"name":"a","kind":"host","source":"/x,y","readOnly":true}}"#,
                ),
            ),
            (
                "target=/t,kind=empty,name=a",
                Ok(
                    r#"{"volume":"a","path":"/t","appVolume":{"name":"a","kind":"empty","mode":"0755","uid":0,"gid":0}}"#,
                ),
            ),
            ("kind=empty,target=/t", Err("name is missing")),
            ("name=a,kind=empty", Err("target is missing")),
            ("name=a,kind=empty,target=t", Err("target \"t\" is not an absolute path")),
            ("name=a,kind=host,target=/t", Err("source for host volume cannot be empty")),
            ("name=a,name=b,kind=empty,target=/t", Err("label name with multiple values [a b]")),
            ("name=a,kind=empty,target=/t,volume=a", Err("unknown volume parameter \"volume\"")),
        ] {
            match (parse_mnt_volume(text), expected) {
                (Ok(mount), Ok(json)) => assert_eq!(serde_json::to_string(&mount).unwrap(), json, "{text}"),
                (Err(failure), Err(part)) => assert!(failure.what.ends_with(part), "{}", failure.what),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn mounts() {
        for (text, expected) in [
            ("volume=a,target=/x", Ok("/x")),
            ("target=/x%2Cy+z,volume=a", Ok("/x,y z")),
            ("volume=a", Err("target is missing")),
            ("target=/x", Err("volume is missing")),
            ("volume=a,target=x", Err("target \"x\" is not an absolute path")),
            ("volume=a,target=/%4", Err("\"/%4\" has a % without two hex digits after it")),
            ("volume=a,target=/x,size=1", Err("unknown mount parameter \"size\"")),
        ] {
            match (parse_mount(text), expected) {
                (Ok(mount), Ok(path)) => assert_eq!(mount.path, path, "{text}"),
                (Err(failure), Err(part)) => assert!(failure.what.ends_with(part), "{}", failure.what),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        let mount = parse_mount("volume=a,target=/x").unwrap();
        let failure = check_mounts([&mount], &[]).unwrap_err();
        assert_eq!(failure.what, "dangling mount point \"/x\": volume \"a\" not found");
    }
}
