//! What a number means: `0x1F`, `1_000`, `-2e9`, `800ms`, `4MiB`.

use crate::diagnostic::near;

/// A number as a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer within 128 bits.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// In microseconds.
    Duration(u64),
    /// In bytes.
    Size(u64),
}

/// Why a spelling is no number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bad {
    /// `007`: the digits without the zeros.
    LeadingZero(String),
    /// What it exceeds.
    TooLarge(&'static str),
    /// The letters behind the digits, and units near them.
    Unit(String, Vec<&'static str>),
    /// What is wrong with it.
    Malformed(&'static str),
}

const DURATIONS: [(&str, u64); 6] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];
const SIZES: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads what the grammar's `number` matched.
pub(super) fn read(text: &str) -> Result<Number, Bad> {
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let radix = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'b' | b'B', ..]
            if !digits[2..].starts_with(|c: char| c.is_ascii_alphabetic()) && digits.len() > 2 =>
        {
            Some(2)
        }
        _ => None,
    };
    match radix {
        Some(radix) => integer(&digits[2..], radix, negative),
        None => decimal(digits, negative),
    }
}

fn integer(digits: &str, radix: u32, negative: bool) -> Result<Number, Bad> {
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        return Err(Bad::Malformed("it has no digits"));
    }
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(Bad::Malformed(match radix {
            2 => "binary digits are 0 and 1",
            16 => "hexadecimal digits are 0 to 9 and a to f",
            _ => "decimal digits are 0 to 9",
        }));
    }
    let signed = if negative {
        format!("-{digits}")
    } else {
        digits
    };
    i128::from_str_radix(&signed, radix)
        .map(Number::Integer)
        .map_err(|_| Bad::TooLarge("128 bits"))
}

fn decimal(digits: &str, negative: bool) -> Result<Number, Bad> {
    let (whole, rest) = split(digits);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, rest) = split(rest);
            (Some(fraction), rest)
        }
        None => (None, rest),
    };
    let (exponent, unit) = exponent(rest);
    let bare = whole.replace('_', "");
    if bare.len() > 1 && bare.starts_with('0') {
        let kept = bare.trim_start_matches('0');
        return Err(Bad::LeadingZero(if kept.is_empty() {
            "0".to_owned()
        } else {
            kept.to_owned()
        }));
    }
    if !unit.is_empty() {
        return measure(&bare, fraction, exponent, unit, negative);
    }
    if fraction.is_none() && exponent.is_none() {
        return integer(&bare, 10, negative);
    }
    let fraction = fraction.unwrap_or("0").replace('_', "");
    let sign = if negative { "-" } else { "" };
    let value: f64 = format!(
        "{sign}{bare}.{fraction}{}",
        exponent.unwrap_or("").replace('_', "")
    )
    .parse()
    .map_err(|_| Bad::Malformed("an exponent is `e` and digits"))?;
    if value.is_finite() {
        Ok(Number::Float(value))
    } else {
        Err(Bad::TooLarge("64-bit floating point"))
    }
}

/// Digits, and what is behind them.
fn split(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !(c.is_ascii_digit() || c == '_'))
            .unwrap_or(text.len()),
    )
}

/// `e9`, `E-12`, and what is behind it.
fn exponent(text: &str) -> (Option<&str>, &str) {
    let Some(rest) = text.strip_prefix(['e', 'E']) else {
        return (None, text);
    };
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, text);
    }
    let (digits, unit) = split(digits);
    let length = text.len() - unit.len();
    debug_assert!(length >= digits.len());
    (Some(&text[..length]), unit)
}

