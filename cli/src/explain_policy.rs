//! `callsheet explain-policy`: how calls of a method are treated, and who says so.

use std::fmt::Write as _;
use std::time::Duration;

use callsheet::governance::{
    Codes, Explained, HedgeSettings, Layer, LimitSettings, Place, RetrySettings, Settings,
    document_layers, explain,
};
use callsheet::{Balance, Cluster, Code, FieldPath, Priority};
use callsheet_build::diagnostic::render;
use callsheet_build::model::{self, Method};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Outcome;
use crate::arguments::Input;
use crate::check::analyse;
use crate::config::{documents_of, refused};
use crate::contracts;
use crate::process;
use crate::reach::{self, Reach};
use crate::report::{self, Failure};

/// What may be written behind `callsheet explain-policy`.
#[derive(Debug, Args)]
#[command(
    mut_arg("paths", |paths| paths.required(false)),
    after_help = "The contracts and the registry's documents are read here. What programs set in their code is theirs to tell: \
                  `--process` asks one that runs, by the admin endpoint of callsheet, for all that counts there.\n\n\
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

    /// Ask the process whose admin endpoint is here, `http://127.0.0.1:9900`, instead of contracts and registry. Where it wants
    /// a token, that is in the variable `CALLSHEET_ADMIN_TOKEN`.
    #[arg(long, value_name = "URL")]
    pub(crate) process: Option<String>,

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
    match &asked.process {
        Some(process) => of_process(asked, process),
        None if asked.input.paths.is_empty() => Err(Failure(
            "name the contracts, or a process that runs by `--process`".into(),
        )),
        None => of_contracts(asked),
    }
}

/// What a process tells of a method, as client and as server.
fn of_process(asked: &ExplainPolicy, process: &str) -> Result<Outcome, Failure> {
    let limit = Duration::from_secs(asked.reach.timeout);
    let told: Vec<Told> = reach::block_on(async { process::page(process, "/config", limit).await })
        .and_then(|page| serde_json::from_value(page).map_err(Failure::of))?;
    let fitting: Vec<&Told> = told.iter().filter(|one| one.is(&asked.method)).collect();
    if fitting.is_empty() {
        let mut there: Vec<&str> = told.iter().map(|one| &*one.method).collect();
        there.sort_unstable();
        there.dedup();
        let there = there.join(", ");
        report::say(&format!(
            "the process has no {}: it has {there}",
            asked.method
        ));
        return Ok(Outcome::Findings);
    }
    for one in fitting {
        report::say(&format!("{} as {}:", one.method, one.side));
        print(&one.settings, asked.shape)?;
    }
    Ok(Outcome::Clean)
}

/// What contracts and documents say of a method.
fn of_contracts(asked: &ExplainPolicy) -> Result<Outcome, Failure> {
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
    for document in global.iter().chain(&own) {
        let misfits = contracts::misfits(model, service, document);
        if !misfits.is_empty() {
            return Err(refused(&document.name, &misfits));
        }
    }
    let mut layers = vec![
        Layer::new(Place::BuiltIn, Settings::built_in(contracts::kind(method))),
        Layer::new(Place::Contract, of_contract(method)),
    ];
    layers.extend(document_layers(&method.name, global.as_ref(), own.as_ref()));
    let explained: Vec<_> = explain(&layers).into_iter().map(explanation).collect();
    print(&explained, asked.shape)?;
    Ok(Outcome::Clean)
}

/// A setting, its value, whose word that is, and who is overruled by it.
#[derive(Deserialize, Serialize)]
struct Explanation {
    key: String,
    value: String,
    place: String,
    #[serde(default)]
    overruled: Vec<String>,
}

fn explanation(explained: Explained) -> Explanation {
    let overruled = explained.overruled.into_iter();
    Explanation {
        key: explained.key,
        value: explained.value,
        place: explained.place.to_string(),
        overruled: overruled
            .map(|(place, value)| format!("{place}: {value}"))
            .collect(),
    }
}

/// What a process tells of one method.
#[derive(Deserialize)]
struct Told {
    side: String,
    /// Its path, with the major: `shop.orders.v1.Orders/place`.
    method: String,
    settings: Vec<Explanation>,
}

impl Told {
    /// Whether this is the method that is asked for, by its path or without the major.
    fn is(&self, asked: &str) -> bool {
        let is_major = |part: &&str| {
            let number = part.strip_prefix('v').unwrap_or_default();
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let parts: Vec<&str> = self.method.split('.').collect();
        let major = parts.iter().rposition(is_major);
        let rest = parts
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != major);
        let rest: Vec<&str> = rest.map(|(_, part)| *part).collect();
        self.method == asked || rest.join(".") == asked
    }
}

fn print(explained: &[Explanation], shape: Shape) -> Result<(), Failure> {
    report::print(&match shape {
        Shape::Table => table(explained),
        Shape::Json => lines(explained),
    })
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
fn table(explained: &[Explanation]) -> String {
    let width = |column: fn(&Explanation) -> usize| explained.iter().map(column).max().unwrap_or(0);
    let keys = width(|one| one.key.chars().count());
    let values = width(|one| one.value.chars().count());
    let mut text = String::new();
    for one in explained {
        let overruled = match &one.overruled[..] {
            [] => String::new(),
            all => format!("; not {}", all.join(", ")),
        };
        let Explanation {
            key, value, place, ..
        } = one;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:<keys$}  {value:<values$}  {place}{overruled}");
    }
    render::shown(&text)
}

fn lines(explained: &[Explanation]) -> String {
    let line = |one: &Explanation| format!("{}\n", json!(one));
    explained.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_found_with_and_without_its_major() {
        let told = Told {
            side: "client".into(),
            method: "shop.v2.orders.v1.Orders/place".into(),
            settings: Vec::new(),
        };
        assert!(told.is("shop.v2.orders.Orders/place"));
        assert!(told.is("shop.v2.orders.v1.Orders/place"));
        assert!(!told.is("shop.orders.Orders/place"));
    }
}
