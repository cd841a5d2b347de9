//! The routes that a connection has given numbers: the client's by content, the server's by number.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use super::Destination;
use super::table::NumberHasher;
use crate::wire::{Fault, MAX_ROUTE_TABLE, MAX_ROUTES, Route, RouteRef};

/// Routes kept at hand: the methods that a client calls again and again are few.
const RECENT: usize = 8;

/// One side's table. Routes stay until the connection ends.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Client: some of those named last, by where they lie in memory, so that most calls compare no text.
    recent: [Option<(Arc<Route>, u32)>; RECENT],
    numbers: HashMap<Arc<Route>, u32, BuildHasherDefault<NumberHasher>>,
    by_number: Vec<Arc<Route>>,
    text: usize,
}

impl Routes {
    /// Client: how to name `route` in the next OPEN, which has to be sent.
    #[inline]
    pub(super) fn name(&mut self, route: &Arc<Route>) -> RouteRef {
        match &self.recent[recent(route)] {
            Some((named, number)) if Arc::ptr_eq(named, route) => RouteRef::Known(*number),
            _ => self.look_up(route),
        }
    }

    fn look_up(&mut self, route: &Arc<Route>) -> RouteRef {
        if let Some(number) = self.numbers.get(route) {
            self.recent[recent(route)] = Some((route.clone(), *number));
            return RouteRef::Known(*number);
        }
        let number = next_number(self.numbers.len());
        if self.numbers.len() == MAX_ROUTES || self.text + route.text_len() > MAX_ROUTE_TABLE {
            return RouteRef::Once(route.clone());
        }
        self.text += route.text_len();
        self.numbers.insert(route.clone(), number);
        RouteRef::Learn(route.clone())
    }

    /// Server: the route with this number.
    pub(super) fn numbered(&self, number: u32) -> Option<&Arc<Route>> {
        self.by_number.get(number as usize)
    }

    /// Server: what an OPEN names.
    ///
    /// # Errors
    /// [`Fault::RouteUnknown`], [`Fault::RouteTableFull`]
    #[inline]
    pub(super) fn resolve(&mut self, route: RouteRef) -> Result<Destination, Fault> {
        match route {
            RouteRef::Known(number) if (number as usize) < self.by_number.len() => {
                Ok(Destination::Numbered(number))
            }
            RouteRef::Known(number) => Err(Fault::RouteUnknown(number)),
            RouteRef::Once(route) => Ok(Destination::Once(route)),
            RouteRef::Learn(route) => {
                self.text += route.text_len();
                if self.by_number.len() == MAX_ROUTES || self.text > MAX_ROUTE_TABLE {
                    return Err(Fault::RouteTableFull);
                }
                let number = next_number(self.by_number.len());
                self.by_number.push(route);
                Ok(Destination::Numbered(number))
            }
        }
    }
}

fn recent(route: &Arc<Route>) -> usize {
    // Neighbours in memory are a block of the allocator apart.
    Arc::as_ptr(route).addr() / size_of::<Route>() % RECENT
}

fn next_number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Arc<Route> {
        Arc::new(Route::new(path, "", "protobuf").unwrap())
    }

    #[test]
    fn both_sides_give_the_same_numbers_until_the_table_is_full() {
        let (mut client, mut server) = (Routes::default(), Routes::default());
        for round in 0..2 {
            for index in 0..next_number(MAX_ROUTES) + 5 {
                let route = route(&format!("/s/{index}"));
                let named = client.name(&route);
                let number = (index < next_number(MAX_ROUTES)).then_some(index);
                match &named {
                    RouteRef::Once(_) => assert_eq!(number, None),
                    RouteRef::Learn(_) => assert_eq!((round, number), (0, Some(index))),
                    RouteRef::Known(known) => assert_eq!((round, number), (1, Some(*known))),
                }
                match server.resolve(named).unwrap() {
                    Destination::Once(once) => assert_eq!((once, None), (route, number)),
                    Destination::Numbered(kept) => {
                        assert_eq!((server.numbered(kept), Some(kept)), (Some(&route), number));
                    }
                }
            }
        }
        assert_eq!(
            server.resolve(RouteRef::Learn(route("/x"))),
            Err(Fault::RouteTableFull)
        );
        assert_eq!(
            server.resolve(RouteRef::Known(5000)),
            Err(Fault::RouteUnknown(5000))
        );
    }

    #[test]
    fn long_routes_fill_the_table_by_their_bytes() {
        let (mut client, mut server) = (Routes::default(), Routes::default());
        let long = |index: usize| route(&format!("/{index:01000}"));
        let learned = (0..100)
            .filter(|index| {
                let named = client.name(&long(*index));
                server.resolve(named.clone()).unwrap();
                matches!(named, RouteRef::Learn(_))
            })
            .count();
        assert_eq!(learned, MAX_ROUTE_TABLE / long(0).text_len());
        assert_eq!(
            server.resolve(RouteRef::Learn(long(0))),
            Err(Fault::RouteTableFull)
        );
    }
}
