//! A shop whose handlers answer at once, and tell what they saw.

use callsheet::testing::Cluster;
use callsheet::{Context, Status, Streaming};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Note, Order, OrderEvent, Report, UploadSummary};

/// The handlers of the member with this name.
pub(crate) fn shop(name: &str) -> OrdersMock {
    let name = name.to_owned();
    OrdersMock::new()
        .on_get(|id| {
            let context = Context::current().ok_or_else(|| Status::internal("no context"))?;
            context
                .append_trailer("attempt", context.attempt().to_string())
                .map_err(Status::from)?;
            if id == 404 {
                return Err(Status::not_found("no such order").into());
            }
            Ok(Order {
                id,
                note: context.metadata().text("tenant").map(Into::into),
                ..Order::default()
            })
        })
        .on_report(move || {
            Ok(Report {
                servers: vec![name.clone()],
                orders: 1,
                ..Report::default()
            })
        })
        .on_watch(|request| {
            let events = (0..u64::from(request.limit)).map(|order| OrderEvent { order, status: 0 });
            if request.customer != "fails" {
                return Ok(Streaming::from(events.collect::<Vec<_>>()));
            }
            let (sender, stream) = Streaming::channel(1);
            let events: Vec<_> = events.collect();
            tokio::spawn(async move {
                for event in events {
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
                sender.fail(Status::data_loss("the tape is torn")).await;
            });
            Ok(stream)
        })
        .on_upload(|_| Ok(UploadSummary::default()))
        .on_chat(|mut notes| {
            let (sender, replies) = Streaming::channel(1);
            tokio::spawn(async move {
                while let Some(Ok(note)) = notes.next().await {
                    let text = note.text.to_uppercase();
                    if sender.send(Note { text }).await.is_err() {
                        return;
                    }
                }
            });
            Ok(replies)
        })
}

/// A cluster of such shops.
pub(crate) async fn cluster(members: usize) -> Cluster {
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)));
    cluster.start(members).await.unwrap()
}

pub(crate) fn orders(cluster: &Cluster) -> OrdersClient {
    OrdersClient::new(&cluster.client())
}
