//! A contract written by hand, as generated code would have it. Messages are `StringValue`: prost knows them as `String`.

use callsheet::codegen::{
    MethodDescriptor, MethodKind, Policy, Release, Schema, ServiceDescriptor,
};

const FIRST: Release = Release::new(1, 0);

const fn unary(index: usize, name: &'static str, path: &'static str) -> MethodDescriptor {
    MethodDescriptor {
        service: "test.Echo",
        name,
        path,
        index,
        since: FIRST,
        kind: MethodKind::Unary,
        request: "google.protobuf.StringValue",
        reply: "google.protobuf.StringValue",
        policy: Policy::UNSET,
    }
}

/// `echo` answers what it is asked; `hang` never answers; `block` keeps its thread as well.
pub(crate) static ECHO: ServiceDescriptor = ServiceDescriptor {
    name: "test.Echo",
    release: FIRST,
    releases: &[FIRST],
    groups: &[],
    open_groups: false,
    methods: &[
        unary(0, "echo", "test.v1.Echo/echo"),
        unary(1, "hang", "test.v1.Echo/hang"),
        unary(2, "block", "test.v1.Echo/block"),
    ],
    schema: &Schema::new(&[], &[]),
};
