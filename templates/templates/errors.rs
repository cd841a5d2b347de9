{%- for error in service.errors %}
/// The errors that `{{ error.method }}` names.
#[derive(Clone, Debug, PartialEq)]
pub enum {{ error.name }} {
{%- for variant in error.variants %}
    /// `{{ variant.full_name }}`
    {{ variant.name }}({{ variant.path }}),
{%- endfor %}
}

impl ::callsheet::codegen::TypedError for {{ error.name }} {
    fn code(&self) -> ::callsheet::codegen::Code {
        match self {
{%- for variant in error.variants %}
            Self::{{ variant.name }}(_) => ::callsheet::codegen::Code::{{ variant.code }},
{%- endfor %}
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
{%- for variant in error.variants %}
            Self::{{ variant.name }}(_) => "{{ variant.full_name }}",
{%- endfor %}
        }
    }

    fn encode(&self) -> ::callsheet::codegen::Bytes {
        let bytes = match self {
{%- for variant in error.variants %}
            Self::{{ variant.name }}(error) => ::callsheet::codegen::prost::Message::encode_to_vec(error),
{%- endfor %}
        };
        ::callsheet::codegen::Bytes::from(bytes)
    }

    fn decode(
        type_name: &str,
        value: ::callsheet::codegen::Bytes,
    ) -> ::core::option::Option<Self> {
        match type_name {
{%- for variant in error.variants %}
            "{{ variant.full_name }}" => ::callsheet::codegen::prost::Message::decode(value)
                .ok()
                .map(Self::{{ variant.name }}),
{%- endfor %}
            _ => ::core::option::Option::None,
        }
    }
}

impl ::core::fmt::Display for {{ error.name }} {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
{%- for variant in error.variants %}
            Self::{{ variant.name }}(error) => ::core::fmt::Debug::fmt(error, f),
{%- endfor %}
        }
    }
}

impl ::core::error::Error for {{ error.name }} {}
{% for variant in error.variants %}
impl ::core::convert::From<{{ variant.path }}> for {{ error.name }} {
    fn from(error: {{ variant.path }}) -> Self {
        Self::{{ variant.name }}(error)
    }
}
{% if !variant.foreign %}
impl ::core::convert::From<{{ variant.path }}> for ::callsheet::codegen::Error<{{ error.name }}> {
    fn from(error: {{ variant.path }}) -> Self {
        Self::from({{ error.name }}::{{ variant.name }}(error))
    }
}
{% endif %}
{%- endfor %}
{%- endfor %}
