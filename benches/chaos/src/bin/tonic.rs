//! A process of a scenario that uses tonic: `tonic-node serve …`, `tonic-node load …` or `tonic-node storm …`.
//!
//! `serve --name NAME --bind ADDRESS` until its input ends; `load --servers ADDRESS,… [--rate N] [--hold MS] [--fill BYTES]
//! [--seed N]` over
//! tonic's balanced channel until its input ends. tonic has no registry: the list is fixed, and servers come back where they
//! were.

use std::time::Duration;

use chaos::load::{Caller, Question, Refused};
use chaos::{Event, Failure, Options, dismissed, load, now, say, storm};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use rpc::target_client::TargetClient;
use rpc::target_server::{Target, TargetServer};
use rpc::{Answer, Ask};

/// What `target.proto` generates.
#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated"
)]
mod rpc {
    tonic::include_proto!("chaos.v1");
}

/// What an HTTP/2 client says first, and settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The time limit of a call: Callsheet's default, which tonic has none of.
const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", options @ ..] => serve(&Options::read(options)?).await,
        ["load", options @ ..] => {
            let options = Options::read(options)?;
            load::run(caller(&options)?, &options).await
        }
        ["storm", options @ ..] => storm::run(&Options::read(options)?, PREFACE).await,
        _ => Err("usage: tonic-node serve | load | storm".into()),
    }
}

struct Named(String);

#[tonic::async_trait]
impl Target for Named {
    async fn ask(&self, request: Request<Ask>) -> Result<Response<Answer>, Status> {
        let request = request.into_inner();
        if request.hold > 0 {
            tokio::time::sleep(Duration::from_millis(request.hold.into())).await;
        }
        Ok(Response::new(Answer {
            number: request.number,
            server: self.0.clone(),
            filling: vec![1; request.fill as usize],
        }))
    }
}

async fn serve(options: &Options) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(options.text("bind")?).await?;
    let address = listener.local_addr()?.to_string();
    let service = TargetServer::new(Named(options.text("name")?.to_owned()));
    say(&Event::Serving { address, at: now() });
    Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            dismissed(),
        )
        .await?;
    let report = String::new();
    say(&Event::Ended { report, at: now() });
    std::process::exit(0)
}

#[derive(Clone)]
struct Asking(TargetClient<Channel>);

fn caller(options: &Options) -> Result<Asking, Failure> {
    let mut servers = Vec::new();
    for address in options.text("servers")?.split(',') {
        servers.push(Endpoint::from_shared(format!("http://{address}"))?.timeout(DEADLINE));
    }
    let channel = Channel::balance_list(servers.into_iter());
    Ok(Asking(TargetClient::new(channel)))
}

impl Caller for Asking {
    async fn ask(&self, question: Question) -> Result<(u64, String), Refused> {
        let request = Ask {
            number: question.number,
            hold: question.hold,
            fill: question.fill,
        };
        match self.0.clone().ask(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok((answer.number, answer.server))
            }
            Err(status) => Err(Refused {
                started: true,
                status: status.to_string(),
            }),
        }
    }
}
