//! Replaces `:authority` on the wire.
//!
//! Repo-server's gRPC client connects to the socket's path and sends that path, percent-encoded, as `:authority`.
//! The h2 crate refuses `%` as an invalid authority and resets every stream. [`UsableAuthority`] wraps a
//! connection: it decodes each header block that the client sends, replaces the value by `localhost`, encodes the
//! block again as literals that are not added to HPACK's table, and copies all other frames.

use loona_hpack::Decoder;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tonic::transport::server::Connected;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The most bytes of a frame's payload unless the peers agree on more. Rewritten blocks are split into pieces of
/// this size.
const MOST_IN_FRAME: usize = 16_384;
/// The most bytes of a header block. Those of repo-server have a few hundred bytes.
const MOST_IN_BLOCK: usize = 256 << 10;

/// The kind of socket on which a connection was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Socket {
    /// The socket with the plugin's own name.
    #[default]
    Own,
    /// The socket of an alias.
    Alias,
}

/// A connection in which the client's `:authority` is replaced by a valid one. It holds a `G` while it is open.
pub struct UsableAuthority<S, G = ()> {
    inner: S,
    _guard: G,
    socket: Socket,
    rewriter: Rewriter,
    /// Rewritten bytes, and how many of them were read already.
    ready: Vec<u8>,
    taken: usize,
    incoming: Box<[u8]>,
    /// Closes a connection that is idle.
    silence: Silence,
}

/// The idle timeout, and the timer that runs until the connection is closed.
struct Silence {
    most: Duration,
    over: Pin<Box<Sleep>>,
}

impl<S, G> UsableAuthority<S, G> {
    /// Wraps a new connection, which is closed when it is idle for `silence`. It must run inside a tokio runtime.
    pub fn new(inner: S, guard: G, silence: Duration) -> Self {
        let incoming = vec![0; 16 << 10].into_boxed_slice();
        let silence = Silence { most: silence, over: Box::pin(tokio::time::sleep(silence)) };
        Self {
            inner,
            _guard: guard,
            socket: Socket::Own,
            rewriter: Rewriter::new(),
            ready: Vec::new(),
            taken: 0,
            incoming,
            silence,
        }
    }

