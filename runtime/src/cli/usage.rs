//! Wrong usage and help, printed the way the original prints them.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{EXIT_FAILURE, EXIT_MISSING_COMMAND, EXIT_OK};

/// Prints the help of `rkt` itself on standard output.
pub(super) fn print_help() {
    let _ = grammar::Rkt::command().print_help();
}

/// Prints what clap has to say and returns the exit code.
pub(super) fn report(error: &clap::Error) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            EXIT_OK
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let _ = writeln!(std::io::stdout(), "{}", error.render());
            eprintln!("Error: missing command");
            EXIT_MISSING_COMMAND
        }
        ErrorKind::InvalidSubcommand => {
            eprintln!(
                "Error: unknown command \"{}\" for \"rkt\"",
                text(error, ContextKind::InvalidSubcommand)
            );
            let near = text(error, ContextKind::SuggestedSubcommand);
            if !near.is_empty() {
                eprintln!("Did you mean {near}?");
            }
            eprintln!("Run 'rkt --help' for usage.");
            EXIT_FAILURE
        }
        _ => {
            let message = error.render().to_string();
            eprint!("Error: {}", message.strip_prefix("error: ").unwrap_or(&message));
            EXIT_FAILURE
        }
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" or "),
        _ => String::new(),
    }
}
