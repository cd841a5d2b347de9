/// Calls `{{ service.full_name }}` from synchronous code: each method waits.
#[derive(Clone, Debug)]
pub struct {{ service.blocking_client }} {
    client: {{ service.client }},
}

impl {{ service.blocking_client }} {
{%- for method in service.methods %}
{%- filter indent(4) %}
{{ method.docs -}}
{{ method.attributes -}}
pub fn {{ method.name }}(&self{{ method.client_parameters }}) -> {{ method.result }} {
    {{ service.client }}::{{ method.name }}(&self.client{{ method.more_arguments }}).wait()
}
{%- endfilter %}
{% endfor -%}
}
