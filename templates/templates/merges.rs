{%- for merge in merges %}
{{ merge.attributes -}}
impl ::callsheet::codegen::Merge for {{ merge.path }} {
    fn merge(&mut self, {{ merge.other }}: Self) {
{%- for statement in merge.statements %}
        {{ statement }}
{%- endfor %}
    }
}
{% endfor %}
