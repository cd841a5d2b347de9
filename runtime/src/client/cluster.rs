//! How many instances a call asks, and what their failures mean.

use crate::contract::{Cluster, MethodDescriptor, MethodKind};
use crate::status::Status;

use super::journey::Journey;
use super::reply::Received;
use super::stack;

/// What a client does of the strategies, beyond what a treatment says of tries and balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// One instance after the other.
    Failover,
    /// The same, and a failure is swallowed.
    Failsafe,
    /// The same, and a failure is repeated in the background.
    Failback,
}

impl Strategy {
    /// What `cluster` means for `method`. One that does not fit it is as if it were not there.
    pub(super) fn of(method: &MethodDescriptor, cluster: Cluster) -> Self {
        let single = matches!(method.kind, MethodKind::Unary | MethodKind::OneWay);
        match cluster {
            Cluster::Failsafe if single => Self::Failsafe,
            Cluster::Failback if single => Self::Failback,
            _ => Self::Failover,
        }
    }
}

/// Asks as the strategy says.
pub(super) async fn ask(mut journey: Journey, strategy: Strategy) -> Result<Received, Status> {
    match strategy {
        Strategy::Failover | Strategy::Failsafe | Strategy::Failback => {
            stack::run(&mut journey).await
        }
    }
}