fn measure(
    whole: &str,
    fraction: Option<&str>,
    exponent: Option<&str>,
    unit: &str,
    negative: bool,
) -> Result<Number, Bad> {
    let duration = DURATIONS.iter().find(|(name, _)| *name == unit);
    let size = SIZES.iter().find(|(name, _)| *name == unit);
    let Some((_, scale)) = duration.or(size) else {
        return Err(Bad::Unit(unit.to_owned(), units_near(unit)));
    };
    if exponent.is_some() {
        return Err(Bad::Malformed("a duration or size has no exponent"));
    }
    if negative {
        return Err(Bad::Malformed("a duration or size is not negative"));
    }
    let beyond = Bad::TooLarge(if duration.is_some() {
        "64 bits of microseconds"
    } else {
        "64 bits of bytes"
    });
    let whole: u128 = whole.parse().map_err(|_| beyond.clone())?;
    let mut total = whole
        .checked_mul(u128::from(*scale))
        .ok_or_else(|| beyond.clone())?;
    if let Some(fraction) = fraction {
        let fraction = fraction.replace('_', "");
        let fraction = fraction.trim_end_matches('0');
        let inexact = Bad::Malformed(if duration.is_some() {
            "it is no whole number of microseconds"
        } else {
            "it is no whole number of bytes"
        });
        // The smallest unit is 2^30 bytes or 86 400 000 000 us: no fraction beyond thirty digits divides.
        let power = u32::try_from(fraction.len())
            .ok()
            .filter(|digits| *digits <= 30)
            .ok_or_else(|| inexact.clone())?;
        let parts: u128 = if fraction.is_empty() {
            0
        } else {
            fraction.parse().map_err(|_| inexact.clone())?
        };
        let scaled = parts
            .checked_mul(u128::from(*scale))
            .ok_or_else(|| inexact.clone())?;
        let divisor = 10u128.pow(power);
        if scaled % divisor != 0 {
            return Err(inexact);
        }
        total = total
            .checked_add(scaled / divisor)
            .ok_or_else(|| beyond.clone())?;
    }
    let total = u64::try_from(total).map_err(|_| beyond)?;
    Ok(if duration.is_some() {
        Number::Duration(total)
    } else {
        Number::Size(total)
    })
}

fn units_near(unit: &str) -> Vec<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => vec!["s"],
        "min" | "mins" | "minute" | "minutes" => vec!["m"],
        "hour" | "hours" | "hr" => vec!["h"],
        "day" | "days" => vec!["d"],
        "ns" | "usec" | "micros" => vec!["us"],
        "msec" | "millis" => vec!["ms"],
        "k" | "kb" => vec!["KiB"],
        "mb" => vec!["MiB"],
        "g" | "gb" => vec!["GiB"],
        "byte" | "bytes" => vec!["B"],
        _ => near(unit, DURATIONS.iter().chain(&SIZES).map(|(name, _)| *name)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bad, Number, read};

    #[test]
    fn integers_have_three_bases() {
        assert_eq!(read("1_000"), Ok(Number::Integer(1000)));
        assert_eq!(read("-1"), Ok(Number::Integer(-1)));
        assert_eq!(read("0x1F"), Ok(Number::Integer(31)));
        assert_eq!(read("0b1010_1010"), Ok(Number::Integer(170)));
        assert_eq!(read("0"), Ok(Number::Integer(0)));
    }

    #[test]
    fn a_fraction_or_exponent_makes_a_float() {
        assert_eq!(read("1.5"), Ok(Number::Float(1.5)));
        assert_eq!(read("-2e9"), Ok(Number::Float(-2e9)));
        assert_eq!(read("2.5E-3"), Ok(Number::Float(0.0025)));
        assert_eq!(read("0.1"), Ok(Number::Float(0.1)));
    }

    #[test]
    fn units_scale() {
        assert_eq!(read("800ms"), Ok(Number::Duration(800_000)));
        assert_eq!(read("1.5s"), Ok(Number::Duration(1_500_000)));
        assert_eq!(read("2d"), Ok(Number::Duration(172_800_000_000)));
        assert_eq!(read("4MiB"), Ok(Number::Size(4 << 20)));
        assert_eq!(read("0B"), Ok(Number::Size(0)));
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert_eq!(read("007"), Err(Bad::LeadingZero("7".to_owned())));
        assert_eq!(read("00"), Err(Bad::LeadingZero("0".to_owned())));
        assert_eq!(read("5sec"), Err(Bad::Unit("sec".to_owned(), vec!["s"])));
        assert!(matches!(read("0x"), Err(Bad::Malformed(_))));
        assert!(matches!(read("0b12"), Err(Bad::Malformed(_))));
        assert!(matches!(read("-5ms"), Err(Bad::Malformed(_))));
        assert!(matches!(read("0.0000001s"), Err(Bad::Malformed(_))));
        assert_eq!(read("1e999"), Err(Bad::TooLarge("64-bit floating point")));
        assert!(matches!(read("99999999999999999d"), Err(Bad::TooLarge(_))));
        assert!(matches!(read(&"9".repeat(40)), Err(Bad::TooLarge(_))));
    }
}
