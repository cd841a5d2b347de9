{%- for message in messages %}
{{ message }}
{% endfor %}
{%- for enumeration in enums %}
{{ enumeration }}
{% endfor %}
