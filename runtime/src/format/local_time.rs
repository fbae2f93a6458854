//! Local time: the C library knows the zone rules (`TZ`, `/etc/localtime`), std does not.
#![expect(unsafe_code, reason = "localtime_r has no safe binding in what we depend on")]

use std::ffi::CStr;
use std::mem::MaybeUninit;

/// A point in time, in parts.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    pub(super) year: i64,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) hour: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    /// Seconds east of UTC.
    pub(super) offset: i64,
    /// Abbreviation of the zone.
    pub(super) zone: String,
}

/// The parts of `seconds` since 1970 in local time. A time that the C library cannot express becomes 1970.
pub(super) fn local(seconds: i64) -> Broken {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; nothing in this program changes the environment
    // after threads exist, so reading TZ does not race.
    let done = unsafe {
        unsafe extern "C" {
            safe fn tzset();
        }
        tzset();
        libc::localtime_r(&raw const seconds, parts.as_mut_ptr())
    };
    // SAFETY: all-zero is a valid `tm`, and a successful call has filled it.
    let parts = unsafe { parts.assume_init() };
    if done.is_null() || parts.tm_zone.is_null() {
        return Broken {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            offset: 0,
            zone: "UTC".to_owned(),
        };
    }
    // SAFETY: the C library points tm_zone at a string that lives as long as the zone data.
    let zone = unsafe { CStr::from_ptr(parts.tm_zone) };
    Broken {
        year: i64::from(parts.tm_year) + 1900,
        month: parts.tm_mon + 1,
        day: parts.tm_mday,
        hour: parts.tm_hour,
        minute: parts.tm_min,
        second: parts.tm_sec,
        offset: parts.tm_gmtoff,
        zone: zone.to_string_lossy().into_owned(),
    }
}
