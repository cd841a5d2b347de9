//! Which inputs of a merge are worth keeping, by what libFuzzer wrote down of each.

use std::collections::HashSet;

/// What one input covers.
#[derive(Default)]
struct Input<'a> {
    path: &'a str,
    covers: HashSet<u64>,
}

/// Up to `most` inputs of a merge's control file: each the one that adds most to those before it and to the folder that
/// counts as covered; of equals the first.
///
/// The file has the number of inputs, the number of those in the first folder, their paths, and for each what it covers:
/// `FT 3 17 4711` says that the fourth takes these two edges.
pub(super) fn most_of(control: &str, most: usize) -> Vec<String> {
    let mut lines = control.lines();
    let mut number = || lines.next()?.trim().parse::<usize>().ok();
    let (Some(all), Some(first)) = (number(), number()) else {
        return Vec::new();
    };
    let mut inputs: Vec<Input<'_>> = lines
        .by_ref()
        .take(all)
        .map(|path| Input {
            path,
            ..Input::default()
        })
        .collect();
    for line in lines {
        let mut words = line.split(' ');
        if words.next() != Some("FT") {
            continue;
        }
        let mut numbers = words.filter_map(|word| word.parse::<u64>().ok());
        let at = numbers.next().and_then(|at| usize::try_from(at).ok());
        if let Some(input) = at.and_then(|at| inputs.get_mut(at)) {
            input.covers.extend(numbers);
        }
    }
    let rest = inputs.split_off(first.min(inputs.len()));
    let mut covered: HashSet<u64> = inputs.into_iter().flat_map(|input| input.covers).collect();
    let mut rest: Vec<Input<'_>> = rest;
    let mut kept = Vec::new();
    while kept.len() < most {
        for input in &mut rest {
            input.covers.retain(|edge| !covered.contains(edge));
        }
        // The last of equals is the one that `max_by_key` takes.
        let Some(best) = rest.iter().rev().max_by_key(|input| input.covers.len()) else {
            break;
        };
        if best.covers.is_empty() {
            break;
        }
        kept.push(best.path.to_owned());
        covered.extend(&best.covers);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::most_of;

    #[test]
    fn inputs_that_add_most_come_first_and_none_that_adds_nothing() {
        let control = "5\n1\nknown/a\nown/b\nown/c\nown/d\nown/e\nSTARTED 0 3\nFT 0 1 2\nCOV 0 9\nFT 1 1 2\n\
                       FT 2 2 3\nFT 3 3 4 5\nFT 4 6\nDONE 4\n";
        assert_eq!(most_of(control, 9), ["own/d", "own/e"]);
        assert_eq!(most_of(control, 1), ["own/d"]);
        assert!(most_of("", 9).is_empty());
    }
}
