//! A good answer as filters see it.

use super::body::{Body, Content, Form};
use crate::metadata::Metadata;
use crate::status::Status;

/// A good answer on its way back: the messages, and what is sent behind them.
///
/// Where replies are a stream, this is its beginning: whoever waits for its end says so by [`Reply::on_end`].
#[derive(Debug)]
pub struct Reply {
    body: Body,
    trailers: Metadata,
}

impl Reply {
    pub(crate) fn new(body: Body, trailers: Metadata) -> Self {
        Self { body, trailers }
    }

    pub(crate) fn of(form: Form, content: Content, trailers: Metadata) -> Self {
        Self::new(Body::new(form, content), trailers)
    }

    pub(crate) fn into_parts(self) -> (Content, Metadata) {
        (self.body.into_content(), self.trailers)
    }

    /// The messages.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The messages, to be changed or watched.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// What is sent behind the answer. Where replies are a stream, what their sender adds comes behind the last of them, and is
    /// seen by [`Reply::on_end`] only.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// The same, to be changed.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// The same; `told` is told once when the last message has passed: with the trailers, or with the status that a stream
    /// ended with. Where there is one reply it is told at once.
    #[must_use]
    pub fn on_end(
        mut self,
        told: impl FnOnce(Result<&Metadata, &Status>) + Send + 'static,
    ) -> Self {
        if self.body.is_stream() {
            self.body.on_end(told);
        } else {
            told(Ok(&self.trailers));
        }
        self
    }
}
