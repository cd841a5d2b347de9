//! Three members, of which one may go.

use callsheet::registry::{LeaseState, connect};
use callsheet_tests::engine::etcd::Cluster;

use super::{SERVICE, has, listed, until, within};

#[tokio::test]
async fn the_loss_of_the_leader_takes_nobody_off_the_list() {
    let mut cluster = Cluster::start().await;
    let server = connect(&cluster.address()).await.unwrap();
    let client = connect(&cluster.address()).await.unwrap();
    let stays = listed(&server, "stays").await;
    let mut watch = client.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "stays")).await;
    for round in 0..2 {
        let leader = cluster.leader();
        cluster.members()[leader].kill();
        let id = format!("joins-{round}");
        let joins = listed(&server, &id).await;
        until("another", &mut watch, |now| {
            assert!(has(now, "stays"), "who was there stays");
            has(now, &id)
        })
        .await;
        within("the registration", stays.listed()).await.unwrap();
        within("the end", joins.deregister()).await.unwrap();
        cluster.restart(leader).await;
    }
    assert!(matches!(stays.state(), LeaseState::Listed));
}

#[tokio::test]
async fn a_member_that_is_suspended_is_left_for_another() {
    let mut cluster = Cluster::start().await;
    let server = connect(&cluster.address()).await.unwrap();
    let lease = listed(&server, "stays").await;
    let client = connect(&cluster.address()).await.unwrap();
    let mut watch = client.watch(SERVICE);
    until("the instance", &mut watch, |now| has(now, "stays")).await;
    // One after another, so that it is the one in use of each, whichever that is.
    for member in 0..3 {
        cluster.members()[member].stop();
        let id = format!("joins-{member}");
        let joins = listed(&server, &id).await;
        until("another", &mut watch, |now| has(now, &id)).await;
        cluster.members()[member].cont();
        within("the end", joins.deregister()).await.unwrap();
    }
    within("the registration", lease.listed()).await.unwrap();
    until("the first", &mut watch, |now| has(now, "stays")).await;
}
