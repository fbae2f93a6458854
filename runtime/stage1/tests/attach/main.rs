//! `iottymux` and `attach`, by running the real executable as root beside real pipes, sockets and terminals.
//!
//! There is no pod round them: a mount namespace with a root of its own has `/rkt/iottymux/<app>` where a pod
//! has it, and the tests do what systemd does there, make the pipes and start the apps.

mod clients;
mod crossing;
mod logs;
mod scene;
mod streams;
mod terminal;
