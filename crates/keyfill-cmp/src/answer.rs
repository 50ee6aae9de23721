//! Manifests on their way to the client, without a copy of them.
//!
//! The library's own way is to encode a message into one buffer, which holds an answer of 100 MB twice. Here a
//! response carries its manifests beside an empty message, and [`Direct`] puts a body in its place that frames them
//! where they lie.

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::Frame;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

/// The first field of `ManifestResponse`, which is a list of strings.
const MANIFESTS: u8 = 1 << 3 | 2;

/// A text below this is copied into a frame with others; one above is sent as it lies.
const SMALL: usize = 4 << 10;

/// Bytes of one frame, about: what was sent is given back before all is.
const FRAME: usize = 64 << 10;

/// The manifests of an app, each as compact JSON.
#[derive(Default)]
pub struct Answer {
    texts: VecDeque<Bytes>,
    held: Option<Box<dyn Send + Sync>>,
}

impl Answer {
    /// An answer of these texts, which must be UTF-8. `held` is dropped when the client has them.
    pub fn new(texts: impl IntoIterator<Item = Bytes>, held: Option<Box<dyn Send + Sync>>) -> Self {
        Self { texts: texts.into_iter().collect(), held }
    }

    /// How many manifests it has.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Bytes of the message.
    pub(crate) fn encoded_len(&self) -> usize {
        self.texts.iter().map(|text| 1 + varint_len(text.len()) + text.len()).sum()
    }

    /// Makes a response carry it.
    pub(crate) fn into_response<T: Default>(self) -> tonic::Response<T> {
        let mut response = tonic::Response::new(T::default());
        response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(self)))));
        response
    }
}

/// What an extension of a response must be: it can be cloned, and taken once.
#[derive(Clone)]
struct Carried(Arc<Mutex<Option<Answer>>>);

/// A service whose answers are sent as they lie.
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

/// The body of an answer: the message's head, its texts, the status.
struct Sent {
    /// The head of the message, until it is sent.
    head: Option<[u8; 5]>,
    texts: VecDeque<Bytes>,
    /// What is left of a text that is sent as it lies.
    begun: Bytes,
    ended: bool,
    _held: Option<Box<dyn Send + Sync>>,
}

impl Sent {
    fn new(answer: Answer) -> Self {
        // The caller has checked that a message may be as long.
        let length = u32::try_from(answer.encoded_len()).unwrap_or(u32::MAX).to_be_bytes();
        // No compression, and the length.
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
    // Seven bits in each byte, and one byte for none.
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
    fn an_answer_is_the_message_that_the_library_would_send() {
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
    fn what_was_sent_is_given_back_before_the_rest() {
        let held = Arc::new(());
        let (first, second) = (Bytes::from(vec![b'x'; FRAME]), Bytes::from(vec![b'y'; FRAME]));
        let mut sent = Sent::new(Answer::new([first.clone(), second], Some(Box::new(Arc::clone(&held)))));
        // The head of the message, the first text, the head of the second.
        for _ in 0..3 {
            sent.next().unwrap();
        }
        assert!(first.is_unique(), "its place is free");
        assert_eq!(Arc::strong_count(&held), 2);
        drop(sent);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
