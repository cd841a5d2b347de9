//! A client that does what a well-behaved one does not: writes anything anywhere, and ends the sessions of others.
//!
//! It speaks the protocol by itself and panics where it is not answered as a test expects.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Engine, ZooKeeper};

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const EXISTS: i32 = 3;
const GET: i32 = 4;
const AUTH: i32 = 100;
const CLOSE: i32 = -11;

/// Bytes of the status of a node.
const STATUS: usize = 68;

/// How many requests are on their way at once.
const WINDOW: usize = 500;

/// Why a request or its answer cannot be as it is.
const ANSWERS: &str = "a server that answers";
const SHORT: &str = "a frame of less than 2 GiB";

/// For how long a session lives that says nothing, in milliseconds: the most that [`ZooKeeper`] gives.
const SESSION_MS: i32 = 10_000;

/// What a node lasts as long as.
#[derive(Clone, Copy)]
enum Lasts {
    ForEver = 0,
    AsItsSession = 1,
}

/// A connection with a session of its own, which ends within 10 s unless it asks something now and then.
#[derive(Debug)]
pub struct Raw {
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
        let mut frame = self.int(i32::try_from(value.len()).expect(SHORT));
        frame.0.extend(value);
        frame
    }

    fn whole(self) -> Vec<u8> {
        Self::default().bytes(&self.0).0
    }
}

fn greeting(session: i64, secret: &[u8]) -> Vec<u8> {
    let frame = Frame::default()
        .int(0)
        .long(0)
        .int(SESSION_MS)
        .long(session);
    let mut frame = frame.bytes(secret);
    frame.0.push(0);
    frame.whole()
}

impl Raw {
    /// Opens a session.
    ///
    /// # Panics
    /// When the server does not answer, as with all requests.
    pub async fn connect(server: &Engine<ZooKeeper>) -> Self {
        let stream = TcpStream::connect(server.place().endpoint()).await;
        let mut raw = Self {
            stream: stream.expect(ANSWERS),
            next: 1,
        };
        raw.send(&greeting(0, &[0; 16])).await;
        raw.answer().await;
        raw
    }

