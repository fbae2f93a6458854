//! Build and packaging toolchain for stage1 images of rkt.
//!
//! The arrows run one way: [`cli`] turns the command line into [`configure::Options`], [`configure`] decides
//! a [`configure::Config`] from it and from the facts of the machine, and everything later reads that
//! `Config` alone. Long work tells what it does through [`event`]; only [`cli`] prints.

pub mod build;
pub mod check;
pub mod cli;
pub mod configure;
pub mod event;
pub mod failure;
pub mod flavor;
pub mod image;
pub mod inspect;
pub mod install;
pub mod plan;
pub mod recipe;
pub mod report;
pub mod source;
pub mod store;
