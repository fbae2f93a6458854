//! Flags that limit an app, as isolators of its manifest.

use appc::{Isolator, IsolatorValue, Quantity, Resource, Seccomp};
use grammar::AppArgs;

use crate::error::{Context as _, Failure};

const RETAIN: &str = "os/linux/capabilities-retain-set";
const REMOVE: &str = "os/linux/capabilities-remove-set";
const SECCOMP: [&str; 2] = ["os/linux/seccomp-retain-set", "os/linux/seccomp-remove-set"];
/// Less memory than a page is a typing mistake.
const MIN_MEMORY: i64 = 4096;

/// Changes the isolators of an image to what the flags say.
///
/// Memory and cpu are added behind the image's own, since the last one counts; the others replace those of their kind.
pub fn apply(isolators: &mut Vec<Isolator>, flags: &AppArgs) -> Result<(), Failure> {
    if let Some(text) = &flags.memory {
        let amount = quantity("memory", text)?;
        if amount.value() < MIN_MEMORY {
            return Err(Failure::new(format!(
                "invalid argument \"{text}\" for --memory: {} bytes are too few, at least {MIN_MEMORY} are needed",
                amount.value()
            ))
            .hint("write the unit too, such as 64M"));
        }
        add(isolators, "memory", IsolatorValue::Memory(both(amount)))?;
    }
    if let Some(text) = &flags.cpu {
        add(isolators, "cpu", IsolatorValue::Cpu(both(quantity("cpu", text)?)))?;
    }
    if let Some(text) = &flags.cpu_shares {
        isolators.retain(|isolator| isolator.name != "os/linux/cpu-shares");
        let shares = text.parse().map_err(|_| not_a_number("cpu-shares", text))?;
        add(isolators, "cpu-shares", IsolatorValue::CpuShares(shares))?;
    }
    if flags.caps_retain.is_some() && flags.caps_remove.is_some() {
        return Err(
            Failure::new("--caps-retain and --caps-remove exclude each other").hint("give one of them")
        );
    }
    if flags.caps_retain.is_some() || flags.caps_remove.is_some() {
        isolators.retain(|isolator| isolator.name != RETAIN && isolator.name != REMOVE);
    }
    if let Some(list) = &flags.caps_retain {
        add(isolators, "caps-retain", IsolatorValue::CapabilitiesRetain(items(list)))?;
    }
    if let Some(list) = &flags.caps_remove {
        add(isolators, "caps-remove", IsolatorValue::CapabilitiesRemove(items(list)))?;
    }
    if let Some(text) = &flags.seccomp {
        isolators.retain(|isolator| !SECCOMP.contains(&isolator.name.as_str()));
        add(isolators, "seccomp", seccomp(text)?)?;
    }
    if let Some(text) = &flags.oom_score_adj {
        isolators.retain(|isolator| isolator.name != "os/linux/oom-score-adj");
        let score = text.parse().map_err(|_| not_a_number("oom-score-adj", text))?;
        add(isolators, "oom-score-adj", IsolatorValue::OomScoreAdj(score))?;
    }
    Ok(())
}

/// Adds an isolator once its value has been checked the way a manifest's is.
fn add(isolators: &mut Vec<Isolator>, flag: &str, value: IsolatorValue) -> Result<(), Failure> {
    if let Some(isolator) = Option::<Isolator>::from(value) {
        isolator.parsed().context(format!("invalid argument for --{flag}"))?;
        isolators.push(isolator);
    }
    Ok(())
}

fn both(amount: Quantity) -> Resource {
    Resource { request: Some(amount.clone()), limit: Some(amount) }
}

fn quantity(flag: &str, text: &str) -> Result<Quantity, Failure> {
    text.parse::<Quantity>().context(format!("invalid argument \"{text}\" for --{flag}"))
}

fn not_a_number(flag: &str, text: &str) -> Failure {
    Failure::new(format!("invalid argument \"{text}\" for --{flag}: not a whole number"))
}

