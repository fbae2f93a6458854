//! Build and packaging toolchain for stage1 images of rkt.

pub mod flavor;
pub mod image;
pub mod store;
