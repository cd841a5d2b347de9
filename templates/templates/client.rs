/// Calls `{{ service.full_name }}`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct {{ service.client }} {
    channel: ::callsheet::codegen::Channel,
}

impl {{ service.client }} {
    /// Calls through `client`.
    pub fn new(client: &::callsheet::codegen::Client) -> Self {
        Self {
            channel: ::callsheet::codegen::Channel::new(client, &{{ service.descriptor }}),
        }
    }

    /// The same, calling only this group.
    #[must_use]
    pub fn with_group(self, group: {{ service.group }}) -> Self {
        Self {
            channel: self
                .channel
                .with_group(::callsheet::codegen::Group::name(&group)),
        }
    }

    /// The same, calling the first of these groups that has an instance for the call.
    #[must_use]
    pub fn with_groups(
        self,
        groups: impl ::core::iter::IntoIterator<Item = {{ service.group }}>,
    ) -> Self {
        let groups: ::std::vec::Vec<_> = groups.into_iter().collect();
        Self {
            channel: self
                .channel
                .with_groups(groups.iter().map(::callsheet::codegen::Group::name)),
        }
    }

    /// The same, calling whichever group has an instance.
    #[must_use]
    pub fn with_any_group(self) -> Self {
        Self {
            channel: self.channel.with_any_group(),
        }
    }

    /// The same, calling only instances of these releases.
    #[must_use]
    pub fn with_releases(self, range: ::callsheet::codegen::ReleaseRange) -> Self {
        Self {
            channel: self.channel.with_releases(range),
        }
    }

    /// The same with this time limit for every call that sets none.
    #[must_use]
    pub fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
        Self {
            channel: self.channel.with_timeout(timeout),
        }
    }

    /// The same with these settings for all calls.
    #[must_use]
    pub fn with_settings(self, settings: ::callsheet::codegen::Settings) -> Self {
        Self {
            channel: self.channel.with_settings(settings),
        }
    }

    /// The same with answers that take the place of failures where nothing is left to try: of methods with one request and
    /// one reply. What `fallback` leaves `unimplemented` fails as before.
    #[must_use]
    pub fn with_fallback(self, fallback: impl {{ service.name }}) -> Self {
        Self {
            channel: self
                .channel
                .with_fallback({{ service.handler }}(::std::sync::Arc::new(fallback))),
        }
    }

    /// The same with all calls going through this filter, inside those of the client.
    #[must_use]
    pub fn with_filter(self, filter: impl ::callsheet::codegen::Filter) -> Self {
        Self {
            channel: self.channel.with_filter(filter),
        }
    }

    /// The same for synchronous code.
    pub fn blocking(&self) -> {{ service.blocking_client }} {
        {{ service.blocking_client }} {
            client: ::core::clone::Clone::clone(self),
        }
    }
{%- for method in service.methods %}
{% filter indent(4) %}
{{ method.docs -}}
{{ method.attributes -}}
pub fn {{ method.name }}(&self{{ method.client_parameters }}) -> {{ method.call }} {
    ::callsheet::codegen::{{ method.shape }}(&self.channel, &{{ service.descriptor }}.methods[{{ method.index }}]{{ method.payload }})
}
{%- endfilter %}
{%- endfor %}
}

impl {{ service.name }} for {{ service.client }} {
{%- for method in service.methods %}
    async fn {{ method.name }}(&self{{ method.parameters }}) -> {{ method.result }} {
        Self::{{ method.name }}(self{{ method.more_arguments }}).await
    }
{% endfor -%}
}
