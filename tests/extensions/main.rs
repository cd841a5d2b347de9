//! What others add to Callsheet, each as a third party would: filters, layers of `tower`, balancers, retry policies, codecs,
//! transports, registries, sources of documents; and the kit that tests are made with.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod balancer;
mod cluster;
mod codec;
mod documents;
mod faults;
mod filters;
mod layers;
mod registry;
mod retries;
mod seeds;
mod shop;
mod streams;
mod transport;
