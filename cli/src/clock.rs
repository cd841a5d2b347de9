//! Times of day and spans of time, as people read them.

use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Milliseconds since 1970 by the clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "it is shown to people, and decides nothing"
)]
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// `3m12s`: the two largest units.
pub(crate) fn span(ms: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let largest = units.iter().position(|(unit, _)| ms >= *unit);
    let Some(largest) = largest else {
        return "0s".to_owned();
    };
    let (unit, name) = units[largest];
    let whole = format!("{}{name}", ms / unit);
    match units.get(largest + 1) {
        Some((next, name)) => format!("{whole}{}{name}", ms % unit / next),
        None => whole,
    }
}

/// The time of day in UTC: `2026-11-21T06:50:00Z`.
pub(crate) fn utc(ms: u64) -> String {
    let (days, rest) = (ms / DAY, ms % DAY);
    // Howard Hinnant's `civil_from_days`: years start in March, so that the leap day is the last.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / HOUR,
        rest % HOUR / MINUTE,
        rest % MINUTE / SECOND
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        let shown = [0, 999, 1_000, 61_000, 3_600_000, 90_061_000, 864_000_000].map(span);
        assert_eq!(shown, ["0s", "0s", "1s", "1m1s", "1h0m", "1d1h", "10d0h"]);
    }

    #[test]
    fn days_of_the_calendar_are_right_around_leap_days() {
        for (seconds, day) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_243_800, "2026-11-21T06:50:00Z"),
        ] {
            assert_eq!(utc(seconds * SECOND), day);
        }
    }
}
