{{ header }}
{% for module in modules %}
{{ module }}
{%- endfor %}
