//! Who says what: the layers of settings, and where each value of a treatment comes from.

use std::fmt;
use std::sync::Arc;

use super::settings::{Settings, Treatment};

/// Who says something of calls. What comes later here wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// Nobody: what holds unless somebody speaks.
    BuiltIn,
    /// The `.rpc` file.
    Contract,
    /// The program, by what it set there: `ClientBuilder::settings`.
    Code(&'static str),
    /// A document of the registry, and the part of it.
    Document(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Contract => f.write_str("contract"),
            Self::Code(setting) => write!(f, "code ({setting})"),
            Self::Document(part) => write!(f, "document {part}"),
        }
    }
}

/// What one place says.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Who says it.
    pub place: Place,
    /// What.
    pub settings: Arc<Settings>,
}

impl Layer {
    /// What `place` says.
    pub fn new(place: Place, settings: impl Into<Arc<Settings>>) -> Self {
        Self {
            place,
            settings: settings.into(),
        }
    }
}

impl Treatment {
    /// What these add up to, the last word last.
    pub fn of<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Self {
        let mut treatment = Self::default();
        for layer in layers {
            treatment.apply(&layer.settings);
        }
        treatment
    }
}

/// A value of a treatment, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// Which value: `retry.attempts`.
    pub key: String,
    /// The value as it would be written.
    pub value: String,
    /// Whose word counts.
    pub place: Place,
    /// Who else spoke, the strongest first, and what they said.
    pub overruled: Vec<(Place, String)>,
}

impl Explained {
    /// The same to be shown. What a fallback says is a reply, which may hold anything: its length is shown.
    #[cfg(feature = "admin")]
    pub(crate) fn sample(self) -> serde_json::Value {
        let is_reply = self.key == "fallback.reply";
        let shown = |value: String| {
            if is_reply && !value.is_empty() {
                format!("({} bytes)", value.len())
            } else {
                value
            }
        };
        let overruled = self.overruled.into_iter();
        let overruled = overruled.map(|(place, value)| format!("{place}: {}", shown(value)));
        let overruled: Vec<_> = overruled.collect();
        let mut sample = serde_json::json!({
            "key": self.key,
            "value": shown(self.value),
            "place": self.place.to_string(),
        });
        if !overruled.is_empty() {
            sample["overruled"] = overruled.into();
        }
        sample
    }
}

/// Every value that these layers add up to, in the order of the settings.
pub fn explain(layers: &[Layer]) -> Vec<Explained> {
    let mut all = Vec::new();
    Treatment::of(layers).visit("", &mut |key, value| {
        all.push(Explained {
            key,
            value,
            place: Place::BuiltIn,
            overruled: Vec::new(),
        });
    });
    // By value: who has spoken so far, the strongest first.
    let mut spoken: Vec<Vec<(Place, String)>> = vec![Vec::new(); all.len()];
    for layer in layers {
        let mut values = spoken.iter_mut();
        // Settings and what they add up to come from one list, so they come in one order.
        layer.settings.visit("", &mut |_, said| {
            if let (Some(spoken), Some(said)) = (values.next(), said) {
                spoken.insert(0, (layer.place.clone(), said));
            }
        });
    }
    for (explained, mut spoken) in all.iter_mut().zip(spoken) {
        if !spoken.is_empty() {
            (explained.place, _) = spoken.remove(0);
            explained.overruled = spoken;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::MethodKind;
    use crate::governance::{LimitSettings, RetrySettings};

    #[test]
    fn the_last_word_counts_value_by_value() {
        let code = Settings::new()
            .timeout(Duration::from_secs(1))
            .retry(RetrySettings::new().attempts(5_u32));
        let document = Settings::new().retry(RetrySettings::new().budget_floor(9_u32));
        let layers = [
            Layer::new(Place::BuiltIn, Settings::built_in(MethodKind::Unary)),
            Layer::new(Place::Code("ClientBuilder::settings"), code),
            Layer::new(Place::Document("shop.Orders".into()), document),
        ];
        let treatment = Treatment::of(&layers);
        assert_eq!(treatment.retry.attempts, 5);
        assert_eq!(treatment.retry.budget_floor, 9);

        let told = explain(&layers);
        let of = |key: &str| told.iter().find(|one| one.key == key).unwrap();
        let timeout = of("timeout");
        assert_eq!(timeout.value, "1s");
        assert_eq!(timeout.place.to_string(), "code (ClientBuilder::settings)");
        assert_eq!(timeout.overruled, [(Place::BuiltIn, "5s".into())]);
        assert_eq!(
            of("retry.budget_floor").place.to_string(),
            "document shop.Orders"
        );
        assert_eq!(of("hedge.after").place, Place::BuiltIn);
    }

    #[test]
    fn settings_are_read_as_people_write_them() {
        let text = r#"{"timeout": "300ms", "cluster": "forking(2)",
            "retry": {"attempts": 1, "on": ["unavailable"], "budget": "20%"}, "hedge": {"after": "off"}}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        let shown = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&shown).unwrap(), settings);
        let wrong = serde_json::from_str::<Settings>(r#"{"retry": {"atempts": 1}}"#);
        assert!(
            wrong
                .unwrap_err()
                .to_string()
                .contains("unknown field `atempts`")
        );
        assert!(Settings::new().limit(LimitSettings::new()).limit.is_some());
    }
}
