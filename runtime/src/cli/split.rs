//! Cutting the command lines of `run` and `prepare` into the pod's flags and one piece for each image.
//!
//! Those two commands take flags for the pod, then images, each followed by flags of its own and, after `--`, the
//! arguments of the app up to `---`. Which flags there are and which of them take a value is read from the command
//! tree, so there is no second list to keep.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, FromArgMatches as _};
use grammar::{AppArgs, Rkt};

/// One image of the command line with all that was typed for it.
#[derive(Debug, Clone)]
pub struct TypedApp {
    /// The image as it was typed: a path, an ID, a name.
    pub image: String,
    /// Its flags.
    pub flags: AppArgs,
    /// What followed `--`.
    pub args: Vec<String>,
}

/// What was typed: the line as the command tree sees it, and the images of `run` and `prepare`.
///
/// # Errors
/// Wrong usage, and requests for help, as clap expresses them.
pub fn parse(words: Vec<OsString>) -> Result<(Rkt, Vec<TypedApp>), clap::Error> {
    let tree = Rkt::command();
    let Some(at) = command_word(&tree, &words) else { return Ok((parsed(tree, words)?, Vec::new())) };
    let word = words[at].to_string_lossy();
    let Some(name) = ["run", "prepare"].into_iter().find(|name| resolve(&tree, &word) == Some(*name)) else {
        return Ok((parsed(tree, words)?, Vec::new()));
    };
    let (pod, pieces) = cut(&tree, name, &words[at + 1..])?;
    let line = parsed(tree, words[..=at].iter().cloned().chain(pod).collect())?;
    let apps = pieces.into_iter().map(|piece| piece.typed(name)).collect::<Result<_, _>>()?;
    Ok((line, apps))
}

/// The line as the tree sees it. Building the tree is most of the work, so it is built once.
fn parsed(mut tree: Command, words: Vec<OsString>) -> Result<Rkt, clap::Error> {
    let matches = tree.try_get_matches_from_mut(words)?;
    Rkt::from_arg_matches(&matches).map_err(|error| error.format(&mut tree))
}

/// Index of the word that names the command: the first that is neither a flag nor the value of one.
fn command_word(tree: &Command, words: &[OsString]) -> Option<usize> {
    let flags = flags(tree);
    let mut at = 1;
    while at < words.len() {
        let word = words[at].to_string_lossy();
        match word.strip_prefix("--") {
            Some("") => return None,
            Some(flag) if !flag.contains('=') && flags.get(flag).copied().unwrap_or(false) => at += 2,
            Some(_) => at += 1,
            None if word.starts_with('-') => at += 1,
            None => return Some(at),
        }
    }
    None
}

/// The command that a word or a prefix of one names.
fn resolve<'tree>(tree: &'tree Command, word: &str) -> Option<&'tree str> {
    let names = || tree.get_subcommands().map(Command::get_name);
    if let Some(exact) = names().find(|name| *name == word) {
        return Some(exact);
    }
    let mut near = names().filter(|name| name.starts_with(word));
    near.next().filter(|_| near.next().is_none())
}

/// Long flags of a command and whether each takes its value from the next word.
fn flags(command: &Command) -> BTreeMap<&str, bool> {
    command
        .get_arguments()
        .flat_map(|arg| {
            let separate = arg.get_action().takes_values() && !arg.is_require_equals_set();
            arg.get_long()
                .into_iter()
                .chain(arg.get_all_aliases().unwrap_or_default())
                .map(move |long| (long, separate))
        })
        .collect()
}

/// One image and its part of the line.
struct Piece {
    image: OsString,
    flags: Vec<OsString>,
    args: Option<Vec<OsString>>,
}

impl Piece {
    fn typed(self, command: &str) -> Result<TypedApp, clap::Error> {
        let tree = grammar::app_command()
            .override_usage(format!("rkt {command} IMAGE [APP OPTIONS] [-- ARGS… [---]]"));
        let matches = tree.try_get_matches_from(self.flags)?;
        let flags = AppArgs::from_arg_matches(&matches)?;
        let args = self.args.unwrap_or_default().into_iter().map(utf8).collect::<Result<_, _>>()?;
        Ok(TypedApp { image: utf8(self.image)?, flags, args })
    }
}

fn utf8(word: OsString) -> Result<String, clap::Error> {
    word.into_string().map_err(|word| {
        wrong(&format!("{} is not UTF-8, and a pod manifest can hold nothing else", word.to_string_lossy()))
    })
}

fn wrong(message: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{message}\nRun 'rkt help run' for usage.\n"))
}

/// The pod's words, then the images.
fn cut(
    tree: &Command,
    command: &str,
    words: &[OsString],
) -> Result<(Vec<OsString>, Vec<Piece>), clap::Error> {
    let mut known = flags(tree);
    known.extend(tree.find_subcommand(command).map(flags).unwrap_or_default());
    let app_tree = grammar::app_command();
    let of_app = flags(&app_tree);
    let (mut pod, mut pieces) = (Vec::new(), Vec::<Piece>::new());
    let mut words = words.iter().cloned();
    while let Some(word) = words.next() {
        if word.is_empty() || word == "---" {
            continue;
        }
        if word == "--" {
            let Some(piece) = pieces.last_mut() else {
                return Err(wrong("an image is required before any app arguments"));
            };
            if piece.args.is_some() {
                return Err(wrong("only one set of app arguments allowed per image"));
            }
            piece.args = Some(words.by_ref().take_while(|word| word != "---").collect());
            continue;
        }
        let Some(name) = flag_name(&word) else {
            if word.as_encoded_bytes().starts_with(b"-") && word.len() > 1 {
                pod.push(word);
            } else {
                pieces.push(Piece { image: word, flags: Vec::new(), args: None });
            }
            continue;
        };
        let separate =
            !word.as_encoded_bytes().contains(&b'=') && known.get(&*name).copied().unwrap_or(false);
        let value = if separate { words.next() } else { None };
        let target = match pieces.last_mut() {
            Some(piece) if of_app.contains_key(&*name) => &mut piece.flags,
            None if of_app.contains_key(&*name) && name != "mount" => {
                return Err(wrong(&format!("--{name} must follow an image")));
            }
            _ => &mut pod,
        };
        target.push(word);
        target.extend(value);
    }
    Ok((pod, pieces))
}

/// The name of a long flag, without its value.
fn flag_name(word: &OsStr) -> Option<String> {
    let text = word.to_string_lossy();
    let flag = text.strip_prefix("--")?;
    Some(flag.split('=').next().unwrap_or(flag).to_owned())
}

#[cfg(test)]
mod tests;
