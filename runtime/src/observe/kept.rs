//! What an observer keeps beside a method or an instance, so that a call looks nothing up.

#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::sync::OnceLock;

#[cfg(feature = "metrics")]
use super::metrics::Handles;

/// What is kept beside one method or instance.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    #[cfg(feature = "metrics")]
    handles: OnceLock<Arc<Handles>>,
}

impl Kept {
    /// The handles of its metrics, made when they are first wanted.
    #[cfg(feature = "metrics")]
    pub(super) fn handles(&self, make: impl FnOnce() -> Handles) -> &Arc<Handles> {
        self.handles.get_or_init(|| Arc::new(make()))
    }
}

/// What is kept beside the methods of a service.
#[derive(Debug, Default)]
pub(crate) struct Keeps(OnceLock<Box<[Kept]>>);

impl Keeps {
    /// That of the method at `index` of so many.
    pub(crate) fn of(&self, index: usize, count: usize) -> Option<&Kept> {
        let all = self
            .0
            .get_or_init(|| std::iter::repeat_with(Kept::default).take(count).collect());
        all.get(index)
    }
}
