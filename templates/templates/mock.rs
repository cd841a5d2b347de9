/// Answers as told, without a network. A method without an answer is `unimplemented`.
#[derive(Default)]
pub struct {{ service.mock }} {
{%- for method in service.methods %}
    {{ method.name }}: ::core::option::Option<
        ::std::boxed::Box<dyn ::core::ops::Fn({{ method.parameter_types }}) -> {{ method.result }} + ::core::marker::Send + ::core::marker::Sync>,
    >,
{%- endfor %}
}

impl {{ service.mock }} {
    /// Answers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        ::core::default::Default::default()
    }
{%- for method in service.methods %}

    /// Answers `{{ method.contract_name }}`.
    #[must_use]
    pub fn {{ method.setter }}(
        mut self,
        answer: impl ::core::ops::Fn({{ method.parameter_types }}) -> {{ method.result }} + ::core::marker::Send + ::core::marker::Sync + 'static,
    ) -> Self {
        self.{{ method.name }} = ::core::option::Option::Some(::std::boxed::Box::new(answer));
        self
    }
{%- endfor %}
}

impl {{ service.name }} for {{ service.mock }} {
{%- for method in service.methods %}
    async fn {{ method.name }}(&self{{ method.parameters }}) -> {{ method.result }} {
        match &self.{{ method.name }} {
            ::core::option::Option::Some(__rpc_answer) => __rpc_answer({{ method.arguments }}),
            ::core::option::Option::None => ::core::result::Result::Err(
                ::callsheet::codegen::Status::unimplemented(
                    "{{ service.mock }} has no answer for `{{ method.contract_name }}`: set one with `{{ method.setter }}`",
                )
                .into(),
            ),
        }
    }
{% endfor -%}
}
