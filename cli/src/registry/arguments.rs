//! What may be written behind `callsheet registry`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::reach::Reach;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 done, 1 nothing is listed under the name that was given, 2 wrong usage, or a registry that \
                  cannot be reached or refuses."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) task: Task,

    #[command(flatten)]
    pub(crate) reach: Reach,

    /// How what is found is printed.
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List every service with its instances.
    Ls,
    /// Show one service, or one instance of it: also what left, what operators said, and what is not believed.
    Get(Named),
    /// Tell what changes as it happens, until interrupted.
    Watch(Watch),
    /// Give an instance another weight than its server did, as long as it lives.
    Weight(Weight),
    /// Send an instance no more calls: clients finish what runs there and start nothing new.
    Drain(Drain),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The full name of a service, such as shop.orders.Orders.
    pub(crate) service: String,

    /// The id of an instance.
    pub(crate) id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The full name of a service; without it, all of them.
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("said").required(true).args(["share", "clear"])))]
pub(crate) struct Weight {
    /// The full name of the service.
    pub(crate) service: String,

    /// The id of the instance.
    pub(crate) id: String,

    /// Its share of the calls beside its peers' weights; servers start with 100. 0: none while another instance can.
    #[arg(value_name = "WEIGHT")]
    pub(crate) share: Option<u32>,

    /// Let the weight count again that its server gave.
    #[arg(long)]
    pub(crate) clear: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// The full name of the service.
    pub(crate) service: String,

    /// The id of the instance.
    pub(crate) id: String,

    /// Let it take calls again.
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in columns.
    Table,
    /// One JSON object per line.
    Json,
}
