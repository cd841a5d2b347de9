//! Who is told of what goes wrong and no caller can be told.

use std::fmt;
use std::sync::Arc;

/// A callback for notices of one kind, or nobody.
pub(crate) struct Listener<N>(Option<Arc<Callback<N>>>);

type Callback<N> = dyn Fn(&N) + Send + Sync;

impl<N> Listener<N> {
    pub(crate) fn new(listener: impl Fn(&N) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    /// The same, and `also` before it.
    pub(crate) fn after(self, also: impl Fn(&N) + Send + Sync + 'static) -> Self
    where
        N: 'static,
    {
        Self::new(move |notice| {
            also(notice);
            if let Some(listener) = &self.0 {
                listener(notice);
            }
        })
    }

    pub(crate) fn tell(&self, notice: impl FnOnce() -> N) {
        if let Some(listener) = &self.0 {
            listener(&notice());
        }
    }
}

impl<N> Clone for Listener<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<N> fmt::Debug for Listener<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "set" } else { "none" })
    }
}
