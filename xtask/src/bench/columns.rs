//! Tables for people: columns, and numbers as they are read.

/// The rows in columns: the first left, the others right.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let mut line = String::from(" ");
        for (at, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(width(at) - cell.chars().count());
            line.push_str(if at == 0 { " " } else { "  " });
            if at == 0 {
                line.extend([cell.as_str(), &blanks]);
            } else {
                line.extend([blanks.as_str(), cell]);
            }
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Nothing where there is nothing to compare with.
pub(super) fn ratio(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}

/// Thousands apart by blanks, and decimals only where they say something.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        tiny if tiny < 0.1 => 3,
        small if small < 10.0 => 2,
        middling if middling < 100.0 => 1,
        _ => 0,
    };
    let written = format!("{value:.decimals$}");
    let (whole, rest) = written.split_once('.').unwrap_or((&written, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if rest.is_empty() {
        grouped
    } else {
        format!("{grouped}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_decimals_as_they_need() {
        for (value, written) in [
            (0.0667, "0.067"),
            (0.456, "0.46"),
            (12.34, "12.3"),
            (999.6, "1 000"),
            (1_234_567.0, "1 234 567"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), written);
        }
    }
}
