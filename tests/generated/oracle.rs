//! Messages as prost-build makes them of the descriptors: what prost derives from, declaration by declaration.

use std::collections::BTreeMap;

use callsheet_build::codegen::Options;
use callsheet_build::{descriptor, driver};
use prost_build::Module;

use crate::text::model;

/// Holds messages that hold the next one twice, 48 deep: prost-build would walk every path.
const TOO_DEEP: &str = "doubling";

#[test]
fn messages_are_what_prost_build_makes_of_the_descriptors() {
    for folder in ["idl", "../idl-examples"] {
        let model = model(folder);
        let theirs = prost_build(descriptor::lower(&model));
        let ours = driver::generate(&model, &Options::default()).expect("default options");
        let mut compared = 0;
        for (package, text) in &theirs {
            let name = format!("{package}.rs");
            // Package `mod` gives way to the root.
            let name = if package == "mod" { "mod_.rs" } else { &name };
            let theirs = essence(text);
            let ours = essence(&ours.0[name]);
            compared += theirs.len();
            assert_eq!(ours, theirs, "{package}");
        }
        assert!(compared > 100, "{folder}: {compared} lines");
    }
}

fn prost_build(files: Vec<prost_types::FileDescriptorProto>) -> BTreeMap<String, String> {
    let files = files.into_iter().filter(|file| file.package() != TOO_DEEP);
    let requests = files.map(|file| (Module::from_parts([file.package()]), file));
    let texts = prost_build::Config::new()
        .bytes(["."])
        .prost_path("::callsheet::codegen::prost")
        .prost_types_path("::callsheet::codegen::prost_types")
        .generate(requests.collect())
        .expect("valid descriptors");
    let texts = texts.into_iter();
    let texts = texts.map(|(module, text)| (module.parts().collect::<Vec<_>>().join("."), text));
    texts.collect()
}

/// The declarations of a package, each line that prost's derives look at without blanks, and paths by one spelling.
fn essence(text: &str) -> Vec<String> {
    let (text, _) = text
        .split_once("/// The deployments of `")
        .unwrap_or((text, ""));
    let (text, _) = text
        .split_once("/// The protobuf descriptors of")
        .unwrap_or((text, ""));
    let mut essence: Vec<String> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        if code.starts_with("impl") && !code.ends_with('}') {
            let end = format!("{indent}}}");
            lines.find(|line| *line == end).expect("the end of an impl");
            continue;
        }
        let said = [
            "//",
            "#[allow(",
            "#[deprecated",
            "#[prost(skip_debug)",
            "const _",
            "pub const",
        ];
        if code.is_empty() || said.iter().any(|said| code.starts_with(said)) {
            continue;
        }
        let mut line: String = code.split_whitespace().collect();
        for (theirs, ours) in [
            (
                "::callsheet::codegen::prost::alloc::string::",
                "::std::string::",
            ),
            ("::callsheet::codegen::prost::alloc::vec::", "::std::vec::"),
            (
                "::callsheet::codegen::prost::alloc::boxed::",
                "::std::boxed::",
            ),
            (
                "::callsheet::codegen::prost::bytes::",
                "::callsheet::codegen::",
            ),
            // prost-build forgets what packed means by default where a field has any option, even `deprecated`.
            (",packed=\"false\"", ""),
        ] {
            line = line.replace(theirs, ours);
        }
        // prost's derive panics at a map of enums called as a keyword.
        if let (Some(behind), Some(before)) = (line.strip_prefix("pubr#"), essence.last())
            && before.starts_with("#[prost(map=")
            && before.contains("enumeration(")
        {
            line = format!("pub{}", behind.replacen(':', "_:", 1));
        }
        essence.push(line.replace("{}", "{"));
        if line.ends_with("{}") {
            essence.push("}".to_owned());
        }
    }
    essence
}
