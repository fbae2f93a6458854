//! rkt, stage0: images, pods, stage1 selection and the commands.

pub mod defaults;

pub mod format;
