//! Which known names a misspelt one may have meant.

/// The candidates that differ from `name` by a typing slip, nearest first, at most three.
///
/// Letter case counts for nothing, a swap of neighbours for one edit. A third of the letters may be wrong, so that short
/// names do not attract everything.
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const SHOWN: usize = 3;
    // A name beyond this length is no slip of a known one, and the distance costs its square.
    const LONGEST: usize = 128;
    if name.len() > LONGEST {
        return Vec::new();
    }
    let wanted = name.to_ascii_lowercase();
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && *candidate != name)
        .filter_map(|candidate| {
            let allowed = (name.len().max(candidate.len()) / 3).max(1);
            if name.len().abs_diff(candidate.len()) > allowed {
                return None;
            }
            let distance = distance(wanted.as_bytes(), candidate.to_ascii_lowercase().as_bytes());
            (distance <= allowed && distance < name.len()).then_some((distance, candidate))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(SHOWN);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The one word of a closed vocabulary that is certainly meant: the same but for case and `_`, or one slip away while no
/// other is within two.
pub fn certain<'a>(name: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A shorter word is a slip away from too many that are not in the vocabulary at all.
    const SHORTEST: usize = 4;
    // No word of ours is half as long.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let wanted = plain(name);
    let mut found: Vec<(usize, &str)> = words
        .into_iter()
        .map(|word| (distance(wanted.as_bytes(), plain(word).as_bytes()), word))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [(0, word)] => Some(word),
        [(0, word), (next, _), ..] if next > 0 => Some(word),
        [(1, word)] if name.len() >= SHORTEST => Some(word),
        _ => None,
    }
}

/// Optimal string alignment: inserts, deletes, replaces, swaps of neighbours.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let replace = above[column] + usize::from(l != r);
            let mut best = replace.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *l == right[column - 1] && left[row - 1] == *r {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{certain, near};

    #[test]
    fn a_slip_finds_its_name() {
        assert_eq!(near("mesage", ["message", "enum"]), ["message"]);
        assert_eq!(near("rcp", ["rpc", "map"]), ["rpc"]);
        assert_eq!(near("Strin", ["string"]), ["string"]);
    }

    #[test]
    fn another_word_finds_nothing() {
        assert!(near("on", ["rpc", "map"]).is_empty());
        assert!(near("x", ["y"]).is_empty());
        assert!(near(&"a".repeat(1000), ["a"]).is_empty());
    }
    #[test]
    fn a_word_is_certain_where_nothing_else_is_near() {
        let words = ["retry", "timeout", "not_found", "random", "required"];
        assert_eq!(certain("retyr", words), Some("retry"));
        assert_eq!(certain("NotFound", words), Some("not_found"));
        assert_eq!(certain("TIMEOUT", words), Some("timeout"));
        assert_eq!(certain("requird", ["required", "require"]), None);
        assert_eq!(certain("gip", ["gzip", "zstd"]), None);
        assert_eq!(certain("max", ["max", "min"]), Some("max"));
    }
}
