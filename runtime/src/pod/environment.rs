//! The environment of an app, from the image, the flags and the caller.

use std::ffi::OsString;
use std::path::Path;

use appc::EnvironmentVariable;

use crate::error::{Context as _, Failure};

/// What `--inherit-env`, `--set-env-file` and `--set-env` say for all apps of a pod.
#[derive(Debug, Clone, Default)]
pub struct PodEnvironment {
    /// The caller's variables; they only fill gaps.
    pub inherited: Vec<EnvironmentVariable>,
    /// Variables of the files, in their order.
    pub files: Vec<EnvironmentVariable>,
    /// Variables of `--set-env`.
    pub set: Vec<EnvironmentVariable>,
}

impl PodEnvironment {
    /// The environment of one app: what the image sets, overridden by `--environment`, then the caller's variables where
    /// the name is new, then the files, then `--set-env`. A name keeps its first place.
    pub fn apply(&self, image: &mut Vec<EnvironmentVariable>, app: &[EnvironmentVariable]) {
        for variable in app {
            set(image, variable, true);
        }
        for variable in &self.inherited {
            set(image, variable, false);
        }
        for variable in self.files.iter().chain(&self.set) {
            set(image, variable, true);
        }
    }
}

fn set(all: &mut Vec<EnvironmentVariable>, variable: &EnvironmentVariable, replace: bool) {
    match all.iter_mut().find(|known| known.name == variable.name) {
        Some(known) if replace => variable.value.clone_into(&mut known.value),
        Some(_) => {}
        None => all.push(variable.clone()),
    }
}

/// One `NAME=VALUE` of the flag `flag`.
pub fn parse_variable(flag: &str, text: &str) -> Result<EnvironmentVariable, Failure> {
    let invalid = || format!("invalid argument \"{text}\" for --{flag}");
    let Some((name, value)) = text.split_once('=') else {
        return Err(Failure::new("environment variable must be specified as name=value").within(invalid()));
    };
    EnvironmentVariable::new(name, value).context(invalid())
}

/// The `NAME=VALUE`s of a flag that takes each name once.
pub fn parse_variables(flag: &str, texts: &[String]) -> Result<Vec<EnvironmentVariable>, Failure> {
    let mut all = Vec::<EnvironmentVariable>::new();
    for text in texts {
        let variable = parse_variable(flag, text)?;
        if all.iter().any(|known| known.name == variable.name) {
            return Err(Failure::new(format!(
                "invalid argument \"{text}\" for --{flag}: environment variable \"{}\" already set",
                variable.name
            )));
        }
        all.push(variable);
    }
    Ok(all)
}

/// A file of `NAME=VALUE` lines; blank lines and lines that begin with `#` or `;` count as comments.
pub fn read_file(path: &Path) -> Result<Vec<EnvironmentVariable>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::from(error).within(format!("cannot read --set-env-file {}", path.display()))
    })?;
    let mut all = Vec::<EnvironmentVariable>::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let place = || format!("{}:{}", path.display(), index + 1);
        let variable = parse_variable("set-env-file", line).context(place())?;
        if all.iter().any(|known| known.name == variable.name) {
            return Err(Failure::new(format!("environment variable \"{}\" already set", variable.name))
                .within(place()));
        }
        all.push(variable);
    }
    Ok(all)
}

/// The caller's variables as far as a pod manifest can hold them, and the names of those that it cannot.
pub fn inherit(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> (Vec<EnvironmentVariable>, Vec<String>) {
    let (mut kept, mut odd) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let shown = name.to_string_lossy().into_owned();
        let variable = name.into_string().ok().zip(value.into_string().ok());
        match variable.and_then(|(name, value)| EnvironmentVariable::new(name, value).ok()) {
            Some(variable) => kept.push(variable),
            None => odd.push(shown),
        }
    }
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    (kept, odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(text: &str) -> Vec<EnvironmentVariable> {
        text.split_whitespace().map(|pair| parse_variable("set-env", pair).unwrap()).collect()
    }

    #[test]
    fn precedence() {
        let pod = PodEnvironment {
            inherited: variables("A=inherited B=inherited HOME=inherited"),
            files: variables("C=file D=file"),
            set: variables("D=set E=set"),
        };
        let mut environment = variables("A=image C=image Z=image");
        pod.apply(&mut environment, &variables("Z=app E=app"));
        let text: Vec<_> = environment.iter().map(|v| format!("{}={}", v.name, v.value)).collect();
        assert_eq!(text.join(" "), "A=image C=file Z=app E=set B=inherited HOME=inherited D=set");
    }

    #[test]
    fn wrong_variables() {
        for text in ["A", "=x", "1A=x", "A B=x"] {
            assert!(parse_variable("set-env", text).is_err(), "{text}");
        }
        assert!(parse_variables("set-env", &["A=1".into(), "A=2".into()]).is_err());
    }

    #[test]
    fn files_have_comments_and_places() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "# one\n\n;two\n A=1\nB=x=y \n").unwrap();
        let read = read_file(file.path()).unwrap();
        assert_eq!(read.iter().map(|v| v.value.as_str()).collect::<Vec<_>>(), ["1", "x=y"]);
        std::fs::write(&file, "A=1\nnonsense\n").unwrap();
        assert!(read_file(file.path()).unwrap_err().what.ends_with(":2"));
    }

    #[test]
    fn odd_names_of_the_caller_are_left_out() {
        let (kept, odd) = inherit([
            ("BASH_FUNC_x%%".into(), "()".into()),
            ("B".into(), "1".into()),
            ("A".into(), "2".into()),
        ]);
        assert_eq!(kept, variables("A=2 B=1"));
        assert_eq!(odd, ["BASH_FUNC_x%%"]);
    }
}
