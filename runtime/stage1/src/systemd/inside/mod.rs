//! Helpers that run in the pod, called by its units.

pub(crate) mod diagnostic;
pub(crate) mod enterexec;
mod memory;
mod outcome;
pub(crate) mod prepare_app;
pub(crate) mod reaper;
pub(crate) mod supervisor;
