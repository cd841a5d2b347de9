{{ header }}
const _: () = ::callsheet::codegen::require_contract({{ contract }});

{{ messages }}
{%- include "aliases.rs" %}
{%- include "displays.rs" %}
{%- include "names.rs" %}
{%- include "debugs.rs" %}
{%- include "merges.rs" %}
{%- include "validations.rs" %}
{%- include "constants.rs" %}
{%- include "groups.rs" %}
/// The protobuf descriptors of the package's files and of all that they refer to.
#[allow(dead_code, reason = "not every user of a contract needs all of it")]
pub static FILE_DESCRIPTOR_SET: ::callsheet::codegen::Schema = ::callsheet::codegen::Schema::new(
    {{ descriptor_set }},
{%- if imported_schemas.is_empty() %}
    &[],
{%- else %}
    &[
{%- for schema in imported_schemas %}
        &{{ schema }},
{%- endfor %}
    ],
{%- endif %}
);
{%- for major in majors %}

{% include "major.rs" %}
{%- endfor %}
