//! What may be written behind `callsheet config`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::contract::Contract;
use crate::reach::Reach;

#[derive(Debug, Args)]
#[command(
    after_help = "SERVICE is the full name of a service, such as shop.orders.Orders, or @global for what holds for all of them.\n\n\
                  Exit status: 0 done, 1 the document is wrong, or there is none, or (check, diff) there is something to tell, \
                  2 wrong usage, or a registry that cannot be reached, or a document that somebody else has changed meanwhile."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) task: Task,

    #[command(flatten)]
    pub(crate) reach: Reach,

    /// How what is found is printed.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List the documents that are there.
    Ls,
    /// Print a document.
    Get(Named),
    /// Put a document in the place of the one that is there, if nothing is wrong with it.
    Set(Set),
    /// Change a document in an editor (`$VISUAL`, `$EDITOR`, or else vi), and set it.
    Edit(Edit),
    /// Show what a file would change, or what a change of the history did.
    Diff(Diff),
    /// Print the JSON Schema of documents, by which editors complete and check them.
    Schema,
    /// Say what is wrong with a file, without setting it. With a registry, also against the servers that are listed there.
    Check(Check),
    /// List who changed a document, when and why.
    History(History),
    /// Set what was there before the last change, or after an earlier one.
    Rollback(Rollback),
    /// Take a document away: what the contracts and the programs say counts again.
    Rm(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The service, or @global.
    pub(crate) service: String,
}

/// How a change is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct Change {
    /// Why, for the history.
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    pub(crate) message: String,

    /// Set it even if no server or none of the instances that it names are listed.
    #[arg(long)]
    pub(crate) force: bool,

    /// Change nothing; show what would change.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) contract: Contract,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) named: Named,

    /// The document: TOML or JSON; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    #[command(flatten)]
    pub(crate) named: Named,

    #[command(flatten)]
    pub(crate) change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) named: Named,

    /// The file that would be set.
    #[arg(value_name = "FILE", required_unless_present = "change")]
    pub(crate) file: Option<PathBuf>,

    /// The number of a change in the history.
    #[arg(long, value_name = "NUMBER", conflicts_with = "file")]
    pub(crate) change: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) named: Named,

    /// The document: TOML or JSON; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) contract: Contract,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) named: Named,

    /// Print the document as it was after this change.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) show: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) named: Named,

    /// The number of the change after which it was as it is to be; without it, the one before the last.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) to: Option<u64>,

    #[command(flatten)]
    pub(crate) change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) named: Named,

    #[command(flatten)]
    pub(crate) change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// JSON, one object per line.
    Json,
}
