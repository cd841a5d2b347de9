{{ docs -}}
{{ attributes -}}
{{ indent }}#[derive({{ derives }}, ::callsheet::codegen::prost::Message)]
{{ indent }}#[prost(prost_path = "::callsheet::codegen::prost")]
{%- if own_debug %}
{{ indent }}#[prost(skip_debug)]
{%- endif %}
{%- if fields.is_empty() %}
{{ indent }}pub struct {{ name }} {}
{%- else %}
{{ indent }}pub struct {{ name }} {
{%- for field in fields %}
{{ field.docs -}}
{{ field.attributes -}}
{{ indent }}    #[prost({{ field.prost }})]
{{ indent }}    pub {{ field.name }}: {{ field.type }},
{%- endfor %}
{{ indent }}}
{%- endif %}
{% if let Some(module) = module %}
{{ indent }}/// What is declared in `{{ module.message }}`.
{{ module.attributes -}}
{{ indent }}pub mod {{ module.name }} {
{%- for message in module.messages %}
{{ message }}
{% endfor -%}
{%- for enumeration in module.enums %}
{{ enumeration }}
{% endfor -%}
{%- for oneof in module.oneofs %}
{{ oneof }}
{% endfor -%}
{{ indent }}}
{% endif %}
