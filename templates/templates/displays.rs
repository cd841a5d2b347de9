{%- for path in displays %}
impl ::core::fmt::Display for {{ path }} {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str(self.as_str_name())
    }
}
{% endfor %}
