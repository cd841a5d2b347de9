{%- for name in names %}
impl ::callsheet::codegen::prost::Name for {{ name.path }} {
    const NAME: &'static str = "{{ name.name }}";
    const PACKAGE: &'static str = "{{ name.package }}";
{%- if let Some(full_name) = name.full_name %}

    fn full_name() -> ::std::string::String {
        ::std::string::String::from("{{ full_name }}")
    }
{%- endif %}
}
{% endfor %}
