//! A codec of a third party: hexadecimal digits, for people who read what travels.

use bytes::Bytes;
use callsheet::codec::{Codec, CodecError, Shape};
use callsheet::testing::Cluster;
use callsheet::{Code, Rope};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

use crate::shop::{cluster, shop};

struct Hex;

impl Codec for Hex {
    fn name(&self) -> &'static str {
        "hex"
    }

    fn encode(&self, _: Shape, protobuf: Rope) -> Result<Rope, CodecError> {
        let bytes = protobuf.into_bytes();
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits: Vec<u8> = digits
            .map(|digit| b"0123456789abcdef"[usize::from(digit)])
            .collect();
        Ok(digits.into())
    }

    fn decode(&self, shape: Shape, body: Bytes) -> Result<Bytes, CodecError> {
        let wrong = || CodecError::new(format!("the hexadecimal digits of a {}", shape.message));
        let digits = std::str::from_utf8(&body).map_err(|_| wrong())?;
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        pairs.map(byte).collect::<Option<_>>().ok_or_else(wrong)
    }
}

#[tokio::test(start_paused = true)]
async fn a_codec_of_ones_own_carries_calls_between_those_who_have_it() {
    let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
        .configure(|_, server| server.codec(&Hex))
        .start(1)
        .await
        .unwrap();
    let orders = OrdersClient::new(&cluster.client_with(|builder| builder.codec(&Hex)));
    let order = orders.get(7).metadata("tenant", "blue").await.unwrap();
    assert_eq!((order.id, order.note.as_deref()), (7, Some("blue")));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_the_codec_says_so() {
    let cluster = cluster(1).await;
    let orders = OrdersClient::new(&cluster.client_with(|builder| builder.codec(&Hex)));
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("`hex`"), "{error}");
}
