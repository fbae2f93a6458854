//! The flavor fly, by running the real executable as root in a mount namespace of its own, on a pod
//! directory as stage0 leaves it, with Debian's static busybox as the app.

mod enter;
mod gc;
mod hostile;
mod names;
mod run;
mod scene;
mod stop;
mod volumes;
