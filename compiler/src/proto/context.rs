//! What is looked up while a file is written.

use std::collections::HashMap;

use crate::model::{FullName, Message, Model};
use crate::print::{Enums, Symbols};
use crate::resolve::well_known;

/// The names of a model, and where they are declared.
pub(super) struct Context<'m> {
    pub(super) symbols: Symbols<'m>,
    pub(super) enums: Enums<'m>,
    /// The path of the `.proto` file that declares each type.
    homes: HashMap<&'m str, &'m str>,
}

impl<'m> Context<'m> {
    /// `paths` are those of the `.proto` files of the model's sources.
    pub(super) fn new(model: &'m Model, paths: &'m [String]) -> Self {
        let mut context = Self {
            symbols: Symbols::new(model),
            enums: Enums::new(model),
            homes: HashMap::new(),
        };
        for (file, path) in model.files.iter().zip(paths) {
            let errors = file.errors.iter().map(|error| &error.message);
            for message in file.messages.iter().chain(errors) {
                context.settle(message, path);
            }
            for one in &file.enums {
                context.homes.insert(&one.name.0, path);
            }
        }
        context
    }

    fn settle(&mut self, message: &'m Message, path: &'m str) {
        self.homes.insert(&message.name.0, path);
        for one in &message.enums {
            self.homes.insert(&one.name.0, path);
        }
        for nested in &message.messages {
            self.settle(nested, path);
        }
    }

    /// The file that declares a type.
    pub(super) fn home(&self, name: &FullName) -> Option<&'m str> {
        let own = self.homes.get(&*name.0).copied();
        own.or_else(|| well_known(&name.0).map(|known| known.proto))
    }
}
