//! For any bytes of a client, the `:authority` header is corrected or the connection is refused, and the result
//! does not depend on the pieces in which the bytes arrive.
#![no_main]

use keyfill_cmp::authority::UsableAuthority;
use libfuzzer_sys::fuzz_target;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};

/// The HTTP/2 connection preface. Bytes after anything else are not read.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A reader that returns at most the given number of bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let n = self.0.len().min(self.1).min(out.remaining());
        let (now, later) = self.0.split_at(n);
        out.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

fuzz_target!(|input: &[u8]| {
    let bytes = [PREFACE, input].concat();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    let mended = |step| {
        runtime.block_on(async {
            let mut out = Vec::new();
            let read = UsableAuthority::new(Pieces(&bytes, step), (), Duration::from_secs(60))
                .read_to_end(&mut out)
                .await;
            read.map(|_| out).map_err(|e| e.to_string())
        })
    };
    let whole = mended(usize::MAX);
    assert_eq!(whole, mended(1));
    assert_eq!(whole, mended(7));
});
