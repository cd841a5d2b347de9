/// What the contract says of `{{ service.full_name }}`.
pub static {{ service.descriptor }}: ::callsheet::codegen::ServiceDescriptor =
    ::callsheet::codegen::ServiceDescriptor {
        name: "{{ service.full_name }}",
        release: ::callsheet::codegen::Release::new({{ service.release }}),
        releases: &[
{%- for release in service.releases %}
            ::callsheet::codegen::Release::new({{ release }}),
{%- endfor %}
        ],
        groups: &[{% for group in service.group_names %}{% if !loop.first %}, {% endif %}"{{ group }}"{% endfor %}],
        open_groups: {{ service.open_groups }},
        methods: &[
{%- for method in service.methods %}
            ::callsheet::codegen::MethodDescriptor {
                service: "{{ service.full_name }}",
                name: "{{ method.contract_name }}",
                path: "{{ method.path }}",
                index: {{ method.index }},
                since: ::callsheet::codegen::Release::new({{ method.since }}),
                kind: ::callsheet::codegen::MethodKind::{{ method.kind }},
                request: "{{ method.request_name }}",
                reply: "{{ method.reply_name }}",
                policy: {{ method.policy }},
            },
{%- endfor %}
        ],
        schema: &super::FILE_DESCRIPTOR_SET,
    };
