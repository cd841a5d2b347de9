//! `callsheet explain-policy`: how calls of a method are treated, and who says so.

use std::fmt::Write as _;
use std::time::Duration;

use callsheet::governance::{
    Codes, Explained, HedgeSettings, Layer, LimitSettings, Place, RetrySettings, Settings,
    document_layers, explain,
};
use callsheet::{Balance, Cluster, Code, FieldPath, MethodKind, Priority};
use callsheet_build::model::{self, Method};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::Outcome;
use crate::arguments::Input;
use crate::check::analyse;
use crate::config::documents_of;
use crate::contracts;
use crate::reach::{self, Reach};
use crate::report::{self, Failure};

/// What may be written behind `callsheet explain-policy`.
#[derive(Debug, Args)]
#[command(
    after_help = "What programs set in their code is theirs to tell: `--process` asks one that runs.\n\n\
                  Exit status: 0 told, 1 no such method, or contracts with errors, 2 wrong usage, or what cannot be reached."
)]
pub(crate) struct ExplainPolicy {
    /// The method: `shop.orders.Orders/place`.
    #[arg(value_name = "SERVICE/METHOD")]
    pub(crate) method: String,

    #[command(flatten)]
    pub(crate) input: Input,

    #[command(flatten)]
    pub(crate) reach: Reach,

    /// How it is printed.
    #[arg(long = "as", value_enum, default_value_t = Shape::Table)]
    pub(crate) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// For people, in columns.
    Table,
    /// One JSON object per line.
    Json,
}

/// Tells every setting of a method: its value, who says so, and who is overruled.
pub(crate) fn run(asked: &ExplainPolicy) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&asked.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let Some((service, method)) = asked.method.rsplit_once('/') else {
        return Err(Failure(format!(
            "`{}` names no method: write the service and the method, like shop.orders.Orders/place",
            asked.method
        )));
    };
    let Some(service) = contracts::service(model, service) else {
        let there = contracts::services(model);
        report::say(&format!("no service {service}: there is {there}"));
        return Ok(Outcome::Findings);
    };
    let Some(method) = contracts::method(service, method) else {
        let there: Vec<&str> = service.methods.iter().map(|one| &*one.name).collect();
        let (name, there) = (&service.name, there.join(", "));
        report::say(&format!("{name} has no method {method}: there is {there}"));
        return Ok(Outcome::Findings);
    };
    let name = service.name.to_string();
    let (global, own) = if asked.reach.is_named() {
        reach::block_on(async {
            let reached = asked.reach.open().await?;
            documents_of(&reached, &name).await
        })?
    } else {
        (None, None)
    };
    let mut layers = vec![
        Layer::new(Place::BuiltIn, Settings::built_in(kind(method))),
        Layer::new(Place::Contract, of_contract(method)),
    ];
    layers.extend(document_layers(&method.name, global.as_ref(), own.as_ref()));
    let explained = explain(&layers);
    report::print(&match asked.shape {
        Shape::Table => table(&explained),
        Shape::Json => lines(&explained),
    })?;
    Ok(Outcome::Clean)
}

/// What travels each way.
fn kind(method: &Method) -> MethodKind {
    match (
        method.policy.oneway,
        method.request.stream,
        method.reply_stream,
    ) {
        (true, ..) => MethodKind::OneWay,
        (_, false, false) => MethodKind::Unary,
        (_, true, false) => MethodKind::ClientStream,
        (_, false, true) => MethodKind::ServerStream,
        (_, true, true) => MethodKind::BidiStream,
    }
}

/// What the contract says, as the runtime takes it from generated code.
fn of_contract(method: &Method) -> Settings {
    let policy = &method.policy;
    let mut settings = Settings::new();
    settings.timeout = policy
        .timeout
        .map(|micros| Duration::from_micros(micros).into());
    settings.retry = policy.retry.as_ref().map(retry);
    settings.hedge = policy
        .hedge
        .map(|micros| HedgeSettings::new().after(Duration::from_micros(micros)));
    settings.balance = policy.balance.as_ref().map(balance);
    settings.cluster = policy.cluster.map(cluster);
    settings.priority = policy.priority.map(|priority| match priority {
        model::Priority::Low => Priority::Low,
        model::Priority::Normal => Priority::Normal,
        model::Priority::High => Priority::High,
    });
    settings.limit = policy.limit.map(|calls| LimitSettings::new().calls(calls));
    settings
}

fn retry(retry: &model::Retry) -> RetrySettings {
    let mut settings = RetrySettings::new().attempts(retry.attempts);
    if !retry.on.is_empty() {
        let name = |code: &model::StatusCode| {
            let named = model::StatusCode::ALL.iter().find(|(one, _)| one == code);
            named.and_then(|(_, name)| Code::ALL.into_iter().find(|it| it.as_str() == *name))
        };
        settings.on = Some(Codes(retry.on.iter().filter_map(name).collect()));
    }
    if let Some(backoff) = retry.backoff {
        settings = settings
            .first_pause(Duration::from_micros(backoff.from))
            .longest_pause(Duration::from_micros(backoff.to));
    }
    settings
}

fn balance(balance: &model::Balance) -> Balance {
    match balance {
        model::Balance::P2c => Balance::P2c,
        model::Balance::Random => Balance::Random,
        model::Balance::RoundRobin => Balance::RoundRobin,
        model::Balance::LeastActive => Balance::LeastActive,
        // It is only shown here, by its names.
        model::Balance::ConsistentHash(path) => Balance::ConsistentHash(FieldPath {
            names: path.join(".").leak(),
            numbers: &[],
        }),
    }
}

fn cluster(cluster: model::Cluster) -> Cluster {
    match cluster {
        model::Cluster::Failover => Cluster::Failover,
        model::Cluster::Failfast => Cluster::Failfast,
        model::Cluster::Failsafe => Cluster::Failsafe,
        model::Cluster::Failback => Cluster::Failback,
        model::Cluster::Forking(number) => Cluster::Forking(number),
        model::Cluster::Broadcast => Cluster::Broadcast,
        model::Cluster::Available => Cluster::Available,
    }
}

/// Settings, values and who says so, in columns; behind them who is overruled.
fn table(explained: &[Explained]) -> String {
    let width = |column: fn(&Explained) -> usize| explained.iter().map(column).max().unwrap_or(0);
    let keys = width(|one| one.key.chars().count());
    let values = width(|one| one.value.chars().count());
    let mut text = String::new();
    for one in explained {
        let overruled: Vec<_> = one
            .overruled
            .iter()
            .map(|(place, value)| format!("{value} by {place}"))
            .collect();
        let overruled = match &overruled[..] {
            [] => String::new(),
            all => format!("; not {}", all.join(", ")),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<keys$}  {:<values$}  {}{overruled}",
            one.key, one.value, one.place
        );
    }
    text
}

fn lines(explained: &[Explained]) -> String {
    let line = |one: &Explained| {
        let overruled: Vec<_> = one
            .overruled
            .iter()
            .map(|(place, value)| json!({ "place": place.to_string(), "value": value }))
            .collect();
        let whole = json!({
            "key": one.key,
            "value": one.value,
            "place": one.place.to_string(),
            "overruled": overruled,
        });
        format!("{whole}\n")
    };
    explained.iter().map(line).collect()
}
