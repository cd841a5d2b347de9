{{ docs }}
{%- if outermost -%}
#[allow(missing_copy_implementations, missing_debug_implementations, missing_docs, unreachable_pub, clippy::module_inception, reason = "generated from contracts")]
#[allow(clippy::nursery, clippy::pedantic, clippy::restriction, reason = "generated from contracts")]
{% endif -%}
pub mod {{ name }} {
{%- if let Some(file) = file %}
    include!("{{ file }}");
{%- endif %}
{%- for module in modules %}

{%- filter indent(4) %}

{{ module }}
{%- endfilter %}
{%- endfor %}
}
