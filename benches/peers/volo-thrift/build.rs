//! Compiles the service definition.

fn main() {
    volo_build::Builder::thrift()
        .add_service("echo.thrift")
        .write()
        .expect("echo.thrift compiles");
}
