//! `rkt image …`.

pub mod cat_manifest;
pub mod export;
pub mod extract;
pub mod gc;
pub mod list;
pub mod render;
pub mod rm;
pub mod verify;
