{{ service.docs -}}
pub trait {{ service.name }}: ::core::marker::Send + ::core::marker::Sync + 'static {
{%- for method in service.methods %}
{%- filter indent(4) %}
{{ method.docs -}}
{{ method.attributes -}}
fn {{ method.name }}(&self{{ method.parameters }}) -> impl ::core::future::Future<Output = {{ method.result }}> + ::core::marker::Send;
{%- endfilter %}
{% endfor -%}
}
