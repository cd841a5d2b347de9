//! A mistake in a file, of a kind that its number decides.

/// The file with one mistake.
pub(crate) fn spoil(number: usize, text: &str) -> String {
    let kinds = [
        without_semicolon,
        with_misspelt_keyword,
        with_unknown_type,
        with_repeated_number,
        with_foreign_field,
        without_colon,
        with_unknown_annotation,
        without_brace,
    ];
    // Not each file has what a kind needs.
    kinds[number % kinds.len()](text).unwrap_or_else(|| format!("{text}\nmisplaced words;\n"))
}

/// Replaces the first `from` in the second half of the text.
fn replace(text: &str, from: &str, to: &str) -> Option<String> {
    // All of it is ASCII.
    let middle = text.len() / 2;
    let at = middle + text[middle..].find(from)?;
    Some([&text[..at], to, &text[at + from.len()..]].concat())
}

fn without_semicolon(text: &str) -> Option<String> {
    replace(text, " = 2;\n", " = 2\n")
}

fn with_misspelt_keyword(text: &str) -> Option<String> {
    replace(text, "\nmessage ", "\nmesage ")
}

fn with_unknown_type(text: &str) -> Option<String> {
    replace(text, ": string", ": strnig")
}

fn with_repeated_number(text: &str) -> Option<String> {
    replace(text, " = 2;\n", " = 1;\n")
}

fn with_foreign_field(text: &str) -> Option<String> {
    replace(text, ": string = 1;", " string 1;")
}

fn without_colon(text: &str) -> Option<String> {
    replace(text, ": string", " string")
}

fn with_unknown_annotation(text: &str) -> Option<String> {
    replace(text, " = 1;\n", " = 1 @lenn(1);\n")
}

fn without_brace(text: &str) -> Option<String> {
    replace(text, "\n}\n", "\n\n")
}
