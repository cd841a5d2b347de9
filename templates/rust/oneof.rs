{{ docs -}}
{{ attributes -}}
{{ indent }}#[derive({{ derives }}, ::callsheet::codegen::prost::Oneof)]
{{ indent }}#[prost(prost_path = "::callsheet::codegen::prost")]
{%- if own_debug %}
{{ indent }}#[prost(skip_debug)]
{%- endif %}
{{ indent }}pub enum {{ name }} {
{%- for member in members %}
{{ member.docs -}}
{{ member.attributes -}}
{{ indent }}    #[prost({{ member.prost }})]
{{ indent }}    {{ member.name }}({{ member.type }}),
{%- endfor %}
{{ indent }}}
