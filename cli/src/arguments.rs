//! What may be written on the command line.

use std::path::PathBuf;

use callsheet_build::model::Release;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::explain_policy::ExplainPolicy;
use crate::{config, registry};

/// Checks and compiles Callsheet contracts.
#[derive(Debug, Parser)]
#[command(name = "callsheet", version, about, max_term_width = 100)]
#[command(after_help = "Exit status: 0 clean, 1 errors found, 2 wrong usage or unreadable input.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report what is wrong with contracts.
    Check(Check),
    /// Generate Rust from contracts into a folder.
    Gen(Generate),
    /// Make contracts of .proto files.
    Import(Import),
    /// Give contracts to other tools: as .proto files, descriptors, JSON, HTML.
    #[command(subcommand)]
    Export(Export),
    /// Run a plugin of protoc on contracts, which generates code for another language.
    Plugin(Plugin),
    /// Freeze releases: what callers rely on is written to a lock file beside each contract, and changing it is an error
    /// from then on.
    Release(Freeze),
    /// Report what contracts break of an older state: source, wire, JSON, routing.
    Breaking(Breaking),
    /// Print the manual page of a code, such as CS0101.
    Explain(Explain),
    /// Tell how calls of a method are treated: each setting, and who says so: contract, program, or documents.
    ExplainPolicy(ExplainPolicy),
    /// Look into a registry and steer what it lists: weights, draining.
    Registry(registry::Arguments),
    /// Steer running clients and servers by documents in a registry: time limits, retries, limits, routing.
    Config(config::Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) input: Input,

    /// Mend what has exactly one certain remedy, and report what is left. Only the contracts that PATH names are changed,
    /// not those that they import.
    #[arg(long)]
    pub(crate) fix: bool,

    /// Change nothing: print what --fix would change as a diff, and exit with 1 if there is any.
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) input: Input,

    /// The folder to write to: only what changed is written, and files of an earlier generation that nothing makes any
    /// more are removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Write nothing; list files that are stale, missing or left over, with a diff, and exit with 1 if there are any.
    #[arg(long)]
    pub(crate) check: bool,

    /// Generate every service as it was at this release: of each, the majors that had begun, each at its newest minor
    /// that is not newer.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) at: Option<Release>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// .proto files, or folders that are searched for them at any depth. What they use comes along.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// A folder that imports of .proto files start from; may be given several times. Without any: the working directory.
    #[arg(long = "proto-path", short = 'I', value_name = "DIR")]
    pub(crate) proto_paths: Vec<PathBuf>,

    /// The folder to write contracts to. Contracts that are there and say something else are not touched.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Replace contracts that are there and say something else.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plugin {
    /// The plugin: `go` or `protoc-gen-go` for the program `protoc-gen-go`, or a path to one.
    #[arg(value_name = "PLUGIN")]
    pub(crate) program: PathBuf,

    #[command(flatten)]
    pub(crate) tree: ExportTree,

    /// A parameter for the plugin; may be given several times.
    #[arg(long = "opt", value_name = "PARAMETER")]
    pub(crate) options: Vec<String>,

    /// Show the plugin every service as it was at this release.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) at: Option<Release>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Idiomatic .proto files, which every protobuf tool reads: one for each contract, and one of package x.vN for each
    /// major of its services.
    Proto(ExportProto),
    /// The descriptors of these .proto files as one binary file, a set of descriptors of protobuf.
    Descriptors(ExportDescriptors),
    /// What the contracts mean, all of it, as JSON.
    Json(ExportFile),
    /// Documentation: a page for each package, and an index.
    Html(ExportTree),
    /// JSON Schema of messages in protobuf's JSON form, a file for each package.
    JsonSchema(ExportTree),
}

#[derive(Debug, Args)]
pub(crate) struct ExportProto {
    #[command(flatten)]
    pub(crate) tree: ExportTree,

    /// Export every service as it was at this release.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) at: Option<Release>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportDescriptors {
    #[command(flatten)]
    pub(crate) file: ExportFile,

    /// Export every service as it was at this release.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) at: Option<Release>,

