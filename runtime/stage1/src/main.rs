//! The one static executable of every stage1 image.

fn main() {}
