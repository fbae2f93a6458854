//! Entry points that change a running pod from outside, partly by running commands inside it.

pub(crate) mod attach;

use crate::failure::Failure;
use pod::protocol::Enter;
use std::env;

/// How commands are run inside the pod: as stage0 says in the environment.
pub(crate) fn enter() -> Result<Enter, Failure> {
    Enter::decode(env::var_os).map_err(|error| {
        Failure::new(error.to_string()).hint("this program is started by rkt attach or rkt app")
    })
}