fn items(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// `mode=retain|remove[,errno=E],CALL,…`: items with exactly one `=` are options.
fn seccomp(text: &str) -> Result<IsolatorValue, Failure> {
    let invalid = |why: &str| {
        Failure::new(format!("invalid argument \"{text}\" for --seccomp: {why}"))
            .hint("write mode=retain,CALL,… or mode=remove,errno=ENOSYS,CALL,…")
    };
    let (mut retain, mut errno, mut set) = (None, None, Vec::new());
    for item in items(text) {
        match item.split('=').collect::<Vec<_>>()[..] {
            ["mode", "retain"] => retain = Some(true),
            ["mode", "remove"] => retain = Some(false),
            ["mode", _] => return Err(invalid("invalid seccomp mode command-line override")),
            ["errno", name] => errno = Some(name.to_owned()),
            [_, _] => return Err(invalid("invalid seccomp command-line override")),
            _ => set.push(item),
        }
    }
    match retain {
        Some(true) => Ok(IsolatorValue::SeccompRetain(Seccomp { set, errno })),
        Some(false) => Ok(IsolatorValue::SeccompRemove(Seccomp { set, errno })),
        None => Err(invalid("invalid seccomp mode command-line override")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(set: impl FnOnce(&mut AppArgs)) -> Result<String, String> {
        let mut flags = AppArgs::default();
        set(&mut flags);
        let mut isolators = Vec::new();
        for (name, value) in [
            ("os/linux/capabilities-remove-set", serde_json::json!({"set": ["CAP_KILL"]})),
            ("os/linux/cpu-shares", serde_json::json!(5)),
        ] {
            isolators.push(Isolator::new(name.parse().unwrap(), value).unwrap());
        }
        apply(&mut isolators, &flags).map_err(|failure| failure.render("run", false))?;
        Ok(isolators[..].iter().map(|i| format!("{} {}", i.name, i.value)).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn flags_become_isolators() {
        let own = "os/linux/capabilities-remove-set {\"set\":[\"CAP_KILL\"]}\nos/linux/cpu-shares 5";
        assert_eq!(applied(|_| {}).unwrap(), own);
        assert_eq!(
            applied(|f| f.memory = Some("64M".into())).unwrap(),
            format!("{own}\nresource/memory {{\"default\":false,\"request\":\"64M\",\"limit\":\"64M\"}}")
        );
        assert_eq!(
            applied(|f| {
                f.caps_retain = Some("CAP_CHOWN,CAP_FOWNER".into());
                f.cpu_shares = Some("7".into());
            })
            .unwrap(),
            "os/linux/cpu-shares 7\nos/linux/capabilities-retain-set {\"set\":[\"CAP_CHOWN\",\"CAP_FOWNER\"]}"
        );
        assert_eq!(
            applied(|f| f.seccomp = Some("mode=remove,errno=ENOSYS,socket,@rkt/x".into())).unwrap(),
            format!(
                "{own}\nos/linux/seccomp-remove-set {{\"set\":[\"socket\",\"@rkt/x\"],\"errno\":\"ENOSYS\"}}"
            )
        );
    }

    #[test]
    fn wrong_limits() {
        assert!(applied(|f| f.memory = Some("12".into())).unwrap_err().contains("too few"));
        assert!(applied(|f| f.memory = Some("x".into())).is_err());
        assert!(applied(|f| f.cpu_shares = Some("1".into())).is_err());
        assert!(applied(|f| f.oom_score_adj = Some("1001".into())).is_err());
        for text in ["read", "mode=keep,read", "colour=red,mode=retain", "mode=retain"] {
            assert!(applied(|f| f.seccomp = Some(text.into())).is_err(), "{text}");
        }
        let both = applied(|f| (f.caps_retain, f.caps_remove) = (Some("a".into()), Some("b".into())));
        assert!(both.unwrap_err().contains("exclude"));
    }
}
