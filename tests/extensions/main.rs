//! What others add to Callsheet, each as a third party would: filters, layers of `tower`, balancers, codecs, transports,
//! registries; and the kit that tests are made with.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod cluster;
mod faults;
mod shop;
