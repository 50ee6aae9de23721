//! Sends manifests to the client without copying them.
//!
//! The gRPC library encodes a message into one buffer, so an answer of 100 MB would be in memory twice. Here a
//! response has an empty message and carries its manifests as an extension. [`Direct`] replaces the body by one
//! that sends the manifests from where they are.

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::Frame;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

/// The key of the first field of `ManifestResponse`, a list of strings, in the encoding of protobuf.
const MANIFESTS: u8 = 1 << 3 | 2;

/// A manifest of fewer bytes than this is copied into a frame with others; a larger one is sent without a copy.
const SMALL: usize = 4 << 10;

/// About the most bytes of a frame. The answer is sent in frames, so that memory is freed before all of it is sent.
const FRAME: usize = 64 << 10;

/// The manifests of an app, each as compact JSON.
#[derive(Default)]
pub struct Answer {
    texts: VecDeque<Bytes>,
    held: Option<Box<dyn Send + Sync>>,
}

impl Answer {
    /// An answer of these manifests, which must be UTF-8. `held` is dropped when the client has received them.
    pub fn new(texts: impl IntoIterator<Item = Bytes>, held: Option<Box<dyn Send + Sync>>) -> Self {
        Self { texts: texts.into_iter().collect(), held }
    }

    /// The number of manifests.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are no manifests.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The bytes of the encoded message.
    pub(crate) fn encoded_len(&self) -> usize {
        self.texts.iter().map(|text| 1 + varint_len(text.len()) + text.len()).sum()
    }

    /// A response that carries the answer.
    pub(crate) fn into_response<T: Default>(self) -> tonic::Response<T> {
        let mut response = tonic::Response::new(T::default());
        response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(self)))));
        response
    }
}

/// The answer as an extension of a response. Extensions must be `Clone`, so it is shared, and taken once.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Answer>>>);

/// Wraps a gRPC service so that its [`Answer`]s are sent without a copy.
#[derive(Clone)]
pub struct Direct<S>(pub(crate) S);

impl<S: NamedService> NamedService for Direct<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Direct<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let called = self.0.call(request);
        Box::pin(async move {
            let mut response = called.await?;
            let carried: Option<Carried> = response.extensions_mut().remove();
            if let Some(answer) =
                carried.and_then(|c| c.0.lock().unwrap_or_else(PoisonError::into_inner).take())
            {
                *response.body_mut() = Body::new(Sent::new(answer));
            }
            Ok(response)
        })
    }
}

/// The body of a response: the head of the gRPC message, the manifests, and the status.
struct Sent {
    /// The head of the gRPC message, until it is sent.
    head: Option<[u8; 5]>,
    texts: VecDeque<Bytes>,
    /// What is left of a large manifest that is being sent.
    begun: Bytes,
    ended: bool,
    _held: Option<Box<dyn Send + Sync>>,
}

impl Sent {
    fn new(answer: Answer) -> Self {
        // The caller has checked that a message may be this long.
        let length = u32::try_from(answer.encoded_len()).unwrap_or(u32::MAX).to_be_bytes();
        // A byte for "not compressed", and the length.
        let head = Some([0, length[0], length[1], length[2], length[3]]);
        Self { head, texts: answer.texts, begun: Bytes::new(), ended: false, _held: answer.held }
    }

    fn next(&mut self) -> Option<Bytes> {
        if !self.begun.is_empty() {
            return Some(self.begun.split_to(self.begun.len().min(FRAME)));
        }
        let mut frame = BytesMut::new();
        if let Some(head) = self.head.take() {
            frame.put_slice(&head);
        }
        while frame.len() < FRAME
            && let Some(text) = self.texts.pop_front()
        {
            frame.put_u8(MANIFESTS);
            put_varint(&mut frame, text.len());
            if text.len() >= SMALL {
                self.begun = text;
                break;
            }
            frame.put_slice(&text);
        }
        (!frame.is_empty()).then(|| frame.freeze())
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(data) = self.next() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut status = http::HeaderMap::new();
        status.insert("grpc-status", http::HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(status))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

fn varint_len(number: usize) -> usize {
    // Seven bits for each byte, and at least one byte.
    ((usize::BITS - (number | 1).leading_zeros()) as usize).div_ceil(7)
}

fn put_varint(out: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        out.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

#[cfg(test)]
mod tests {
    use super::{Answer, FRAME, SMALL, Sent};
    use crate::proto::plugin::ManifestResponse;
    use bytes::Bytes;
    use prost::Message as _;
    use std::sync::Arc;

    #[test]
    fn an_answer_is_encoded_as_the_library_would_encode_it() {
        let sizes = [0, 1, 127, 128, SMALL - 1, SMALL, SMALL + 1, FRAME, 3 * FRAME + 1, 20, 1 << 21];
        for texts in [vec![], sizes.map(|size| "x".repeat(size)).to_vec()] {
            let answer = Answer::new(texts.iter().cloned().map(Bytes::from), None);
            let message = ManifestResponse { manifests: texts, source_type: String::new() };
            assert_eq!(answer.encoded_len(), message.encoded_len());
            let mut sent = Sent::new(answer);
            let all: Vec<u8> = std::iter::from_fn(|| sent.next()).flatten().collect();
            let (head, content) = all.split_at(5);
            assert_eq!(head[0], 0);
            assert_eq!(u32::from_be_bytes(head[1..].try_into().unwrap()) as usize, content.len());
            assert!(content == message.encode_to_vec());
        }
    }

    #[test]
    fn manifests_are_freed_as_soon_as_they_are_sent() {
        let held = Arc::new(());
        let (first, second) = (Bytes::from(vec![b'x'; FRAME]), Bytes::from(vec![b'y'; FRAME]));
        let mut sent = Sent::new(Answer::new([first.clone(), second], Some(Box::new(Arc::clone(&held)))));
        // The head of the message, the first manifest, the head of the second.
        for _ in 0..3 {
            sent.next().unwrap();
        }
        assert!(first.is_unique(), "its place is free");
        assert_eq!(Arc::strong_count(&held), 2);
        drop(sent);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
