{{ major.docs -}}
{{ major.attributes }}
pub mod {{ major.module }} {
{%- for service in major.services %}
{%- filter indent(4) %}
{% include "trait.rs" %}
{% include "errors.rs" %}

{% include "descriptor.rs" %}

{% include "client.rs" %}

{% include "blocking.rs" %}

{% include "server.rs" %}

{% include "handler.rs" %}

{% include "mock.rs" %}
{% endfilter %}
{%- endfor %}
}
