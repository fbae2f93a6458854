//! `rkt gc`.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use grammar::GcArgs;
use pod::{DataDir, Directory, Pod, State, list};

use crate::error::{Context as _, EXIT_FAILURE, Failure};
use crate::format::parse_duration;
use crate::pod::{collect, survivors};
use crate::session::Session;

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &GcArgs) -> Result<u8, Failure> {
    session.require_root()?;
    let grace = period("grace-period", &args.grace_period)?;
    let expire = period("expire-prepared", &args.expire_prepared)?;
    let data = session.pods()?;
    let mut collector = Collector { session, data, failed: false };
    collector.each(&[Directory::Run], |collector, pod| mark_exited(collector.session, pod))?;
    collector.each(&[Directory::Embryo, Directory::Prepare], |_, pod| mark_aborted(pod))?;
    if !args.mark_only {
        collector.each(&[Directory::Prepared], |_, pod| mark_expired(pod, expire))?;
        collector.each(&[Directory::ExitedGarbage], |collector, pod| collector.collect(pod, Some(grace)))?;
        collector.each(&[Directory::Garbage], |collector, pod| collector.collect(pod, None))?;
        collector.clean_store()?;
    }
    Ok(if collector.failed { EXIT_FAILURE } else { 0 })
}

fn period(flag: &str, text: &str) -> Result<Duration, Failure> {
    Ok(parse_duration(text).context(format!("invalid argument \"{text}\" for --{flag}"))?.at_least_zero())
}

struct Collector<'a> {
    session: &'a Session,
    data: DataDir,
    failed: bool,
}

impl Collector<'_> {
    /// Does something with each pod of some directories; what fails is printed and does not keep the others.
    fn each(
        &mut self,
        directories: &[Directory],
        mut act: impl FnMut(&mut Self, Pod) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for pod in list::pods(&self.data, directories).context("unable to get pods list")? {
            let done = pod.map_err(Failure::from).and_then(|pod| act(self, pod));
            if let Err(failure) = done {
                self.report(&failure);
            }
        }
        Ok(())
    }

    fn report(&mut self, failure: &Failure) {
        self.failed = true;
        eprintln!("{}", failure.render("gc", self.session.global.debug));
    }

    /// Deletes a marked pod, unless it is marked for less than the grace period.
    fn collect(&mut self, mut pod: Pod, grace: Option<Duration>) -> Result<(), Failure> {
        if let Some(grace) = grace
            && !is_older(pod.moved()?, grace)
        {
            let shown = go_duration(grace);
            eprintln!("gc: pod \"{}\" not removed: still within grace period ({shown})", pod.uuid());
            return Ok(());
        }
        // Somebody who does not listen is no reason to keep the pod.
        let _ = writeln!(std::io::stdout(), "Garbage collecting pod \"{}\"", pod.uuid());
        match collect::delete(self.session, &mut pod, "gc") {
            // Another gc was faster.
            Err(_) if matches!(pod.refresh(), Err(pod::Error::NotFound(_))) => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Removes what broken-off commands left in the store.
    fn clean_store(&mut self) -> Result<(), Failure> {
        if !self.data.cas().is_dir() {
            return Ok(());
        }
        let cleaned = self.session.store()?.clean_leftovers().context("cannot clean the store")?;
        for path in &cleaned.removed {
            self.session.debug(|| format!("gc: removed leftover {}", path.display()));
        }
        for error in cleaned.failed {
            self.report(&Failure::from(error));
        }
        Ok(())
    }
}

fn mark_exited(session: &Session, mut pod: Pod) -> Result<(), Failure> {
    if pod.state() == State::Exited {
        // Its grace period is for what can be read of it, not for what runs of it.
        if let Err(failure) = survivors::end(&pod) {
            eprintln!("{}", failure.render("gc", session.global.debug));
        }
        eprintln!("gc: moving pod \"{}\" to garbage", pod.uuid());
        tolerate_race(pod.to_exited_garbage())?;
    }
    Ok(())
}

fn mark_aborted(mut pod: Pod) -> Result<(), Failure> {
    match pod.state() {
        State::AbortedPrepare => {
            eprintln!("gc: moving failed prepare \"{}\" to garbage", pod.uuid());
            tolerate_race(pod.to_garbage())
        }
        // One that somebody is making is locked, or will be in a moment and then looks for another name.
        State::Embryo => tolerate_race(pod.to_garbage()),
        _ => Ok(()),
    }
}

fn mark_expired(mut pod: Pod, expire: Duration) -> Result<(), Failure> {
    if pod.state() == State::Prepared && is_older(pod.moved()?, expire) {
        eprintln!("gc: moving expired prepared pod \"{}\" to garbage", pod.uuid());
        tolerate_race(pod.to_garbage())?;
    }
    Ok(())
}

/// Another rkt may have started, marked or deleted the pod meanwhile; that is not our failure.
fn tolerate_race(result: Result<(), pod::Error>) -> Result<(), Failure> {
    match result {
        Err(pod::Error::Locked(_) | pod::Error::NotFound(_) | pod::Error::WrongState { .. }) => Ok(()),
        other => Ok(other?),
    }
}

fn is_older(since: SystemTime, age: Duration) -> bool {
    // A time in the future (the clock was set back) counts as now.
    age.is_zero() || SystemTime::now().duration_since(since).is_ok_and(|passed| passed >= age)
}

/// A duration as Go prints it: `30m0s`, `1h0m0s`, `1.5s`.
fn go_duration(time: Duration) -> String {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    let fraction = match nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}{fraction}s"),
        (0, minutes) => format!("{minutes}m{rest}{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_prints_them() {
        for (millis, text) in [(0, "0s"), (1500, "1.5s"), (1_800_000, "30m0s"), (86_400_000, "24h0m0s")] {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
    }
}
