{{ docs -}}
{{ attributes -}}
{{ indent }}#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::callsheet::codegen::prost::Enumeration)]
{{ indent }}#[prost(prost_path = "::callsheet::codegen::prost")]
{{ indent }}#[repr(i32)]
{{ indent }}pub enum {{ name }} {
{%- for value in values %}
{{ value.docs -}}
{{ value.attributes -}}
{{ indent }}    {{ value.name }} = {{ value.number }},
{%- endfor %}
{{ indent }}}

{{ name_attributes -}}
{{ indent }}impl {{ name }} {
{{ indent }}    /// Its name in descriptors and JSON, which stays as long as the contract has it.
{{ indent }}    pub fn as_str_name(&self) -> &'static str {
{{ indent }}        match self {
{%- for value in values %}
{{ indent }}            Self::{{ value.name }} => "{{ value.contract_name }}",
{%- endfor %}
{{ indent }}        }
{{ indent }}    }

{{ indent }}    /// The value of a name in descriptors and JSON.
{{ indent }}    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
{{ indent }}        match value {
{%- for name in names %}
{{ indent }}            "{{ name.contract_name }}" => ::core::option::Option::Some(Self::{{ name.variant }}),
{%- endfor %}
{{ indent }}            _ => ::core::option::Option::None,
{{ indent }}        }
{{ indent }}    }
{{ indent }}}
{%- if display %}

{{ indent }}impl ::core::fmt::Display for {{ name }} {
{{ indent }}    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
{{ indent }}        f.write_str(self.as_str_name())
{{ indent }}    }
{{ indent }}}
{%- endif %}
