//! Build and packaging toolchain for stage1 images of rkt.
