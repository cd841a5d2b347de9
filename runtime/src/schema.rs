//! The protobuf descriptors of generated packages: each holds its own files, and names those that it refers to.

use std::collections::{HashMap, HashSet};
use std::ptr;

use bytes::Bytes;
use prost::Message;

/// The descriptors of a package's files and of all that they refer to, put together when they are asked for.
#[derive(Debug)]
pub struct Schema {
    /// A protobuf-encoded `FileDescriptorSet` of the package's own files, and of others that no other schema has.
    files: &'static [u8],
    /// The schemas of the packages that these import. Packages may import each other.
    imports: &'static [&'static Schema],
}

/// A `FileDescriptorSet` of files that are not looked into.
#[derive(Clone, PartialEq, Message)]
struct Set {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// What tells the order of a `FileDescriptorProto`.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
}

impl Schema {
    /// For generated code: what its package holds, and what that imports.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(files: &'static [u8], imports: &'static [&'static Self]) -> Self {
        Self { files, imports }
    }

    /// A protobuf-encoded `FileDescriptorSet`: each file once, behind all that it imports. What Protobuf's tools read; made
    /// anew at each call.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut set = Set::default();
        let mut heads = Vec::new();
        for schema in self.reachable() {
            // What the compiler wrote can be read.
            let own = Set::decode(Bytes::from_static(schema.files)).unwrap_or_default();
            for file in own.file {
                heads.push(Head::decode(file.clone()).unwrap_or_default());
                set.file.push(file);
            }
        }
        let order = order(&heads);
        let file = order.into_iter().map(|at| set.file[at].clone()).collect();
        Set { file }.encode_to_vec()
    }

    /// This one and all that it imports, at any remove.
    fn reachable(&self) -> Vec<&Self> {
        let mut met = HashSet::from([ptr::from_ref(self)]);
        let mut all = vec![self];
        let mut next = 0;
        while let Some(&schema) = all.get(next) {
            next += 1;
            let imports = schema.imports.iter().copied();
            all.extend(imports.filter(|import| met.insert(ptr::from_ref(*import))));
        }
        all
    }
}

/// The positions of the first file of each name, each behind those that it imports.
fn order(heads: &[Head]) -> Vec<usize> {
    let mut by_name = HashMap::new();
    for (position, head) in heads.iter().enumerate() {
        by_name.entry(head.name.as_str()).or_insert(position);
    }
    let mut met = vec![false; heads.len()];
    let mut order = Vec::with_capacity(by_name.len());
    // The way to a file, each with how many of its imports have been looked at. A chain of imports may be long.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for head in heads {
        path.extend(by_name.get(head.name.as_str()).map(|&first| (first, 0)));
        while let Some((at, seen)) = path.pop() {
            if seen == 0 && std::mem::replace(&mut met[at], true) {
                continue;
            }
            match heads[at].dependency.get(seen) {
                Some(import) => {
                    path.push((at, seen + 1));
                    path.extend(by_name.get(import.as_str()).map(|&import| (import, 0)));
                }
                None => order.push(at),
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    use super::*;

    fn bytes(files: &[(&str, &[&str])]) -> &'static [u8] {
        let files = files.iter().map(|(name, imports)| FileDescriptorProto {
            name: Some((*name).to_owned()),
            dependency: imports.iter().map(|&import| import.to_owned()).collect(),
            ..FileDescriptorProto::default()
        });
        let set = FileDescriptorSet {
            file: files.collect(),
        };
        Vec::leak(set.encode_to_vec())
    }

    fn schema(files: &[(&str, &[&str])], imports: &[&'static Schema]) -> &'static Schema {
        let imports = Vec::leak(imports.to_vec());
        Box::leak(Box::new(Schema::new(bytes(files), imports)))
    }

    fn names(schema: &Schema) -> Vec<String> {
        let set = FileDescriptorSet::decode(schema.encode().as_slice()).unwrap();
        let names = set.file.iter().map(|file| file.name().to_owned());
        names.collect()
    }

    #[test]
    fn each_file_stands_once_behind_those_that_it_imports() {
        let time = ("time.proto", [].as_slice());
        let base = schema(&[time, ("b1.proto", &["time.proto"])], &[]);
        let side = schema(&[time, ("s.proto", &["time.proto", "b1.proto"])], &[base]);
        let top = schema(&[("t.proto", &["s.proto", "b1.proto"])], &[side, base]);
        assert_eq!(names(top), ["time.proto", "b1.proto", "s.proto", "t.proto"]);
        assert_eq!(names(base), ["time.proto", "b1.proto"]);
    }

    #[test]
    fn packages_may_import_each_other() {
        static ONE: Schema = Schema::new(b"", &[&TWO]);
        static TWO: Schema = Schema::new(b"", &[&ONE, &TWO]);
        assert_eq!(ONE.reachable().len(), 2);
        assert!(TWO.encode().is_empty());
    }

    #[test]
    fn a_long_chain_of_imports_needs_no_deep_stack() {
        let names: Vec<String> = (0..100_000).map(|at| at.to_string()).collect();
        let heads = names.windows(2).map(|pair| Head {
            name: pair[0].clone(),
            dependency: vec![pair[1].clone()],
        });
        let order = order(&heads.collect::<Vec<_>>());
        assert!(order.is_sorted_by(|a, b| a > b), "the last is first");
    }
}
