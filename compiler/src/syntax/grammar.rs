//! The grammar of `.rpc` files: see docs/language.md.
//!
//! It is lenient where a mistake has one certain meaning (a missing `;`, a field in protobuf's order): such a
//! statement parses, and the builder reports it. What nothing matches becomes `broken`, which ends at its `;` or block
//! and is looked at again by `recover`. No rule tries a nested construct twice, so that time stays linear.
//!
//! It reads the text that `scan` and `lean` have prepared: it has no comments, and a blank only where two tokens would
//! otherwise be one; brackets are balanced, and three bytes that no source
//! may hold stand for what is not there. U+0001 is a lost part (an unterminated string, too deep nesting), U+0002 a
//! missing `}`, U+0003 a missing `{`.
//!
//! The notation is pest's; `notation` reads it.

use super::notation::grammar;

grammar! {
    WHITESPACE = _{ " " }

    // Entry points: one statement of a file or of a block, or the end.
    file_entry    = _{ SOI ~ (edition | package | import | item | stray | broken | EOI) }
    message_entry = _{ SOI ~ (message_part | EOI) }
    oneof_entry   = _{ SOI ~ (oneof_part | EOI) }
    enum_entry    = _{ SOI ~ (enum_part | EOI) }
    service_entry = _{ SOI ~ (service_part | EOI) }

    // The head of a file.
    edition = { kw_edition ~ number ~ semicolon? }
    package = { kw_package ~ path ~ semicolon? }
    import  = { kw_import ~ string ~ semicolon? }

    // Declarations. A `…_rest` is what follows the keyword.
    item          =  { annotation* ~ (constant | message | enumeration | error | service) }
    constant      =  { kw_const ~ constant_rest }
    constant_rest = _{ ident ~ colon ~ type_ref ~ equals ~ value ~ terminator }

    message      =  { kw_message ~ message_rest }
    message_rest = _{ ident ~ open ~ message_part* ~ close }
    message_part = _{ member | stray | broken }
    member       =  {
        annotation* ~ (message | enumeration | oneof | reserved | field | labelled_field | proto_field | thrift_field)
    }

    error      =  { kw_error ~ error_rest }
    error_rest = _{ ident ~ error_code? ~ open ~ message_part* ~ close }
    error_code =  { lparen ~ ident ~ rparen }

    field  = { ident ~ colon ~ type_ref ~ annotation* ~ field_number ~ annotation* ~ terminator }
    // Absent only where the statement ends, which the builder reports.
    field_number = _{ equals ~ number | &end }

    oneof        =  { kw_oneof ~ oneof_rest }
    oneof_rest   = _{ ident ~ open ~ oneof_part* ~ close }
    oneof_part   = _{ oneof_member | stray | broken }
    oneof_member =  { annotation* ~ (field | labelled_field | proto_field | thrift_field) }

    reserved       =  { kw_reserved ~ reserved_rest }
    reserved_rest  = _{ reserved_entry ~ (comma ~ reserved_entry)* ~ comma? ~ semicolon? }
    reserved_entry =  { string | number ~ ((range_op | proto_to) ~ number)? }

    enumeration =  { kw_enum ~ enum_rest }
    enum_rest   = _{ ident ~ open ~ enum_part* ~ close }
    enum_part   = _{ enum_member | stray | broken }
    enum_member =  { annotation* ~ (reserved | enum_value) }
    enum_value  =  { !(kw_reserved ~ !equals) ~ ident ~ (equals ~ number | &end) ~ annotation* ~ terminator }

    service        =  { kw_service ~ service_rest }
    service_rest   = _{ ident ~ open ~ service_part* ~ close }
    service_part   = _{ service_member | stray | broken }
    service_member =  { annotation* ~ (versions | groups | method) }

    versions      =  { kw_versions ~ versions_rest }
    versions_rest = _{ number ~ (comma ~ number)* ~ comma? ~ semicolon? }
    groups        =  { kw_groups ~ groups_rest }
    groups_rest   = _{ group ~ (comma ~ group)* ~ comma? ~ semicolon? }
    group         = _{ ident | open_end }
    open_end      =  { ".." }

    method      =  { kw_rpc ~ method_rest }
    method_rest = _{ ident ~ request ~ reply? ~ throws? ~ (annotation+ ~ &semicolon)? ~ (semicolon | proto_body)? }
    request     =  { lparen ~ (params | payload)? ~ rparen }
    params      =  { param ~ (comma ~ param)* ~ comma? }
    param       =  { ident ~ colon ~ type_ref ~ annotation* ~ field_number ~ annotation* }
    reply       =  { arrow ~ payload | proto_returns ~ (lparen ~ payload ~ rparen | payload) }
    payload     =  { kw_stream ~ !kw_throws ~ !labelled_type ~ type_ref | !labelled_type ~ type_ref }
    throws      =  { kw_throws ~ path ~ (comma ~ path)* ~ comma? }

    // Types and values.
    type_ref     = { (labelled_type | list_type | path ~ type_args? | lost) ~ question? }
    list_type    = { lbracket ~ !labelled_type ~ type_ref ~ rbracket }
    // Of `map<K, V>`; of anything else it is another language's, and reported.
    type_args    = { langle ~ type_ref ~ (comma ~ type_ref)* ~ comma? ~ rangle }
    annotation   = { at ~ ident ~ arguments? }
    arguments    = { lparen ~ (argument ~ (comma ~ argument)* ~ comma?)? ~ rparen }
    argument     = { (ident ~ colon)? ~ value }
    value        = { operand ~ range_tail? | range_tail }
    range_tail   = { range_op ~ operand? }
    operand      = _{ string | number | list | field_path | call }
    list         = { lbracket ~ (value ~ (comma ~ value)* ~ comma?)? ~ rbracket }
    call         = { path ~ arguments? }
    field_path   = ${ "." ~ ident ~ ("." ~ ident)* }
    path         = ${ dot? ~ ident ~ (dot ~ ident)* }

    // What authors bring along from other interface languages; always reported.
    labelled_field = { label ~ field }
    // Holds a type without label: a thousand labels in a row must not nest.
    labelled_type  = { label ~ !dot ~ plain_type }
    plain_type     = { (list_type | path ~ type_args? | lost) ~ question? }
    proto_field    = { label? ~ type_ref ~ ident ~ equals ~ number ~ proto_options? ~ annotation* ~ terminator }
    proto_options  = { lbracket ~ (!(rbracket | semicolon | open | close) ~ piece)* ~ rbracket }
    thrift_field   = { number ~ colon ~ label? ~ type_ref ~ ident ~ terminator }
    label          = @{ ("repeated" | "optional" | "required" | "singular") ~ !word }
    proto_returns  = @{ "returns" ~ !word }
    proto_to       = @{ "to" ~ !word }
    proto_body     = { "{" ~ close }

    // What matches nothing: up to and with its `;` or block.
    broken = { block | (!semicolon ~ piece)+ ~ (block | semicolon)? }
    block  = { open ~ (block | !(open | close) ~ (semicolon | piece))* ~ close }
    piece  = _{ string | ident | number | !(open | close) ~ symbol }
    symbol = @{ ANY }
    stray  = { semicolon+ }

    // Asked only for where a statement stops to parse, and for what could have stood there.
    never          = { !ANY ~ ANY }
    probe_file     = _{ SOI ~ (edition | package | import | annotation* ~ (constant | message | enumeration | error | service)) ~ never }
    probe_message  = _{ SOI ~ annotation* ~ (field | message | enumeration | oneof | reserved) ~ never }
    probe_oneof    = _{ SOI ~ annotation* ~ field ~ never }
    probe_enum     = _{ SOI ~ annotation* ~ (enum_value | reserved) ~ never }
    probe_service  = _{ SOI ~ annotation* ~ (method | versions | groups) ~ never }
    after_const    = _{ SOI ~ constant_rest ~ never }
    after_message  = _{ SOI ~ message_rest ~ never }
    after_error    = _{ SOI ~ error_rest ~ never }
    after_enum     = _{ SOI ~ enum_rest ~ never }
    after_service  = _{ SOI ~ service_rest ~ never }
    after_oneof    = _{ SOI ~ oneof_rest ~ never }
    after_reserved = _{ SOI ~ reserved_rest ~ never }
    after_versions = _{ SOI ~ versions_rest ~ never }
    after_groups   = _{ SOI ~ groups_rest ~ never }
    after_rpc      = _{ SOI ~ method_rest ~ never }

    // The same behind a keyword that was meant: parsed as if it had been written.
    const_after    = _{ SOI ~ constant_rest }
    message_after  = _{ SOI ~ message_rest }
    error_after    = _{ SOI ~ error_rest }
    enum_after     = _{ SOI ~ enum_rest }
    service_after  = _{ SOI ~ service_rest }
    oneof_after    = _{ SOI ~ oneof_rest }
    reserved_after = _{ SOI ~ reserved_rest }
    versions_after = _{ SOI ~ versions_rest }
    groups_after   = _{ SOI ~ groups_rest }
    rpc_after      = _{ SOI ~ method_rest }
    edition_after  = _{ SOI ~ number ~ semicolon? }
    package_after  = _{ SOI ~ path ~ semicolon? }
    import_after   = _{ SOI ~ string ~ semicolon? }

    // Tokens.
    terminator  = _{ (semicolon | wrong_comma)? }
    wrong_comma =  { "," }
    // Without names, so that nobody is told to write one of them.
    end        = _{ ";" | "," | ")" | "}" | "\u{02}" | EOI }
    word       = _{ ASCII_ALPHANUMERIC | "_" }
    // U+0005 stands for one that is missing.
    ident      = @{ (ASCII_ALPHA | "_") ~ word* | "\u{05}" }
    lost       = @{ "\u{01}"+ }
    string     = @{ lost | "r\"" ~ (!("\"" | "\n") ~ ANY)* ~ "\"" | "\"" ~ ("\\" ~ !"\n" ~ ANY | !("\"" | "\\" | "\n") ~ ANY)* ~ "\"" }
    // Every spelling that was meant as one number; `number.rs` says which are.
    number     = @{ "-"? ~ ASCII_DIGIT ~ digit* ~ ("." ~ ASCII_DIGIT ~ digit*)? }
    digit      = _{ ("e" | "E") ~ ("+" | "-") ~ ASCII_DIGIT | word }
    range_op   = @{ "..=" | ".." }
    arrow      = { "->" }
    at         = { "@" }
    close      = { "}" | "\u{02}" | EOI }
    colon      = { ":" }
    comma      = { "," }
    dot        = { "." }
    equals     = { "=" }
    langle     = { "<" }
    lbracket   = { "[" }
    lparen     = { "(" }
    open       = { "{" | "\u{03}" }
    question   = { "?" }
    rangle     = { ">" }
    rbracket   = { "]" }
    rparen     = { ")" }
    semicolon  = { ";" }

    kw_const    = @{ "const" ~ !word }
    kw_edition  = @{ "edition" ~ !word }
    kw_enum     = @{ "enum" ~ !word }
    kw_error    = @{ "error" ~ !word }
    kw_groups   = @{ "groups" ~ !word }
    kw_import   = @{ "import" ~ !word }
    kw_message  = @{ "message" ~ !word }
    kw_oneof    = @{ "oneof" ~ !word }
    kw_package  = @{ "package" ~ !word }
    kw_reserved = @{ "reserved" ~ !word }
    kw_rpc      = @{ "rpc" ~ !word }
    kw_service  = @{ "service" ~ !word }
    kw_stream   = @{ "stream" ~ !word }
    kw_throws   = @{ "throws" ~ !word }
    kw_versions = @{ "versions" ~ !word }
}
