//! The calls of a connection by number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Places at first; there are always twice as many as calls.
const FEW: usize = 4;

/// Numbers rise and most calls are short, so that those that are open have numbers next to each other: each has a place by its
/// number, modulo the places. A call whose place a later one takes is looked for by hash from then on.
#[derive(Debug)]
pub(crate) struct ByStream<T> {
    /// A power of two of them, or none.
    places: Vec<Place<T>>,
    displaced: HashMap<u32, T, BuildHasherDefault<NumberHasher>>,
    len: usize,
}

#[derive(Debug)]
struct Place<T> {
    /// Of the call that is here, or was here last.
    number: u32,
    call: Option<T>,
}

impl<T> Place<T> {
    fn of(number: u32, call: T) -> Self {
        let call = Some(call);
        Self { number, call }
    }
}

impl<T> Default for ByStream<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            displaced: HashMap::default(),
            len: 0,
        }
    }
}

impl<T> ByStream<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn place(&self, number: u32) -> usize {
        number as usize & self.places.len().wrapping_sub(1)
    }

    #[inline]
    pub(crate) fn get(&self, stream: impl Into<u32>) -> Option<&T> {
        let number = stream.into();
        match self.places.get(self.place(number)) {
            Some(place) if place.number == number => place.call.as_ref(),
            _ if self.displaced.is_empty() => None,
            _ => self.displaced.get(&number),
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, stream: impl Into<u32>) -> Option<&mut T> {
        let number = stream.into();
        let place = self.place(number);
        match self.places.get_mut(place) {
            Some(place) if place.number == number => place.call.as_mut(),
            _ if self.displaced.is_empty() => None,
            _ => self.displaced.get_mut(&number),
        }
    }

    /// Adds a call under a number that no other has.
    #[inline]
    pub(crate) fn insert(&mut self, stream: impl Into<u32>, call: T) {
        if self.len >= self.places.len() / 2 {
            self.grow();
        }
        self.len += 1;
        self.settle(stream.into(), call);
    }

    #[inline]
    fn settle(&mut self, number: u32, call: T) {
        let at = self.place(number);
        let place = &mut self.places[at];
        if place.call.is_some() {
            let older = std::mem::replace(place, Place::of(number, call));
            self.displace(older);
        } else {
            // Seen to be empty here, so that nothing is dropped for it.
            place.number = number;
            place.call = Some(call);
        }
    }

    #[cold]
    fn displace(&mut self, place: Place<T>) {
        if let Some(call) = place.call {
            self.displaced.insert(place.number, call);
        }
    }

    #[cold]
    fn grow(&mut self) {
        let count = (self.places.len() * 2).max(FEW);
        let mut grown = Vec::new();
        grown.resize_with(count, || Place {
            number: 0,
            call: None,
        });
        let before = std::mem::replace(&mut self.places, grown);
        for Place { number, call } in before {
            if let Some(call) = call {
                self.settle(number, call);
            }
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, stream: impl Into<u32>) -> Option<T> {
        let number = stream.into();
        let place = self.place(number);
        let removed = match self.places.get_mut(place) {
            Some(place) if place.number == number => place.call.take(),
            _ if self.displaced.is_empty() => None,
            _ => self.displaced.remove(&number),
        };
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Drops a call where it lies, when `last` has looked at it: what is large is not moved for it.
    #[inline]
    pub(crate) fn drop_with<R>(
        &mut self,
        stream: impl Into<u32>,
        last: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let number = stream.into();
        let place = self.place(number);
        let told = match self.places.get_mut(place) {
            Some(place) if place.number == number => {
                let told = last(place.call.as_mut()?);
                place.call = None;
                told
            }
            _ if self.displaced.is_empty() => return None,
            _ => last(&mut self.displaced.remove(&number)?),
        };
        self.len -= 1;
        Some(told)
    }

    /// Every call, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let placed = self.places.iter_mut().filter_map(|place| {
            let call = place.call.as_mut()?;
            Some((place.number, call))
        });
        let displaced = self.displaced.iter_mut();
        placed.chain(displaced.map(|(number, call)| (*number, call)))
    }

    /// Takes every call out, in no order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        let Self {
            places, displaced, ..
        } = std::mem::take(self);
        let placed = places.into_iter().filter_map(|place| place.call);
        placed.chain(displaced.into_values())
    }

    /// The numbers of all calls, rising.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let placed = self
            .places
            .iter()
            .filter(|place| place.call.is_some())
            .map(|place| place.number);
        let mut numbers: Vec<u32> = placed.chain(self.displaced.keys().copied()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Gives back what a burst of calls has left, once there are none.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Spreads numbers. One who chooses them to collide gains little: the limit of open calls bounds what a search takes.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte) ^ self.0);
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let product = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn calls_are_found_whatever_their_numbers() {
        let mut random = 1_u32;
        for step in [1, 7, 1 << 10, 1 << 18] {
            let (mut streams, mut expected) = (ByStream::default(), BTreeSet::new());
            for round in 1..3000_u32 {
                let number = round * step;
                streams.insert(number, number.to_string());
                expected.insert(number);
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // A few stay for long, most go soon.
                let gone = if random >> 28 == 0 {
                    expected.first().copied()
                } else {
                    expected
                        .range(number.saturating_sub(9 * step)..)
                        .next()
                        .copied()
                };
                if let Some(gone) = gone.filter(|_| expected.len() > 40) {
                    assert_eq!(streams.remove(gone), Some(gone.to_string()));
                    expected.remove(&gone);
                    assert!(streams.remove(gone).is_none() && streams.get(gone).is_none());
                    assert!(streams.drop_with(gone, |_| ()).is_none());
                }
                assert_eq!(streams.len(), expected.len());
            }
            assert!(streams.numbers().iter().eq(&expected));
            assert_eq!(streams.iter_mut().count(), expected.len());
            assert!(streams.places.len() <= 128);
            for number in expected {
                assert_eq!(streams.get(number), Some(&number.to_string()));
                assert_eq!(streams.get_mut(number), Some(&mut number.to_string()));
                let last = streams.drop_with(number, std::mem::take);
                assert_eq!(last, Some(number.to_string()));
            }
            assert_eq!((streams.len(), streams.get(3000 * step)), (0, None));
            streams.rest();
            assert!(streams.places.is_empty());
            for number in [1_u32, 2, 3, 1 << 20, 1 << 21] {
                streams.insert(number, String::new());
            }
            assert_eq!((streams.drain().count(), streams.len()), (5, 0));
        }
    }
}
