//! `static:`: a list of addresses written down by hand, for tests, scripts and a first deployment without a registry.
//!
//! Never changes, and takes no registrations.

use std::sync::Arc;

use super::instance::{Instance, InvalidRecord};
use super::snapshot::Listing;
use super::watch::{Feed, Watch};
use super::{BoxFuture, Error, ErrorKind, Lease, Registry};

/// A registry that always lists the same instances, whatever the service.
///
/// Its address holds sets of instances between `|`; a set holds addresses between `,`, then settings that hold for all
/// of the set, each behind a `;`: `group`, `release` (repeatable; without one any release is assumed), `weight`,
/// `zone`, `service` (only this service; without one any) and `tag.NAME`.
///
/// ```text
/// static:tcp://127.0.0.1:7000,tcp://127.0.0.1:7001;release=1.1|tcp://127.0.0.1:7002;group=wholesale;weight=50
/// ```
#[derive(Clone, Debug)]
pub struct Fixed {
    address: String,
    /// With an empty service where any will do.
    instances: Vec<Instance>,
}

impl Fixed {
    /// Reads what stands behind `static:`.
    pub fn parse(list: &str) -> Result<Self, Error> {
        let address = format!("static:{list}");
        let wrong = |message: String| Error::new(ErrorKind::Address, &address, message);
        let mut instances = Vec::new();
        for set in list.split('|') {
            let mut parts = set.split(';').map(str::trim);
            let model = Instance::new("", "");
            let addresses: Vec<&str> = parts
                .next()
                .into_iter()
                .flat_map(|part| part.split(','))
                .map(str::trim)
                .collect();
            let model = parts.try_fold(model, set_one).map_err(&wrong)?;
            for place in addresses {
                if !place.contains(':') {
                    return Err(wrong(format!(
                        "`{}` is no address of an instance: write `tcp://host:port`, `unix:/path` or `memory:name`",
                        place.escape_default()
                    )));
                }
                let mut instance = model.clone();
                instance.id = format!("static-{}", instances.len() + 1);
                instance.addresses = vec![place.into()];
                checked(&instance).map_err(|error| wrong(error.to_string()))?;
                instances.push(instance);
            }
        }
        Ok(Self { address, instances })
    }

    fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = Instance> + 'a {
        self.instances
            .iter()
            .filter(move |instance| instance.service.is_empty() || instance.service == service)
            .map(move |instance| {
                let mut instance = instance.clone();
                instance.service = service.into();
                instance
            })
    }
}

/// `model` with one more setting.
pub(super) fn set_one(mut model: Instance, setting: &str) -> Result<Instance, String> {
    let (name, value) = setting.split_once('=').ok_or_else(|| {
        format!(
            "`{}` is no setting: write `name=value`",
            setting.escape_default()
        )
    })?;
    match name {
        "group" => model.group = value.into(),
        "zone" => model.zone = Some(value.into()),
        "service" => model.service = value.into(),
        "release" => model
            .releases
            .push(value.parse().map_err(|_| release(value))?),
        "weight" => {
            model.weight = value.parse().map_err(|_| {
                format!("weight `{}`: write a whole number", value.escape_default())
            })?;
        }
        _ => {
            let tag = name.strip_prefix("tag.").ok_or_else(|| {
                format!(
                    "setting `{}` is unknown: there are group, release, weight, zone, service and tag.NAME",
                    name.escape_default()
                )
            })?;
            model.tags.insert(tag.into(), value.into());
        }
    }
    Ok(model)
}

fn release(value: &str) -> String {
    format!(
        "release `{}`: write an exact one, such as 1.1",
        value.escape_default()
    )
}

/// The limits of a record, also where any service will do.
pub(super) fn checked(instance: &Instance) -> Result<(), InvalidRecord> {
    let mut instance = instance.clone();
    if instance.service.is_empty() {
        instance.service = "any".into();
    }
    instance.check()
}

impl Registry for Fixed {
    fn address(&self) -> &str {
        &self.address
    }

    fn register(&self, _: Vec<Instance>) -> Result<Lease, Error> {
        Err(Error::new(
            ErrorKind::Unsupported,
            &self.address,
            "a fixed list takes no registrations: leave `.register(..)` out, or use `file:` or another registry \
             that servers write to",
        ))
    }

    fn watch(&self, service: &str) -> Watch {
        let feed = Feed::new(service);
        let watch = feed.watch();
        feed.publish(Listing {
            instances: self.of(service).map(Arc::new).collect(),
            ..Listing::default()
        });
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let mut names: Vec<String> = self
            .instances
            .iter()
            .filter(|instance| !instance.service.is_empty())
            .map(|instance| instance.service.clone())
            .collect();
        names.sort();
        names.dedup();
        Box::pin(async move { Ok(names) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(list: &str, service: &str) -> Vec<String> {
        let watch = Fixed::parse(list).unwrap().watch(service);
        let snapshot = watch.borrow();
        snapshot
            .instances()
            .iter()
            .map(|instance| serde_json::to_string(&**instance).unwrap())
            .collect()
    }

    #[test]
    fn sets_of_addresses_share_their_settings() {
        let list = "tcp://h:1,unix:/run/x;group=wholesale;release=1.0;release=1.1|tcp://h:2;weight=50;zone=a;tag.lane=blue";
        insta::assert_snapshot!(listed(list, "S").join("\n"), @r#"
        {"id":"static-1","service":"S","addresses":["tcp://h:1"],"group":"wholesale","releases":["1.0","1.1"],"weight":100,"started_unix_ms":0,"contract":0}
        {"id":"static-2","service":"S","addresses":["unix:/run/x"],"group":"wholesale","releases":["1.0","1.1"],"weight":100,"started_unix_ms":0,"contract":0}
        {"id":"static-3","service":"S","addresses":["tcp://h:2"],"group":"default","releases":[],"weight":50,"zone":"a","tags":{"lane":"blue"},"started_unix_ms":0,"contract":0}
        "#);
    }

    #[test]
    fn a_set_may_be_of_one_service_only() {
        let list = "tcp://h:1;service=a.One|tcp://h:2";
        assert_eq!(listed(list, "a.One").len(), 2);
        assert_eq!(listed(list, "a.Two").len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        let wrong = |list: &str| Fixed::parse(list).unwrap_err().message().to_owned();
        insta::assert_snapshot!(wrong(""), @"`` is no address of an instance: write `tcp://host:port`, `unix:/path` or `memory:name`");
        insta::assert_snapshot!(wrong("tcp://h:1;group"), @"`group` is no setting: write `name=value`");
        insta::assert_snapshot!(wrong("tcp://h:1;release=1"), @"release `1`: write an exact one, such as 1.1");
        insta::assert_snapshot!(wrong("tcp://h:1;colour=red"), @"setting `colour` is unknown: there are group, release, weight, zone, service and tag.NAME");
        insta::assert_snapshot!(wrong("tcp://h:1;weight=2000000"), @"weight 2000000: the limit is 1000000");
    }

    #[tokio::test]
    async fn a_fixed_list_takes_no_registration_and_never_changes() {
        let fixed = Fixed::parse("tcp://h:1").unwrap();
        let refused = fixed.register(Vec::new()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        let mut watch = fixed.watch("S");
        assert_eq!(watch.answered().await.instances().len(), 1);
        assert!(watch.changed().await.is_none());
    }
}
