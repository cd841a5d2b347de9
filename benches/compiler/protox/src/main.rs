//! protox and prost-build as one compiler: `peer-protox check ROOT` or `peer-protox gen ROOT OUT`.

#![expect(
    clippy::print_stderr,
    reason = "a program that reports to whoever started it"
)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let done = match arguments.iter().map(PathBuf::as_path).collect::<Vec<_>>()[..] {
        [what, root] if what == Path::new("check") => compile(root).map(drop),
        [what, root, out] if what == Path::new("gen") => generate(root, out),
        _ => Err("takes `check ROOT` or `gen ROOT OUT`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compile(root: &Path) -> Result<protox::Compiler, Box<dyn Error>> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(files)?;
    Ok(compiler)
}

fn generate(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let set = compile(root)?.file_descriptor_set();
    fs::create_dir_all(out)?;
    prost_build::Config::new()
        .out_dir(out)
        .include_file("mod.rs")
        .compile_fds(set)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
