//! Releases of a service, and which of them will do.

use std::fmt;
use std::str::FromStr;

/// A release of a service: `1.1`. Ordered; releases of one major only add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Before the dot.
    pub major: u32,
    /// Behind the dot.
    pub minor: u32,
}

impl Release {
    /// `major.minor`
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a text is no release or range of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseReleaseError(String);

impl fmt::Display for ParseReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no release: write `1.1`, a range such as `>=1.1, <2`, or `*`",
            self.0.escape_default()
        )
    }
}

impl std::error::Error for ParseReleaseError {}

impl FromStr for Release {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse().ok())
                .flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| ParseReleaseError(text.into()))
    }
}

/// Which releases of the client's major will do: `1.1`, `>=1.1, <2`, `*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReleaseRange {
    /// The oldest, included.
    pub from: Option<Release>,
    /// The newest.
    pub to: Option<Release>,
    /// Whether the newest is included.
    pub to_included: bool,
}

impl ReleaseRange {
    /// Any release: `*`.
    pub const ANY: Self = Self {
        from: None,
        to: None,
        to_included: false,
    };

    /// Only this release.
    pub const fn exactly(release: Release) -> Self {
        Self {
            from: Some(release),
            to: Some(release),
            to_included: true,
        }
    }

    /// Whether `release` will do.
    pub fn contains(&self, release: Release) -> bool {
        self.from.is_none_or(|from| from <= release)
            && self
                .to
                .is_none_or(|to| release < to || self.to_included && release == to)
    }
}

impl FromStr for ReleaseRange {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // In a bound the minor may be left out: `<2` is `<2.0`.
        let bound = |part: &str| {
            if part.contains('.') {
                part.parse()
            } else {
                format!("{part}.0").parse()
            }
        };
        let wrong = || ParseReleaseError(text.into());
        if text.trim() == "*" {
            return Ok(Self::ANY);
        }
        let mut range = Self::ANY;
        for part in text.split(',').map(str::trim) {
            if let Some(rest) = part.strip_prefix(">=") {
                range.from = Some(bound(rest.trim()).map_err(|_| wrong())?);
            } else if let Some(rest) = part.strip_prefix("<=") {
                range.to = Some(bound(rest.trim()).map_err(|_| wrong())?);
                range.to_included = true;
            } else if let Some(rest) = part.strip_prefix('<') {
                range.to = Some(bound(rest.trim()).map_err(|_| wrong())?);
                range.to_included = false;
            } else if text.contains(',') {
                return Err(wrong());
            } else {
                return Ok(Self::exactly(part.parse().map_err(|_| wrong())?));
            }
        }
        Ok(range)
    }
}

impl fmt::Display for ReleaseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.write_str("*"),
            (Some(from), Some(to)) if from == to => write!(f, "{from}"),
            (from, to) => {
                let sign = if self.to_included { "<=" } else { "<" };
                let from = from.map(|from| format!(">={from}"));
                let to = to.map(|to| format!("{sign}{to}"));
                let parts: Vec<_> = from.into_iter().chain(to).collect();
                f.write_str(&parts.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_what_it_prints() {
        for text in ["*", "1.1", ">=1.1, <2.0", "<=1.4", ">=1.0"] {
            let range: ReleaseRange = text.parse().unwrap();
            assert_eq!(range.to_string(), text);
        }
        assert_eq!(
            ">=1.1, <2".parse::<ReleaseRange>().unwrap().to_string(),
            ">=1.1, <2.0"
        );
    }

    #[test]
    fn a_range_contains_what_lies_between_its_ends() {
        let range: ReleaseRange = ">=1.1, <2".parse().unwrap();
        assert!(!range.contains(Release::new(1, 0)));
        assert!(range.contains(Release::new(1, 1)));
        assert!(range.contains(Release::new(1, 10)));
        assert!(!range.contains(Release::new(2, 0)));
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for text in [
            "", "1", "1.", "1.x", "+1.0", "1.0.0", ">=", "1.0, 1.1", "^1",
        ] {
            assert!(text.parse::<ReleaseRange>().is_err(), "{text}");
        }
        assert!("1".parse::<Release>().is_err());
    }
}
