{%- for validation in validations %}
{{ validation.attributes -}}
impl ::callsheet::codegen::Validate for {{ validation.path }} {
    fn check(
        &self,
        at: &::callsheet::codegen::Place<'_>,
        found: &mut ::callsheet::codegen::Violations,
    ) {
{%- for statement in validation.statements %}
        {{ statement }}
{%- endfor %}
    }
}
{% endfor %}