    /// Sets the kind of socket on which the connection was accepted. Requests carry it as an extension.
    pub fn on(mut self, socket: Socket) -> Self {
        self.socket = socket;
        self
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for UsableAuthority<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.taken == this.ready.len() {
            this.ready.clear();
            this.taken = 0;
            let mut buffer = ReadBuf::new(&mut this.incoming);
            if Pin::new(&mut this.inner).poll_read(cx, &mut buffer)?.is_pending() {
                ready!(this.silence.over.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.silence.over.as_mut().reset(Instant::now() + this.silence.most);
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.rewriter.feed(buffer.filled(), &mut this.ready)?;
        }
        let rest = &this.ready[this.taken..];
        let n = rest.len().min(out.remaining());
        out.put_slice(&rest[..n]);
        this.taken += n;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for UsableAuthority<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<S, G> Connected for UsableAuthority<S, G> {
    type ConnectInfo = Socket;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.socket
    }
}

/// The position in the stream of frames.
enum State {
    /// In HTTP/2's connection preface, of which this many bytes were received.
    Preface(usize),
    /// In the header of a frame, of which this many bytes were received.
    Header([u8; FRAME_HEADER], usize),
    /// In a frame that is copied, of which this many bytes are missing.
    Copy(usize),
    /// In a frame of a header block, of which this many bytes are missing.
    Block(usize),
}

/// Rewrites the bytes of a client, frame by frame.
struct Rewriter {
    state: State,
    decoder: Decoder<'static>,
    /// The header of the frame with which the header block began.
    head: Frame,
    /// The payload of the current frame. `block` is the header block so far.
    payload: Vec<u8>,
    block: Vec<u8>,
    in_block: bool,
}

#[derive(Clone, Copy, Default)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: [u8; 4],
}

fn broken(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl Rewriter {
    fn new() -> Self {
        Self {
            state: State::Preface(0),
            decoder: Decoder::new(),
            head: Frame::default(),
            payload: Vec::new(),
            block: Vec::new(),
            in_block: false,
        }
    }

    /// Takes bytes of the client, and appends to `out` what the server reads.
    fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Preface(seen) => {
                    let n = bytes.len().min(PREFACE.len() - *seen);
                    if bytes[..n] != PREFACE[*seen..*seen + n] {
                        return Err(broken("the client does not speak HTTP/2"));
                    }
                    out.extend_from_slice(&bytes[..n]);
                    bytes = &bytes[n..];
                    *seen += n;
                    if *seen == PREFACE.len() {
                        self.state = State::Header([0; FRAME_HEADER], 0);
                    }
                }
                State::Header(header, have) => {
                    let n = bytes.len().min(FRAME_HEADER - *have);
                    header[*have..*have + n].copy_from_slice(&bytes[..n]);
                    bytes = &bytes[n..];
                    *have += n;
                    if *have == FRAME_HEADER {
                        let header = *header;
                        self.begin_frame(header, out)?;
                    }
                }
                State::Copy(left) => {
                    let n = bytes.len().min(*left);
                    out.extend_from_slice(&bytes[..n]);
                    bytes = &bytes[n..];
                    *left -= n;
                    if *left == 0 {
                        self.state = State::Header([0; FRAME_HEADER], 0);
                    }
                }
                State::Block(left) => {
                    let n = bytes.len().min(*left);
                    self.payload.extend_from_slice(&bytes[..n]);
                    bytes = &bytes[n..];
                    *left -= n;
                    if *left == 0 {
                        self.end_block_frame(out)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self, header: [u8; FRAME_HEADER], out: &mut Vec<u8>) -> io::Result<()> {
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let frame =
            Frame { kind: header[3], flags: header[4], stream: [header[5], header[6], header[7], header[8]] };
        match (frame.kind, self.in_block) {
            (HEADERS, false) => {
                self.head = frame;
                self.in_block = true;
            }
            (CONTINUATION, true) if frame.stream == self.head.stream => {
                self.head.flags |= frame.flags & END_HEADERS;
            }
            (HEADERS | CONTINUATION, _) | (_, true) => return Err(broken("a header block is broken off")),
            _ => {
                out.extend_from_slice(&header);
                self.state =
                    if length == 0 { State::Header([0; FRAME_HEADER], 0) } else { State::Copy(length) };
                return Ok(());
            }
        }
        if length > MOST_IN_FRAME || self.block.len() + length > MOST_IN_BLOCK {
            return Err(broken("a header block is too large"));
        }
        self.payload.clear();
        self.head.kind = frame.kind;
        self.state = State::Block(length);
        if length == 0 {
            self.end_block_frame(out)?;
        }
        Ok(())
    }

    /// A frame of a header block is complete: padding and priority are removed, and the rest is appended to the
    /// block.
    fn end_block_frame(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut fragment = &self.payload[..];
        if self.head.kind == HEADERS {
            let mut padding = 0;
            if self.head.flags & PADDED != 0 {
                let (&length, rest) =
                    fragment.split_first().ok_or_else(|| broken("a header frame is cut short"))?;
                (padding, fragment) = (usize::from(length), rest);
            }
            if self.head.flags & PRIORITY != 0 {
                fragment = fragment.get(5..).ok_or_else(|| broken("a header frame is cut short"))?;
            }
            let end = fragment
                .len()
                .checked_sub(padding)
                .ok_or_else(|| broken("a header frame's padding is too long"))?;
            fragment = &fragment[..end];
        }
        self.block.extend_from_slice(fragment);
        self.state = State::Header([0; FRAME_HEADER], 0);
        if self.head.flags & END_HEADERS != 0 {
            self.end_block(out)?;
        }
        Ok(())
    }

    /// The header block is complete: it is decoded, changed and encoded.
    fn end_block(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let headers =
            self.decoder.decode(&self.block).map_err(|_| broken("a header block cannot be decoded"))?;
        let mut block = Vec::with_capacity(self.block.len() * 2);
        for (name, value) in &headers {
            let value: &[u8] = if name == b":authority" { b"localhost" } else { value };
            literal(name, value, &mut block);
        }
        self.block.clear();
        self.in_block = false;
        let mut pieces = block.chunks(MOST_IN_FRAME).peekable();
        let mut kind = HEADERS;
        let mut flags = self.head.flags & END_STREAM;
        if pieces.peek().is_none() {
            frame(&[], kind, flags | END_HEADERS, self.head.stream, out);
        }
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            frame(piece, kind, flags | last, self.head.stream, out);
            (kind, flags) = (CONTINUATION, 0);
        }
        Ok(())
    }
}

fn frame(payload: &[u8], kind: u8, flags: u8, stream: [u8; 4], out: &mut Vec<u8>) {
    // The payload has at most `MOST_IN_FRAME` bytes, so its length fits into three bytes.
    let length = payload.len() as u32;
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream);
    out.extend_from_slice(payload);
}

/// A literal header field without indexing, with a new name (RFC 7541, 6.2.2).
fn literal(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    for text in [name, value] {
        integer(text.len(), out);
        out.extend_from_slice(text);
    }
}

/// An integer with a prefix of seven bits (RFC 7541, 5.1). The eighth bit is 0: the string is not Huffman-encoded.
fn integer(mut value: usize, out: &mut Vec<u8>) {
    const MOST: usize = 0x7f;
    if value < MOST {
        out.push(value as u8);
        return;
    }
    out.push(MOST as u8);
    value -= MOST;
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::{
        CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PADDED, PREFACE, PRIORITY, Rewriter, frame, literal,
    };
    use loona_hpack::{Decoder, Encoder};
    use std::io;
    use std::time::{Duration, Instant};

    type Headers = Vec<(Vec<u8>, Vec<u8>)>;

    fn headers(long: usize) -> Headers {
        [
            (":method", "POST".to_owned()),
            (":authority", "home%2Fargocd%2Fplugin.sock".to_owned()),
            ("x", "v".repeat(long)),
        ]
        .map(|(n, v)| (n.as_bytes().to_vec(), v.into_bytes()))
        .to_vec()
    }

    fn rewrite(input: &[u8], step: usize) -> Vec<u8> {
        let (mut rewriter, mut out) = (Rewriter::new(), Vec::new());
        input.chunks(step).for_each(|piece| rewriter.feed(piece, &mut out).unwrap());
        out
    }

    /// Decodes a rewritten stream: the header lists, and the frames that were copied.
    fn read(mut bytes: &[u8]) -> (Vec<Headers>, Vec<u8>) {
        bytes = bytes.strip_prefix(PREFACE).unwrap();
        let (mut decoder, mut lists, mut block, mut rest) =
            (Decoder::new(), Vec::new(), Vec::new(), Vec::new());
        while !bytes.is_empty() {
            let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
            let (one, next) = bytes.split_at(9 + length);
            if [HEADERS, CONTINUATION].contains(&one[3]) {
                block.extend_from_slice(&one[9..]);
                if one[4] & END_HEADERS != 0 {
                    lists.push(decoder.decode(&std::mem::take(&mut block)).unwrap());
                }
            } else {
                rest.extend_from_slice(one);
            }
            bytes = next;
        }
        (lists, rest)
    }

    #[test]
    fn only_the_authority_is_replaced() {
        let mut encoder = Encoder::new();
        let mut input = PREFACE.to_vec();
        let mut copied = Vec::new();
        frame(b"settings", 4, 0, [0; 4], &mut copied);
        frame(&[7; 20_000][..16_384], 0, 0, [0, 0, 0, 1], &mut copied);
        input.extend_from_slice(&copied);
        for stream in 1..4 {
            let list = headers(if stream == 3 { 40_000 } else { 10 });
            let block = encoder.encode(list.iter().map(|(n, v)| (&n[..], &v[..])));
            let mut pieces = block.chunks(MOST).collect::<Vec<_>>();
            let first = pieces.remove(0);
            const MOST: usize = 16_000;
            let done = if pieces.is_empty() { END_HEADERS } else { 0 };
            // The second block is padded and has a priority.
            let extra = stream == 2;
            let payload =
                if extra { [&[3, 0, 0, 0, 0, 9][..], first, &[0; 3]].concat() } else { first.to_vec() };
            let flags = done | END_STREAM | if extra { PADDED | PRIORITY } else { 0 };
            frame(&payload, HEADERS, flags, [0, 0, 0, stream], &mut input);
            let count = pieces.len();
            for (i, piece) in pieces.into_iter().enumerate() {
                let flags = if i + 1 == count { END_HEADERS } else { 0 };
                frame(piece, CONTINUATION, flags, [0, 0, 0, stream], &mut input);
            }
        }
        for step in [1, 7, 4096, usize::MAX] {
            let (lists, rest) = read(&rewrite(&input, step));
            assert_eq!(rest, copied);
            assert_eq!(lists.len(), 3);
            for list in lists {
                assert_eq!(list[1], (b":authority".to_vec(), b"localhost".to_vec()));
                assert_eq!((&list[0], &list[2].0[..]), (&headers(0)[0], &b"x"[..]));
            }
        }
    }

    #[test]
    fn broken_streams_are_refused() {
        let frame_of = |payload: &[u8], kind, flags| {
            let mut input = PREFACE.to_vec();
            frame(payload, kind, flags, [0, 0, 0, 1], &mut input);
            input
        };
        let mut unfinished = frame_of(b"", HEADERS, 0);
        frame(b"data", 0, 0, [0, 0, 0, 1], &mut unfinished);
        let cases = [
            b"GET / HTTP/1.1\r\n".to_vec(),
            frame_of(&[0x80], HEADERS, END_HEADERS),
            frame_of(&[9, 0], HEADERS, END_HEADERS | PADDED),
            frame_of(&[0], HEADERS, END_HEADERS | PRIORITY),
            frame_of(b"", CONTINUATION, END_HEADERS),
            unfinished,
        ];
        for input in cases {
            let result = Rewriter::new().feed(&input, &mut Vec::new());
            assert!(result.is_err(), "{input:?}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_and_a_slow_one_is_not() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut client, server) = tokio::io::duplex(1 << 10);
        let silence = Duration::from_secs(1);
        let mut server = super::UsableAuthority::new(server, (), silence);
        let mut text = [0; 64];
        let began = Instant::now();
        for bytes in PREFACE.chunks(PREFACE.len().div_ceil(4)) {
            // The client sends slowly, but is not idle.
            tokio::time::sleep(silence / 3).await;
            client.write_all(bytes).await.unwrap();
            assert!(server.read(&mut text).await.unwrap() > 0);
        }
        assert!(began.elapsed() > silence);
        let began = Instant::now();
        let error = server.read(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= silence - Duration::from_millis(50), "{:?}", began.elapsed());
    }

    #[test]
    fn long_strings_are_encoded_with_long_lengths() {
        let value = vec![b'v'; 1_000];
        let mut block = Vec::new();
        literal(b"name", &value, &mut block);
        assert_eq!(Decoder::new().decode(&block).unwrap(), [(b"name".to_vec(), value)]);
    }
}
