{%- for group in groups %}
/// The deployments of `{{ group.service }}`.
#[derive({{ group.derives }})]
{{ group.attributes }}
pub enum {{ group.name }} {
{%- for one in group.groups %}
    /// `{{ one.name }}`
    {{ one.variant }},
{%- endfor %}
{%- if let Some(open) = group.open %}
    /// A group named at deployment time.
    {{ open }}(::std::string::String),
{%- endif %}
}

impl ::callsheet::codegen::Group for {{ group.name }} {
    fn name(&self) -> &str {
        match self {
{%- for one in group.groups %}
            Self::{{ one.variant }} => "{{ one.name }}",
{%- endfor %}
{%- if let Some(open) = group.open %}
            Self::{{ open }}(name) => name,
{%- endif %}
        }
    }
}
{% endfor %}
