//! Times for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::local_time::{Broken, local};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 12 * MONTH;
/// From here on a count of years tells nobody anything: no clock stood there.
const LONG: u64 = 37 * YEAR;

/// How long `time` lies before `now`: `now`, `12 seconds ago`, `1 day ago`, … `a long while ago`.
/// A time in the future (a clock was set back) is told the same way, with `from now`.
pub fn relative_time(time: SystemTime, now: SystemTime) -> String {
    match now.duration_since(time) {
        Ok(age) => distance(age, "ago"),
        Err(ahead) => distance(ahead.duration(), "from now"),
    }
}

fn distance(span: Duration, suffix: &str) -> String {
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0 => return "now".to_owned(),
        _ if seconds < MINUTE => (seconds, "second"),
        _ if seconds < HOUR => (seconds / MINUTE, "minute"),
        _ if seconds < DAY => (seconds / HOUR, "hour"),
        _ if seconds < WEEK => (seconds / DAY, "day"),
        _ if seconds < MONTH => (seconds / WEEK, "week"),
        _ if seconds < YEAR => (seconds / MONTH, "month"),
        _ if seconds < LONG => (seconds / YEAR, "year"),
        _ => return format!("a long while {suffix}"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} {suffix}")
}

/// A point in local time as `2006-01-02 15:04:05.999 -0700 MST`, trailing zeros of the fraction left out.
pub fn full_time(time: SystemTime) -> String {
    // Floor to whole seconds, so that times before 1970 keep a fraction that counts forward.
    let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (-whole, 0),
                part => (-whole - 1, 1_000_000_000 - part),
            }
        }
    };
    layout(&local(seconds), nanos / 1_000_000)
}

fn layout(at: &Broken, millis: u32) -> String {
    let fraction = match millis {
        0 => String::new(),
        _ => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    let sign = if at.offset < 0 { '-' } else { '+' };
    let minutes = at.offset.unsigned_abs() / 60;
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{fraction} {sign}{:02}{:02} {}",
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        minutes / 60,
        minutes % 60,
        at.zone
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now = UNIX_EPOCH + Duration::from_secs(100 * YEAR);
        for (age, text) in [
            (0, "now"),
            (1, "1 second ago"),
            (12, "12 seconds ago"),
            (60, "1 minute ago"),
            (3 * HOUR, "3 hours ago"),
            (DAY, "1 day ago"),
            (WEEK, "1 week ago"),
            (29 * DAY, "4 weeks ago"),
            (MONTH, "1 month ago"),
            (YEAR, "1 year ago"),
            (LONG, "a long while ago"),
        ] {
            assert_eq!(relative_time(now - Duration::from_secs(age), now), text);
        }
        assert_eq!(relative_time(now + Duration::from_secs(2), now), "2 seconds from now");
    }

    #[test]
    fn layout_trims_the_fraction() {
        let mut at = Broken {
            year: 2016,
            month: 2,
            day: 28,
            hour: 16,
            minute: 55,
            second: 5,
            offset: 3600,
            zone: "CET".into(),
        };
        assert_eq!(layout(&at, 120), "2016-02-28 16:55:05.12 +0100 CET");
        at.offset = -12_600;
        assert_eq!(layout(&at, 0), "2016-02-28 16:55:05 -0330 CET");
    }

    #[test]
    fn full_time_holds_the_zone() {
        let text = full_time(UNIX_EPOCH + Duration::from_millis(1_456_678_505_999));
        assert!(text.contains(":05.999 "), "{text}");
    }
}
