//! Grows a tree of contracts that mirrors a large API, the same in `.rpc` and in `.proto`:
//! `contract-tree FILES SEED OUT` writes `OUT/rpc`, `OUT/proto`, and `OUT/wrong`, which is `rpc` with a mistake in each
//! file, and prints how many bytes the first two have.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever started it"
)]

mod contract;
mod grow;
mod mistakes;
mod random;
mod words;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [files, seed, out] = arguments.as_slice() else {
        eprintln!("takes `FILES SEED OUT`");
        return ExitCode::from(2);
    };
    let (Ok(files), Ok(seed)) = (files.parse(), seed.parse()) else {
        eprintln!("FILES and SEED are numbers");
        return ExitCode::from(2);
    };
    match write(files, seed, Path::new(out)) {
        Ok([rpc, proto]) => {
            println!("rpc_bytes={rpc} proto_bytes={proto}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{out}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(files: usize, seed: u64, out: &Path) -> io::Result<[usize; 2]> {
    let mut tree = grow::Tree::new(seed);
    let mut bytes = [0; 2];
    for number in 0..files {
        let file = tree.file();
        bytes[0] += file.rpc.len();
        bytes[1] += file.proto.len();
        let wrong = mistakes::spoil(number, &file.rpc);
        for (folder, ending, text) in [
            ("rpc", "rpc", &file.rpc),
            ("proto", "proto", &file.proto),
            ("wrong", "rpc", &wrong),
        ] {
            let path = out.join(folder).join(format!("{}.{ending}", file.path));
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, text)?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{grow, mistakes};

    #[test]
    fn one_seed_grows_one_tree() {
        let [mut one, mut same, mut other] = [1, 1, 2].map(grow::Tree::new);
        for _ in 0..20 {
            let (one, same, other) = (one.file(), same.file(), other.file());
            assert_eq!(
                (&one.path, &one.rpc, &one.proto),
                (&same.path, &same.rpc, &same.proto)
            );
            assert_ne!(one.rpc, other.rpc);
        }
    }

    #[test]
    fn every_kind_of_mistake_changes_a_file() {
        let mut tree = grow::Tree::new(1);
        for number in 0..40 {
            let text = tree.file().rpc;
            assert_ne!(mistakes::spoil(number, &text), text, "{number}");
        }
    }

    #[test]
    fn files_import_only_what_is_there() {
        let mut tree = grow::Tree::new(1);
        let mut known = Vec::new();
        for _ in 0..60 {
            let file = tree.file();
            for line in file.rpc.lines() {
                if let Some(path) = line.strip_prefix("import \"") {
                    let path = path.trim_end_matches(".rpc\";");
                    assert!(known.iter().any(|known| known == path), "{path}");
                }
            }
            known.push(file.path);
        }
    }
}