    /// Says who it is, as `user:password`. What it makes from then on is everybody's all the same.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn login(&mut self, user: &str) {
        // It takes no number from the requests around it.
        let frame = Frame::default().int(-4).int(AUTH);
        let frame = frame.int(0).bytes(b"digest").bytes(user.as_bytes());
        self.send(&frame.whole()).await;
        let answer = self.answer().await;
        assert_eq!(refusal(&answer), 0, "{user}");
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect(ANSWERS);
    }

    async fn answer(&mut self) -> Vec<u8> {
        let length = self.stream.read_u32().await.expect(ANSWERS);
        let mut answer = vec![0; usize::try_from(length).expect(SHORT)];
        self.stream.read_exact(&mut answer).await.expect(ANSWERS);
        answer
    }

    fn request(&mut self, op: i32, body: Frame) -> Vec<u8> {
        self.next += 1;
        let mut frame = Frame::default().int(self.next).int(op);
        frame.0.extend(body.0);
        frame.whole()
    }

    /// Asks; gives the refusal, and the body behind it.
    async fn ask(&mut self, op: i32, body: Frame) -> (i32, Vec<u8>) {
        let request = self.request(op, body);
        self.send(&request).await;
        let answer = self.answer().await;
        (refusal(&answer), answer[16..].to_vec())
    }

    fn creation(path: &str, data: &[u8], lasts: Lasts) -> Frame {
        let frame = Frame::default().bytes(path.as_bytes()).bytes(data);
        let everybody = frame.int(1).int(31).bytes(b"world").bytes(b"anyone");
        everybody.int(lasts as i32)
    }

    /// Makes a node that stays.
    ///
    /// # Panics
    /// When it is there.
    pub async fn create(&mut self, path: &str, data: &[u8]) {
        let body = Self::creation(path, data, Lasts::ForEver);
        let (refusal, _) = self.ask(CREATE, body).await;
        assert_eq!(refusal, 0, "{path}");
    }

    /// Makes a node that lasts as long as this session.
    ///
    /// # Panics
    /// When it is there.
    pub async fn create_ephemeral(&mut self, path: &str, data: &[u8]) {
        let body = Self::creation(path, data, Lasts::AsItsSession);
        let (refusal, _) = self.ask(CREATE, body).await;
        assert_eq!(refusal, 0, "{path}");
    }

    /// Makes many nodes that stay.
    ///
    /// # Panics
    /// When one of them is there.
    pub async fn create_all(&mut self, paths: impl Iterator<Item = String>, data: &[u8]) {
        let mut paths = paths.peekable();
        while paths.peek().is_some() {
            let mut requests = Vec::new();
            let mut count = 0;
            for path in paths.by_ref().take(WINDOW) {
                let body = Self::creation(&path, data, Lasts::ForEver);
                requests.extend(self.request(CREATE, body));
                count += 1;
            }
            self.send(&requests).await;
            for _ in 0..count {
                assert_eq!(refusal(&self.answer().await), 0);
            }
        }
    }

    /// Deletes a node, whatever its version.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn delete(&mut self, path: &str) {
        let body = Frame::default().bytes(path.as_bytes()).int(-1);
        let (refusal, _) = self.ask(DELETE, body).await;
        assert_eq!(refusal, 0, "{path}");
    }

    /// The session that a node lasts as long as; none if it is not there, 0 if it outlasts sessions.
    ///
    /// # Panics
    /// When the session has ended.
    pub async fn owner(&mut self, path: &str) -> Option<i64> {
        let mut body = Frame::default().bytes(path.as_bytes());
        body.0.push(0);
        let (refusal, status) = self.ask(EXISTS, body).await;
        (refusal == 0).then(|| long_at(&status, 44))
    }

    /// What a node holds; none if it is not there.
    ///
    /// # Panics
    /// When the session has ended.
    pub async fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        let mut body = Frame::default().bytes(path.as_bytes());
        body.0.push(0);
        let (refusal, answer) = self.ask(GET, body).await;
        // The length of what it holds, that, and its status.
        (refusal == 0).then(|| answer[4..answer.len() - STATUS].to_vec())
    }

    /// Ends the session, and with it what lasts as long.
    ///
    /// # Panics
    /// When it has ended before.
    pub async fn close(mut self) {
        let (refusal, _) = self.ask(CLOSE, Frame::default()).await;
        assert_eq!(refusal, 0, "the session has ended");
    }
}

/// Why an answer is none; 0 where it is one. Before it are the number of the request and the server's newest change.
fn refusal(answer: &[u8]) -> i32 {
    i32::from_be_bytes([answer[12], answer[13], answer[14], answer[15]])
}

fn long_at(bytes: &[u8], place: usize) -> i64 {
    let bytes: [u8; 8] = std::array::from_fn(|index| bytes[place + index]);
    i64::from_be_bytes(bytes)
}

/// Ends the session of somebody else, as the server does that has heard nothing for too long.
///
/// # Panics
/// When the server does not let it.
pub async fn expire(server: &Engine<ZooKeeper>, session: i64) {
    let stream = TcpStream::connect(server.place().endpoint()).await;
    let mut stream = stream.expect(ANSWERS);
    let mut both = greeting(session, &secret(session));
    both.extend(Frame::default().int(1).int(CLOSE).whole());
    stream.write_all(&both).await.expect(ANSWERS);
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.expect(ANSWERS);
    assert_eq!(
        long_at(&answers, 12),
        session,
        "the session is not taken over"
    );
}

/// The password of a session, which the server makes of its number by Java's generator of random numbers.
fn secret(session: i64) -> [u8; 16] {
    const MASK: i64 = (1 << 48) - 1;
    let mut state = ((session ^ 0xB341_5C00) ^ 0x5_DEEC_E66D) & MASK;
    let mut secret = [0; 16];
    for four in secret.chunks_mut(4) {
        state = state.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & MASK;
        let bits = u32::try_from(state >> 16).expect("32 of 48 bits");
        four.copy_from_slice(&bits.to_le_bytes());
    }
    secret
}
