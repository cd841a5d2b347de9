//! Replies that settings name in the place of answers.

use bytes::Bytes;

use crate::codec::Shape;
#[cfg(feature = "json")]
use crate::codec::{Codec as _, Json};

/// The protobuf encoding of a reply that settings give as canonical protobuf JSON (`fallback.reply`).
///
/// # Errors
/// Why it is no such message: in one line, without the values in it. Always, where the feature `json` is off.
pub fn check_reply(shape: Shape, json: &str) -> Result<Bytes, String> {
    #[cfg(feature = "json")]
    {
        let body = Bytes::copy_from_slice(json.as_bytes());
        let message = Json.decode(shape, body);
        message.map_err(|error| format!("`fallback.reply`: {error}"))
    }
    #[cfg(not(feature = "json"))]
    {
        let _ = json;
        Err(format!(
            "`fallback.reply` is JSON of a {}, which this program cannot read: build `callsheet` with its feature `json`",
            shape.message
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    static EMPTY: Schema = Schema::new(&[], &[]);

    #[test]
    fn a_reply_that_cannot_be_honoured_is_refused() {
        let shape = Shape {
            schema: &EMPTY,
            message: "shop.Order",
        };
        let told = check_reply(shape, "{}").unwrap_err();
        let expect = if cfg!(feature = "json") {
            "the schema has no message shop.Order"
        } else {
            "build `callsheet` with its feature `json`"
        };
        assert!(told.contains(expect), "{told}");
    }
}
