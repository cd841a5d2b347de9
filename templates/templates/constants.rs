{%- for constant in constants %}
{{ constant.docs -}}
{{ constant.attributes }}
pub const {{ constant.name }}: {{ constant.type }} = {{ constant.value }};
{% endfor %}
