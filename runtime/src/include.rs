//! Takes generated code from where the build script put it.

/// Includes what `callsheet_build::configure().compile(…)` generated in the crate's build script.
///
/// `include_rpc!()` includes the whole tree: one module per part of each package's name.
/// `include_rpc!("shop.orders")` includes the items of one package, to stand in a module of your own; where they name
/// another package, its module must stand where the tree would have it.
#[macro_export]
macro_rules! include_rpc {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/mod.rs"));
    };
    ($package:literal) => {
        ::core::include!(::core::concat!(
            ::core::env!("OUT_DIR"),
            "/",
            $package,
            ".rs"
        ));
    };
}
