//! A client that does what a well-behaved one does not: writes anything anywhere, and ends the sessions of others.

use callsheet_tests::engine::Engine;
use callsheet_tests::engine::zookeeper::ZooKeeper;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const EXISTS: i32 = 3;
const CLOSE: i32 = -11;

/// How many requests are on their way at once.
const WINDOW: usize = 500;

/// A connection with a session of its own.
pub(crate) struct Raw {
    stream: TcpStream,
    next: i32,
}

/// A frame: values behind their length.
#[derive(Default)]
struct Frame(Vec<u8>);

impl Frame {
    fn int(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn long(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    fn bytes(self, value: &[u8]) -> Self {
        let mut frame = self.int(i32::try_from(value.len()).unwrap());
        frame.0.extend(value);
        frame
    }

    fn whole(self) -> Vec<u8> {
        Self::default().bytes(&self.0).0
    }
}

fn greeting(session: i64, secret: &[u8]) -> Vec<u8> {
    let frame = Frame::default().int(0).long(0).int(10_000).long(session);
    let mut frame = frame.bytes(secret);
    frame.0.push(0);
    frame.whole()
}

impl Raw {
    pub(crate) async fn connect(server: &Engine<ZooKeeper>) -> Self {
        let mut stream = TcpStream::connect(server.place().endpoint()).await.unwrap();
        stream.write_all(&greeting(0, &[0; 16])).await.unwrap();
        let mut raw = Self { stream, next: 1 };
        raw.answer().await;
        raw
    }

    async fn answer(&mut self) -> Vec<u8> {
        let length = self.stream.read_u32().await.unwrap();
        let mut answer = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut answer).await.unwrap();
        answer
    }

    fn request(&mut self, op: i32, body: Frame) -> Vec<u8> {
        self.next += 1;
        let mut frame = Frame::default().int(self.next).int(op);
        frame.0.extend(body.0);
        frame.whole()
    }

    /// Asks, and gives what is behind the number of the answer: the server's newest change, the refusal, the body.
    async fn ask(&mut self, op: i32, body: Frame) -> (i32, Vec<u8>) {
        let request = self.request(op, body);
        self.stream.write_all(&request).await.unwrap();
        let answer = self.answer().await;
        let refusal = i32::from_be_bytes(answer[12..16].try_into().unwrap());
        (refusal, answer[16..].to_vec())
    }

    fn creation(path: &str, data: &[u8]) -> Frame {
        let frame = Frame::default().bytes(path.as_bytes()).bytes(data);
        let everybody = frame.int(1).int(31).bytes(b"world").bytes(b"anyone");
        everybody.int(0)
    }

    /// Makes a node that stays.
    pub(crate) async fn create(&mut self, path: &str, data: &[u8]) {
        let (refusal, _) = self.ask(CREATE, Self::creation(path, data)).await;
        assert_eq!(refusal, 0, "{path}");
    }

    /// Makes many nodes that stay.
    pub(crate) async fn create_all(&mut self, paths: impl Iterator<Item = String>, data: &[u8]) {
        let mut paths = paths.peekable();
        while paths.peek().is_some() {
            let mut requests = Vec::new();
            let mut count = 0;
            for path in paths.by_ref().take(WINDOW) {
                requests.extend(self.request(CREATE, Self::creation(&path, data)));
                count += 1;
            }
            self.stream.write_all(&requests).await.unwrap();
            for _ in 0..count {
                let answer = self.answer().await;
                assert_eq!(answer[12..16], [0; 4]);
            }
        }
    }

    pub(crate) async fn delete(&mut self, path: &str) {
        let body = Frame::default().bytes(path.as_bytes()).int(-1);
        let (refusal, _) = self.ask(DELETE, body).await;
        assert_eq!(refusal, 0, "{path}");
    }

    /// The session that a node lasts as long as; none if it is not there, 0 if it outlasts sessions.
    pub(crate) async fn owner(&mut self, path: &str) -> Option<i64> {
        let mut body = Frame::default().bytes(path.as_bytes());
        body.0.push(0);
        let (refusal, status) = self.ask(EXISTS, body).await;
        (refusal == 0).then(|| i64::from_be_bytes(status[44..52].try_into().unwrap()))
    }
}

/// Ends the session of somebody else, as the server does that has heard nothing for too long.
pub(crate) async fn expire(server: &Engine<ZooKeeper>, session: i64) {
    let mut stream = TcpStream::connect(server.place().endpoint()).await.unwrap();
    let mut both = greeting(session, &secret(session));
    both.extend(Frame::default().int(1).int(CLOSE).whole());
    stream.write_all(&both).await.unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.unwrap();
    let taken = i64::from_be_bytes(answers[12..20].try_into().unwrap());
    assert_eq!(taken, session, "the session is taken over");
}

/// The password of a session, which the server makes of its number by Java's generator of random numbers.
fn secret(session: i64) -> [u8; 16] {
    const MASK: i64 = (1 << 48) - 1;
    let mut state = ((session ^ 0xB341_5C00) ^ 0x5_DEEC_E66D) & MASK;
    let mut secret = [0; 16];
    for four in secret.chunks_mut(4) {
        state = state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & MASK;
        let bits = u32::try_from(state >> 16).unwrap();
        four.copy_from_slice(&bits.to_le_bytes());
    }
    secret
}