    /// With comments, and places in the .proto files.
    #[arg(long)]
    pub(crate) source_info: bool,
}

/// What becomes one file.
#[derive(Debug, Args)]
pub(crate) struct ExportFile {
    #[command(flatten)]
    pub(crate) input: Input,

    /// The file to write to. Without it: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Write nothing; exit with 1 if the file is not there or says something else.
    #[arg(long, requires = "out")]
    pub(crate) check: bool,
}

/// What becomes a folder of files.
#[derive(Debug, Args)]
pub(crate) struct ExportTree {
    #[command(flatten)]
    pub(crate) input: Input,

    /// The folder to write to: only what changed is written, and files of an earlier export that nothing makes any more
    /// are removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Write nothing; list files that are stale, missing or left over, with a diff, and exit with 1 if there are any.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Freeze {
    #[command(flatten)]
    pub(crate) input: Input,

    /// Freeze this release and those before it; without, every release that is listed.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) at: Option<Release>,

    /// Freeze releases of this service only: its full name or the last part of it. May be given several times.
    #[arg(long = "service", value_name = "NAME")]
    pub(crate) services: Vec<String>,

    /// Let a frozen release go again: for one that never left this repository.
    #[arg(long, value_name = "RELEASE", conflicts_with = "at")]
    pub(crate) unfreeze: Option<Release>,
}

#[derive(Debug, Args)]
pub(crate) struct Breaking {
    /// The contracts as they are: .rpc files, or folders that are searched for them at any depth.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// The contracts as they were: a folder, which is an import root; a commit of this repository, such as `main` or
    /// `v1.2`; one .rpc file; or a binary descriptor set.
    #[arg(long, value_name = "BASE")]
    pub(crate) against: String,

    /// A folder that imports of PATH start from, as for `check`.
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,

    /// Accept what breaks in a category (source, wire, json, routing), or all that a code reports. May be given several
    /// times.
    #[arg(long, value_name = "CATEGORY|CODE")]
    pub(crate) allow: Vec<String>,

    /// Look only at what a frozen release rests on: nothing else was promised to anybody.
    #[arg(long)]
    pub(crate) released_only: bool,

    /// How verdicts are printed: for people on standard error, otherwise on standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,

    #[command(flatten)]
    pub(crate) colours: Colours,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as CS0101, or its number.
    #[arg(required_unless_present = "list")]
    pub(crate) code: Option<String>,

    /// List every code with its severity and title.
    #[arg(long, conflicts_with = "code")]
    pub(crate) list: bool,

    #[command(flatten)]
    pub(crate) colours: Colours,
}

/// What to read and how to report on it.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Contracts: .rpc files, or folders that are searched for them at any depth.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// A folder that imports start from; may be given several times. Without any: the roots of the nearest
    /// callsheet.toml, or else the working directory.
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,

    /// How findings are printed: for people on standard error, otherwise on standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,

    /// A lint that is an error: its code, or `lints` for all. May be given several times.
    #[arg(long, value_name = "LINT")]
    pub(crate) deny: Vec<String>,

    /// A lint that is told and no error, whatever callsheet.toml says.
    #[arg(long, value_name = "LINT")]
    pub(crate) warn: Vec<String>,

    /// A lint that is not told. Where several levels are given to one lint, the strictest holds.
    #[arg(long, value_name = "LINT")]
    pub(crate) allow: Vec<String>,

    #[command(flatten)]
    pub(crate) colours: Colours,
}

/// Whether to write in colours.
#[derive(Clone, Debug, Args)]
pub(crate) struct Colours {
    /// When to write in colours. `auto`: on a terminal that is not `dumb`, unless `NO_COLOR` is set, and everywhere if
    /// `CLICOLOR_FORCE` is.
    #[arg(long = "color", value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(crate) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With the source, the places involved, and help.
    Human,
    /// One line each: path:line:column: error[CODE]: message.
    Short,
    /// One JSON object per line.
    Json,
    /// One SARIF 2.1.0 log, which code hosts and editors read.
    Sarif,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
}
