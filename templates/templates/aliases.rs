{%- for aliases in aliases %}
#[allow(dead_code, deprecated, non_upper_case_globals, reason = "an alias is used as a variant is")]
impl {{ aliases.path }} {
{%- for alias in aliases.aliases %}
{%- filter indent(4) %}
{{ alias.docs -}}
{{ alias.attributes -}}
pub const {{ alias.name }}: Self = Self::{{ alias.variant }};
{%- endfilter %}
{% endfor -%}
}
{% endfor %}
