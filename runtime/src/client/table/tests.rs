//! Who is asked, where some have no weight and something speaks against others.

use std::collections::BTreeSet;

use super::*;
use crate::balance::P2c;
use crate::registry::{Fixed, Handle};
use crate::release::Release;
use crate::route::{Demand, GroupChoice};

/// The table of these instances, as `static:` lists them.
fn table(list: &str, groups: &GroupChoice) -> Table {
    let registry = Handle::new(Fixed::parse(list).unwrap());
    let client = Client::builder().registry(&registry).build();
    let now = Instant::now();
    let choice = Choice {
        demand: &Demand::new(Release::new(1, 0), groups.clone()),
        path: "test.v1.Echo/echo",
        balancer: Arc::new(P2c::new(5)),
        zone: None,
        breaks: true,
        routing: None,
        weights: &[],
    };
    Table::new(&client, client.view("test.Echo").look(now), choice, now).unwrap()
}

fn all(table: &Table) -> impl Iterator<Item = &Arc<Target>> {
    let tiers = table.tiers.iter().chain(&table.spares);
    tiers.flat_map(|tier| &tier.targets)
}

/// The instance on this port.
fn at(table: &Table, port: u16) -> &Arc<Target> {
    let here = |target: &&Arc<Target>| port_of(target) == port;
    all(table).find(here).unwrap()
}

fn port_of(target: &Target) -> u16 {
    let (_, port) = target.endpoint.text().rsplit_once(':').unwrap();
    port.parse().unwrap()
}

/// The ports of those that calls go to which were turned away by `tried`.
fn asked(table: &Table, tried: &[u16]) -> Vec<u16> {
    let tried: Vec<u64> = tried.iter().map(|&port| at(table, port).key).collect();
    let picks = (0..100).filter_map(|_| table.pick(&tried, None, Instant::now()));
    let ports: BTreeSet<u16> = picks.map(|target| port_of(target)).collect();
    ports.into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn weight_0_is_asked_where_all_others_are_down_and_not_for_a_suspicion() {
    let list = "tcp://h:1,tcp://h:2|tcp://h:8,tcp://h:9;weight=0";
    let table = table(list, &GroupChoice::Any);
    let stands = |port, standing| at(&table, port).vitals.load.set_standing(standing);
    assert_eq!(asked(&table, &[]), [1, 2]);
    stands(1, Standing::Suspect);
    assert_eq!(asked(&table, &[]), [2]);
    stands(2, Standing::Suspect);
    assert_eq!(asked(&table, &[]), [1, 2], "they may be merely busy");
    assert_eq!(asked(&table, &[1]), [2]);
    assert_eq!(asked(&table, &[1, 2]), [8, 9], "nobody else is left");
    stands(1, Standing::Down);
    assert_eq!(asked(&table, &[]), [2]);
    stands(2, Standing::Down);
    assert_eq!(asked(&table, &[]), [8, 9]);
    stands(8, Standing::Suspect);
    assert_eq!(asked(&table, &[]), [9]);
    stands(9, Standing::Down);
    assert_eq!(asked(&table, &[]), [8]);
    stands(8, Standing::Down);
    assert_eq!(asked(&table, &[]), [1, 2]);
    assert_eq!(asked(&table, &[1, 2, 8]), [9]);
    assert!(asked(&table, &[1, 2, 8, 9]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_instances_have_weight_0_gives_way_to_the_next() {
    let list = "tcp://h:1;weight=0;group=a|tcp://h:2;group=b";
    let groups = GroupChoice::Preferred(["a".into(), "b".into()].into());
    let table = table(list, &groups);
    assert_eq!(asked(&table, &[]), [2]);
    assert_eq!(asked(&table, &[2]), [1]);
}

#[tokio::test(start_paused = true)]
async fn where_all_have_weight_0_all_are_asked() {
    let table = table("tcp://h:1,tcp://h:2;weight=0", &GroupChoice::Any);
    assert_eq!(asked(&table, &[]), [1, 2]);
    let other = at(&table, 2);
    other.vitals.load.set_standing(Standing::Suspect);
    assert_eq!(asked(&table, &[]), [1]);
    assert!(table.has_better(&[], other));
    assert!(!table.has_better(&[other.key], at(&table, 1)));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_left_for_one_of_weight_0_before_it_fails() {
    let list = "tcp://h:1,tcp://h:2|tcp://h:9;weight=0";
    let table = table(list, &GroupChoice::Any);
    let (one, two) = (at(&table, 1), at(&table, 2));
    assert!(table.has_better(&[], one));
    assert!(!table.has_better(&[two.key], one));
    assert!(table.has_better(&[], at(&table, 9)));
}
