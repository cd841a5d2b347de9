//! What peers rely on: the declarations of a contract by name, flat, wherever they come from.
//!
//! A surface is looked at and compared; it comes from a model, from the lock file of frozen releases, or from descriptors.
//! Must not know what a difference means: that is `breaking`'s.

mod descriptors;
mod freeze;
mod line;
mod read;
mod write;

use std::collections::BTreeMap;

use crate::model::{
    Constant, Enum, Error, File, FullName, Message, Model, Release, Service, StatusCode,
};

pub use descriptors::{of_descriptor_set, of_descriptors};
pub use freeze::freeze;
pub use write::{field_type, rule_text, scalar, shape};

/// Declarations by full name; nested ones stand beside those that they are nested in.
#[derive(Clone, Debug, Default)]
pub struct Surface<'a> {
    /// Messages, those of errors included.
    pub messages: BTreeMap<&'a FullName, &'a Message>,
    /// Enums.
    pub enums: BTreeMap<&'a FullName, &'a Enum>,
    /// The status codes of errors.
    pub codes: BTreeMap<&'a FullName, StatusCode>,
    /// Services.
    pub services: BTreeMap<&'a FullName, &'a Service>,
    /// Constants.
    pub constants: BTreeMap<&'a FullName, &'a Constant>,
}

impl<'a> Surface<'a> {
    /// All that these files declare.
    pub fn of(files: impl IntoIterator<Item = &'a File>) -> Self {
        let mut surface = Self::default();
        for file in files {
            for message in &file.messages {
                surface.add_message(message);
            }
            for error in &file.errors {
                surface.add_error(error);
            }
            for declared in &file.enums {
                surface.enums.insert(&declared.name, declared);
            }
            let services = file.services.iter();
            surface
                .services
                .extend(services.map(|service| (&service.name, service)));
            let constants = file.constants.iter();
            surface
                .constants
                .extend(constants.map(|constant| (&constant.name, constant)));
        }
        surface
    }

    /// All that a model declares.
    pub fn of_model(model: &'a Model) -> Self {
        Self::of(&model.files)
    }

    /// A message by name: a declared one, or one of Protobuf's own.
    pub fn message(&self, name: &FullName) -> Option<&'a Message> {
        self.messages
            .get(name)
            .copied()
            .or_else(|| descriptors::well_known_message(name))
    }

    /// An enum by name, as [`Surface::message`].
    pub fn enumeration(&self, name: &FullName) -> Option<&'a Enum> {
        self.enums
            .get(name)
            .copied()
            .or_else(|| descriptors::well_known_enum(name))
    }

    fn add_message(&mut self, message: &'a Message) {
        // Nesting is bounded by the parser.
        self.messages.insert(&message.name, message);
        for nested in &message.messages {
            self.add_message(nested);
        }
        for declared in &message.enums {
            self.enums.insert(&declared.name, declared);
        }
    }

    fn add_error(&mut self, error: &'a Error) {
        self.add_message(&error.message);
        self.codes.insert(&error.message.name, error.code);
    }
}

/// Whether the name is one of Protobuf's own.
pub fn is_well_known(name: &FullName) -> bool {
    name.0.starts_with("google.protobuf.")
}

/// The lock file of one source: its frozen releases.
#[derive(Clone, Debug, Default)]
pub struct Lock {
    /// The releases, by service and release.
    pub releases: Vec<Frozen>,
}

/// What one release of one service was when it was frozen: all that its callers rely on.
///
/// Spans lead into the lock file.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The release.
    pub release: Release,
    /// The service, with this release and its methods only.
    pub service: Service,
    /// Messages by name, without nested ones: these stand beside them.
    pub messages: Vec<Message>,
    /// Errors by name, in the same way.
    pub errors: Vec<Error>,
    /// Enums by name.
    pub enums: Vec<Enum>,
}

impl Frozen {
    /// Its declarations.
    pub fn surface(&self) -> Surface<'_> {
        let mut surface = Surface::default();
        for message in &self.messages {
            surface.add_message(message);
        }
        for error in &self.errors {
            surface.add_error(error);
        }
        let enums = self.enums.iter();
        surface
            .enums
            .extend(enums.map(|declared| (&declared.name, declared)));
        surface.services.insert(&self.service.name, &self.service);
        surface
    }
}

impl Lock {
    /// How the file beside a source ends: `shop/orders.rpc.lock`.
    pub const EXTENSION: &'static str = ".lock";

    /// The frozen release, if it is.
    pub fn find(&self, service: &FullName, release: Release) -> Option<&Frozen> {
        self.releases
            .iter()
            .find(|frozen| frozen.release == release && frozen.service.name == *service)
    }

    /// Adds a release in its place. One that is there already stays as it is; then the answer is `false`.
    pub fn add(&mut self, frozen: Frozen) -> bool {
        let key = |frozen: &Frozen| (frozen.service.name.clone(), frozen.release);
        let new = key(&frozen);
        match self.releases.binary_search_by(|other| key(other).cmp(&new)) {
            Ok(_) => false,
            Err(place) => {
                self.releases.insert(place, frozen);
                true
            }
        }
    }

    /// Takes a release out; `false` where it was not there.
    pub fn remove(&mut self, service: &FullName, release: Release) -> bool {
        let before = self.releases.len();
        self.releases
            .retain(|frozen| frozen.release != release || frozen.service.name != *service);
        self.releases.len() < before
    }
}
