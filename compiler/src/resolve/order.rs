//! Dependency order.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::source::SourceMap;

use super::{Import, Loaded, LoadedFile};

/// Sorts the graph: imported before importing, ties by import path.
pub(super) fn order(nodes: Vec<LoadedFile>, sources: &SourceMap) -> Loaded {
    let mut waits: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut importers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (position, node) in nodes.iter().enumerate() {
        let mut count = 0;
        for import in &node.imports {
            if let Import::File(target) = import {
                importers[*target].push(position);
                count += 1;
            }
        }
        waits.push(count);
    }
    let path = |position: usize| sources.file(nodes[position].id).import_path.clone();
    let mut ready: BTreeSet<(Arc<str>, usize)> = (0..nodes.len())
        .filter(|&position| waits[position] == 0)
        .map(|position| (path(position), position))
        .collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some((_, position)) = ready.pop_first() {
        sorted.push(position);
        for &importer in &importers[position] {
            waits[importer] -= 1;
            if waits[importer] == 0 {
                ready.insert((path(importer), importer));
            }
        }
    }
    let mut cyclic: Vec<usize> = (0..nodes.len())
        .filter(|&position| waits[position] > 0)
        .collect();
    cyclic.sort_by_key(|&position| path(position));
    sorted.extend(cyclic);

    let mut places = vec![0; nodes.len()];
    for (place, &position) in sorted.iter().enumerate() {
        places[position] = place;
    }
    let mut files: Vec<Option<LoadedFile>> = nodes.into_iter().map(Some).collect();
    let mut loaded = Loaded::default();
    for position in sorted {
        if let Some(mut file) = files[position].take() {
            for import in &mut file.imports {
                if let Import::File(target) = import {
                    *target = places[*target];
                }
            }
            loaded.files.push(file);
        }
    }
    loaded
}
