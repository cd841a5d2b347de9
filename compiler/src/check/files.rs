//! Files as wholes: package and path, imports that nothing needs.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::File;
use crate::resolve::{Import, is_identifier, whole_line};
use crate::syntax::ast;

use super::whole::Whole;
use super::{alternatives, dotted};

impl Whole<'_> {
    /// Checks the head of a file, once everything in it has been looked up, and fills its imports in.
    pub(super) fn file(&mut self, position: usize, made: &mut File) {
        let loaded = self.loaded;
        let file = &loaded.files[position];
        if let Some(package) = &file.ast.package
            && !file.ast.lost.within(package.span)
            && !self.misnamed.contains(&file.id)
        {
            self.package_path(package, &made.import_path);
        }
        let lost = !file.ast.lost.words.is_empty() || file.ast.lost.rest;
        let found = &self.files[position];
        let unknown = found.incomplete;
        let mut unused = Vec::new();
        for (written, import) in file.ast.imports.iter().zip(&file.imports) {
            let Import::File(target) = *import else {
                continue;
            };
            made.imports.push(
                self.sources
                    .file(loaded.files[target].id)
                    .import_path
                    .clone(),
            );
            if !found.used.contains(&target) && !lost && !unknown {
                unused.push(
                    Diagnostic::new(
                        Code::UnusedImport,
                        written.path.span,
                        format!("nothing of `{}` is used", written.path.value),
                    )
                    .label("unused import")
                    .help("remove the import")
                    .fix(whole_line(self.sources, written.span), ""),
                );
            }
        }
        made.imports
            .extend(found.well_known.iter().map(|proto| (*proto).into()));
        made.imports.sort();
        made.imports.dedup();
        made.imports.shrink_to_fit();
        self.out.append(&mut unused);
    }

    /// `package shop.orders` lives in `shop/orders.rpc`, or in any file of the folder `shop/orders/`.
    fn package_path(&mut self, package: &ast::Path, import_path: &str) {
        let candidates = packages_of(import_path);
        let written = dotted(package);
        if candidates.contains(&written) {
            return;
        }
        let right = format!("{}.rpc", written.replace('.', "/"));
        let report = Diagnostic::new(
            Code::PackagePath,
            package.span,
            format!("the package `{written}` does not follow the path `{import_path}`"),
        )
        .label(format!("its file would be `{right}`"));
        let help = if candidates.is_empty() {
            format!("move the file to `{right}`")
        } else {
            let names = candidates.iter().map(String::as_str);
            format!(
                "write `package` {}, move the file to `{right}`, or name the root it starts from (`--root`)",
                alternatives(names)
            )
        };
        self.out.push(report.help(help));
    }
}

/// The packages that a file may have by its path.
pub(super) fn packages_of(import_path: &str) -> Vec<String> {
    let stem = import_path.strip_suffix(".rpc").unwrap_or(import_path);
    let folder = stem.rsplit_once('/').map(|(folder, _)| folder);
    [Some(stem), folder]
        .into_iter()
        .flatten()
        .filter(|path| path.split('/').all(is_identifier))
        .map(|path| path.replace('/', "."))
        .collect()
}
