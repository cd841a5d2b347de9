//! The command line of the processes: words, and `--name value` behind them.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::Failure;

/// Options by name.
#[derive(Debug, Default)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads `--name value` pairs.
    pub fn read(arguments: &[&str]) -> Result<Self, Failure> {
        let mut options = BTreeMap::new();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("`{}` needs a value", pair[0]).into());
            };
            let name = name
                .strip_prefix("--")
                .ok_or_else(|| format!("`{name}` is no option"))?;
            options.insert(name.to_owned(), (*value).to_owned());
        }
        Ok(Self(options))
    }

    /// The text of an option that must be there.
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.given(name)
            .ok_or_else(|| format!("--{name} is missing").into())
    }

    /// The text of an option, if it is there.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of an option, if it is there.
    pub fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.given(name) else {
            return Ok(None);
        };
        let value = text.parse();
        value
            .map(Some)
            .map_err(|_| format!("--{name} does not take {text:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_told_when_wrong() {
        let options = Options::read(&["--rate", "2000", "--name", "a"]).unwrap();
        assert_eq!(options.value("rate").unwrap(), Some(2000));
        assert_eq!(options.text("name").unwrap(), "a");
        assert_eq!(options.value::<u32>("hold").unwrap(), None);
        assert!(options.value::<u32>("name").is_err());
        assert!(options.text("hold").is_err());
        assert!(Options::read(&["--rate"]).is_err());
        assert!(Options::read(&["rate", "1"]).is_err());
    }
}
