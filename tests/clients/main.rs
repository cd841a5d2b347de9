//! Generated clients against generated servers, through a registry: every way to call, and what a call inherits, where
//! it goes, and what becomes of it when servers come and go.

mod deadlines;
mod kinds;
mod membership;
mod routing;
mod shop;
