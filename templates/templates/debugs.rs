{%- for debug in debugs %}
{{ debug.attributes -}}
impl ::core::fmt::Debug for {{ debug.path }} {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
{%- for line in debug.body %}
        {{ line }}
{%- endfor %}
    }
}
{% endfor %}
