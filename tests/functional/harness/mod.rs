//! What tests of pods are written with: a test in a world of its own, images, pods, and what must not be left of them.

mod clean;
mod debian;
mod image;
mod pod;
pub(crate) mod process;
mod program;
mod run;
mod table;
mod terminal;
mod world;

use crate::common::isolation::isolated;
pub(crate) use crate::common::sandbox::Sandbox;
pub(crate) use debian::{Debian, Groups, exec_line};
pub(crate) use image::Image;
pub(crate) use pod::{Pod, wait_for};
pub(crate) use run::{Ended, Run, Started};
pub(crate) use terminal::Terminal;

/// Declares the tests of a file: for each flavor, the functions that it is tested with.
///
/// A function takes `&Sandbox` and is the whole test; it is done once for each flavor, as `<file>::<flavor>::<function>`.
macro_rules! tests {
    ($($flavor:ident: [$($test:ident),+ $(,)?]),+ $(,)?) => { $(
        mod $flavor { $(
            #[test]
            fn $test() {
                let name = concat!(module_path!(), "::", stringify!($test));
                $crate::harness::test(name, stringify!($flavor), super::$test);
            }
        )+ }
    )+ };
}
pub(crate) use tests;

/// Does one test for one flavor, and looks that nothing is left of its pods.
#[track_caller]
pub(crate) fn test(name: &str, flavor: &'static str, body: fn(&Sandbox)) {
    let (_, name) = name.split_once("::").expect("a path that begins with the name of the test program");
    isolated(name, || {
        let sandbox = Sandbox::new(flavor);
        body(&sandbox);
        sandbox.expect_nothing_left();
    });
}
