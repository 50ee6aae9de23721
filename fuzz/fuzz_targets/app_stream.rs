//! Any stream of a plugin request is answered or refused: no panic, no hang, no path outside the tree, no more
//! memory than the limits allow. The first byte says what the rest is: either the bytes of the stream, or an app's
//! path and a tar. A tar gets a correct checksum, and the first byte's other bits choose flaws that are added.
#![no_main]

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full};
use keyfill_cmp::archive::{Archive, Budget, Budgets, Limits};
use keyfill_cmp::proto::plugin::app_stream_request::Request as Piece;
use keyfill_cmp::proto::plugin::{AppStreamRequest, File, ManifestRequestMetadata};
use keyfill_cmp::queue::Queue;
use keyfill_cmp::{
    Answer, AppRequest, BoxFuture, Generator, Matched, Parameter, Refusal, ServerOptions, plugin_service,
};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::{Files as _, TreePath};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service as _;

const RAW: u8 = 1;
const COMPRESSED: u8 = 2;
const NO_METADATA: u8 = 4;
const TWICE: u8 = 8;
const EMPTY_MESSAGE: u8 = 16;
const LATE_CHUNK: u8 = 32;
const CUT_SHORT: u8 = 64;
const LARGE_PIECES: u8 = 128;

/// Limits of an archive: small, so that inputs reach them.
const LIMITS: Limits = Limits {
    compressed: 64 << 10,
    in_memory: 4 << 10,
    expanded: 1 << 20,
    entries: 100,
    path: 200,
    depth: 20,
    file: 32 << 10,
    kept: 16 << 10,
};

/// An archive reader that reads every file to its end.
struct ReadsAll;

fn read_all(archive: Archive, cx: &Cx) -> Result<Vec<String>, Refusal> {
    let files = archive.open(cx).map_err(|e| Refusal { class: e.class(), message: e.to_string() })?;
    let mut total = 0;
    let paths = files.walk(&TreePath::root());
    for path in &paths {
        assert!(path.parts().all(|part| !matches!(part, "" | "." | ".." | ".git")), "{path}");
        let content = files.read(path).unwrap_or_default();
        assert!(content.len() as u64 <= LIMITS.file);
        total += content.len();
        let (real, _) = files.resolve(path).expect("what is listed is there");
        assert!(real.parts().all(|part| part != ".."));
    }
    if total == 0 {
        return Err(Refusal { class: Class::Missing, message: String::new() });
    }
    Ok(paths.iter().map(ToString::to_string).collect())
}

impl Generator for ReadsAll {
    fn generate<'a>(
        &'a self,
        _: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Answer, Refusal>> {
        let answer = |paths: Vec<String>| Answer::new(paths.into_iter().map(Bytes::from), None);
        Box::pin(async move { read_all(archive, cx).map(answer) })
    }

    fn matches<'a>(
        &'a self,
        _: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Matched, Refusal>> {
        Box::pin(async move { read_all(archive, cx).map(|_| Matched::default()) })
    }

    fn parameters<'a>(
        &'a self,
        _: &'a AppRequest,
        _: Archive,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<Parameter>, Refusal>> {
        Box::pin(async move { Ok(Vec::new()) })
    }

    fn turned_away(&self, _: &str, _: &Refusal) {}
}

/// Writes a message in gRPC's framing: a flag, the length, the message.
fn frame(request: Option<Piece>, out: &mut Vec<u8>) {
    let message = AppStreamRequest { request }.encode_to_vec();
    out.push(0);
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(&message);
}

/// Makes a stream from an app's path and a tar, with the flaws that the flags name.
fn stream(flags: u8, input: &[u8]) -> Vec<u8> {
    let mut parts = input.splitn(2, |b| *b == 0);
    let path = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let content = parts.next().unwrap_or_default();
    let packed = if flags & COMPRESSED != 0 {
        content.to_vec()
    } else {
        let mut zip = GzEncoder::new(Vec::new(), Compression::none());
        zip.write_all(content).expect("memory takes it");
        zip.finish().expect("memory takes it")
    };
    let metadata = ManifestRequestMetadata {
        app_name: "app".to_owned(),
        app_rel_path: path,
        checksum: Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect(),
        size: packed.len() as i64,
        env: Vec::new(),
    };
    let mut out = Vec::new();
    if flags & NO_METADATA == 0 {
        frame(Some(Piece::Metadata(metadata.clone())), &mut out);
    }
    let size = if flags & LARGE_PIECES != 0 { 10_000 } else { 1_024 };
    for piece in packed.chunks(size) {
        frame(Some(Piece::File(File { chunk: piece.to_vec() })), &mut out);
    }
    if flags & TWICE != 0 {
        frame(Some(Piece::Metadata(metadata)), &mut out);
    }
    if flags & EMPTY_MESSAGE != 0 {
        frame(None, &mut out);
    }
    if flags & LATE_CHUNK != 0 {
        frame(Some(Piece::File(File { chunk: b"late".to_vec() })), &mut out);
    }
    if flags & CUT_SHORT != 0 {
        out.truncate(out.len() / 2);
    }
    out
}

fuzz_target!(|input: &[u8]| {
    let Some((flags, input)) = input.split_first() else { return };
    let body = if flags & RAW != 0 { input.to_vec() } else { stream(*flags, input) };
    let options = ServerOptions {
        sockets: Vec::new(),
        concurrency: 1,
        deadline: Duration::from_secs(5),
        grace: Duration::ZERO,
        archive_memory: 64 << 10,
        archive_disk: 64 << 10,
        limits: LIMITS,
        most_in_message: 1 << 20,
        discovery_configured: true,
        provide_git_creds: false,
    };
    let budgets =
        Budgets { memory: Budget::new(options.archive_memory), disk: Budget::new(options.archive_disk) };
    let mut service = plugin_service(Arc::new(ReadsAll), Queue::new(1), budgets.clone(), &options);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
    let request = http::Request::post("/plugin.ConfigManagementPluginService/GenerateManifest")
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from(body)))
        .expect("a request can be made");
    runtime.block_on(async {
        let response = service.call(request).await.expect("the service never fails");
        // A status comes in the headers or after the body.
        let in_headers = response.headers().contains_key("grpc-status");
        let whole = response.into_body().collect().await.expect("the answer can be read");
        assert!(in_headers || whole.trailers().is_some_and(|t| t.contains_key("grpc-status")));
    });
    assert_eq!((budgets.memory.held(), budgets.disk.held()), (0, 0), "what a request held is given back");
});
