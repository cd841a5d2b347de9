{{ header }}
const _: () = ::callsheet::codegen::require_contract({{ contract }});

{% include "messages.rs" %}
{%- include "aliases.rs" %}
{%- include "names.rs" %}
{%- include "debugs.rs" %}
{%- include "merges.rs" %}
{%- include "constants.rs" %}
{%- include "groups.rs" %}
/// Protobuf-encoded `FileDescriptorSet` of the package and all that it refers to.
#[allow(dead_code, reason = "not every user of a contract needs all of it")]
pub static FILE_DESCRIPTOR_SET: &[u8] = {{ descriptor_set }};
{%- for major in majors %}

{% include "major.rs" %}
{%- endfor %}
