//! One side of a connection, and where it lies: with its task alone, or where others get at it too.

use std::ops::DerefMut;

use super::driver::Role;
use crate::conn::Connection;

/// The machine, and what makes calls or answers of what it tells.
pub(super) struct Side<R> {
    pub(super) connection: Connection,
    pub(super) role: R,
}

/// Where a driver has its side.
pub(super) trait Place: Send {
    type Role: Role;

    /// The side, for as long as nothing is waited for.
    fn hold(&mut self) -> impl DerefMut<Target = Side<Self::Role>>;
}

/// Nobody else has any of it.
impl<R: Role> Place for Side<R> {
    type Role = R;

    #[inline]
    fn hold(&mut self) -> impl DerefMut<Target = Self> {
        self
    }
}
