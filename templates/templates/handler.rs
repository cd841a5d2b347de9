struct {{ service.handler }}<__RpcService>(::std::sync::Arc<__RpcService>);

impl<__RpcService: {{ service.name }}> ::callsheet::codegen::Handler for {{ service.handler }}<__RpcService> {
{%- if service.methods.is_empty() %}
    fn call(&self, _: usize, call: ::callsheet::codegen::Incoming) -> ::callsheet::codegen::Answer {
        call.unknown_method()
    }
{%- else %}
    fn call(&self, method: usize, call: ::callsheet::codegen::Incoming) -> ::callsheet::codegen::Answer {
        let service = ::std::sync::Arc::clone(&self.0);
        match method {
{%- for method in service.methods %}
            {{ method.index }} => call.{{ method.shape }}(move |{{ method.handler_parameter }}| async move {
{%- if let Some(accept) = method.accept %}
                {{ accept }}
{%- endif %}
                <__RpcService as {{ service.name }}>::{{ method.name }}(&service{{ method.handler_arguments }}).await
            }),
{%- endfor %}
            _ => call.unknown_method(),
        }
    }
{%- endif %}
}
