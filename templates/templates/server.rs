/// Serves an implementation of [`{{ service.name }}`].
pub struct {{ service.server }} {
    offer: ::callsheet::codegen::Offer,
}

impl {{ service.server }} {
    /// Serves `service` in the first group, at the newest release.
    pub fn new<__RpcService: {{ service.name }}>(service: __RpcService) -> Self {
        Self {
            offer: ::callsheet::codegen::Offer::new(
                &{{ service.descriptor }},
                {{ service.handler }}(::std::sync::Arc::new(service)),
            ),
        }
    }

    /// The same in another group.
    #[must_use]
    pub fn group(self, group: {{ service.group }}) -> Self {
        Self {
            offer: self.offer.group(::callsheet::codegen::Group::name(&group)),
        }
    }

    /// The same, announced as an older minor release.
    #[must_use]
    pub fn release(self, release: ::callsheet::codegen::Release) -> Self {
        Self {
            offer: self.offer.release(release),
        }
    }

    /// The same with a share of the calls in proportion to `weight`.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        Self {
            offer: self.offer.weight(weight),
        }
    }

    /// The same, announced as standing in a zone.
    #[must_use]
    pub fn zone(self, zone: impl ::core::convert::Into<::std::string::String>) -> Self {
        Self {
            offer: self.offer.zone(zone),
        }
    }

    /// The same with a tag that routing may look at.
    #[must_use]
    pub fn tag(
        self,
        key: impl ::core::convert::Into<::std::string::String>,
        value: impl ::core::convert::Into<::std::string::String>,
    ) -> Self {
        Self {
            offer: self.offer.tag(key, value),
        }
    }

    /// The same with its calls going through this filter, inside those of the server.
    #[must_use]
    pub fn filter(self, filter: impl ::callsheet::codegen::Filter) -> Self {
        Self {
            offer: self.offer.filter(filter),
        }
    }

    /// The same with its handlers run elsewhere than where the runtime learns that they should.
    #[must_use]
    pub fn placement(self, placement: ::callsheet::codegen::Placement) -> Self {
        Self {
            offer: self.offer.placement(placement),
        }
    }

    /// The same with the handlers of one method run elsewhere, by the name that it has in the contract.
    #[must_use]
    pub fn method_placement(
        self,
        method: impl ::core::convert::Into<::std::string::String>,
        placement: ::callsheet::codegen::Placement,
    ) -> Self {
        Self {
            offer: self.offer.method_placement(method, placement),
        }
    }
}

impl ::core::convert::From<{{ service.server }}> for ::callsheet::codegen::Offer {
    fn from(server: {{ service.server }}) -> Self {
        server.offer
    }
}
