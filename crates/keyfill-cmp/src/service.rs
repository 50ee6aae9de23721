//! The protocol's calls: each receives and checks the archive, calls the generator, and sends its answer.

use crate::archive::{Archive, Budgets, Intake, Limits};
use crate::authority::Socket;
use crate::generator::{APP_NAME, PROJECT};
use crate::proto::plugin::app_stream_request::Request as Piece;
use crate::proto::plugin::config_management_plugin_service_server::ConfigManagementPluginService;
use crate::proto::plugin::{
    AppStreamRequest, CheckPluginConfigurationResponse, ManifestRequestMetadata, ManifestResponse,
    ParametersAnnouncementResponse, RepositoryResponse,
};
use crate::proto::repository::ParameterAnnouncement;
use crate::queue::{Place, Queue};
use crate::{AppRequest, BoxFuture, Error, Generator, Parameter, Refusal};
use keyfill_diag::{Cancel, Class, Cx};
use keyfill_files::TreePath;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;
use tonic::{Code, Request, Response, Status, Streaming};

/// How long before the client's deadline the deadline of a run is, so that the answer arrives in time.
const BEFORE_THE_CLIENT: Duration = Duration::from_millis(100);

/// The most characters of a client's text that an error repeats.
const MOST_IN_NAME: usize = 200;

/// The most bytes of an error's message as it is sent: percent-encoded in a header. Some clients accept only 8 KiB
/// of headers, and lose the whole message if there are more.
const MOST_IN_ERROR: usize = 7 << 10;

/// The bytes of a `traceparent` header of version 00.
const TRACE_PARENT: usize = 55;

/// The gRPC service: what all calls share.
pub struct Service<G> {
    pub(crate) generator: Arc<G>,
    pub(crate) queue: Queue,
    pub(crate) budgets: Budgets,
    pub(crate) limits: Limits,
    /// The most bytes of a message.
    pub(crate) most_in_message: usize,
    /// How long a call may take. A client may set a shorter time.
    pub(crate) deadline: Duration,
    pub(crate) discovery_configured: bool,
    pub(crate) provide_git_creds: bool,
}

/// A method of the generator.
type Work<G, T> = for<'a> fn(&'a G, &'a AppRequest, Archive, &'a Cx) -> BoxFuture<'a, Result<T, Refusal>>;

/// Cancels the run when it is dropped: when the call is answered, or given up by the client.
struct StopWithCall(Cancel);

impl Drop for StopWithCall {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl<G: Generator> Service<G> {
    /// The deadline of a call, which the client may shorten, and the guard that cancels its run.
    fn circumstances<T>(&self, request: &Request<T>) -> (Cx, StopWithCall) {
        let sent =
            request.metadata().get("grpc-timeout").and_then(|v| v.to_str().ok()).and_then(grpc_timeout);
        let time = sent.map_or(self.deadline, |t| t.saturating_sub(BEFORE_THE_CLIENT).min(self.deadline));
        let cx = Cx { deadline: Instant::now() + time, ..Cx::default() };
        let stop = StopWithCall(cx.cancel.clone());
        (cx, stop)
    }

    /// Answers a call: receives its archive, waits for a place in the queue, and calls `work`.
    async fn call<T>(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
        work: Work<G, T>,
    ) -> Result<T, Status> {
        let (cx, _stop) = self.circumstances(&request);
        let trace_parent = request.metadata().get("traceparent").and_then(|v| v.to_str().ok());
        let trace_parent = trace_parent.filter(|header| header.len() == TRACE_PARENT).map(str::to_owned);
        let mut app = String::new();
        let begun = self.begin(request.into_inner(), &mut app, &cx).await;
        let (mut request, archive, _place) = begun.inspect_err(|status| {
            let (class, message) = (class_of(status.code()), status.message().to_owned());
            self.generator.turned_away(&app, &Refusal { class, message });
        })?;
        request.trace_parent = trace_parent;
        let done = timeout_at(cx.deadline.into(), work(&self.generator, &request, archive, &cx)).await;
        done.map_err(late("the manifests were not ready in time"))?.map_err(|refusal| refused(&refusal))
    }

    /// Does everything before the generator is called. `app` is set as soon as it is known.
    async fn begin(
        &self,
        stream: Streaming<AppStreamRequest>,
        app: &mut String,
        cx: &Cx,
    ) -> Result<(AppRequest, Archive, Place), Status> {
        let until = cx.deadline.into();
        let taken = timeout_at(until, self.take_in(stream, app)).await;
        let (metadata, intake) = taken.map_err(late("the archive did not come in time"))??;
        // A slow upload holds no place: a request enters the queue after its archive has arrived.
        let queued =
            timeout_at(until, self.queue.place(of_env(&metadata, PROJECT).unwrap_or_default(), app)).await;
        let place = queued.map_err(late("too many requests: no turn came in time"))?;
        let (request, archive) = checked(metadata, intake).map_err(status)?;
        Ok((request, archive, place))
    }

    /// Receives a request: first the metadata, then the archive.
    async fn take_in(
        &self,
        mut stream: Streaming<AppStreamRequest>,
        app: &mut String,
    ) -> Result<(ManifestRequestMetadata, Intake), Status> {
        let first = stream.message().await?.and_then(|m| m.request);
        let Some(Piece::Metadata(metadata)) = first else {
            return Err(status(Error::request("the first message must be the request's metadata")));
        };
        app.push_str(app_of(&metadata));
        let project = of_env(&metadata, PROJECT).unwrap_or_default();
        let mut intake = Intake::new(metadata.size, self.limits, &self.budgets, project).map_err(status)?;
        while let Some(message) = stream.message().await? {
            match message.request {
                Some(Piece::File(file)) => intake.push(&file.chunk).await.map_err(status)?,
                Some(Piece::Metadata(_)) => return Err(status(Error::request("metadata came twice"))),
                None => return Err(status(Error::request("a message is empty"))),
            }
        }
        Ok((metadata, intake))
    }
}

/// The error for manifests that take more bytes than a message may have.
fn too_long(length: usize, most: usize) -> String {
    format!(
        "the app's manifests take {} MiB, and one message may hold {} MiB: split the app, or raise \
         ARGOCD_GRPC_MAX_SIZE_MB of repo-server and of this sidecar",
        length.div_ceil(1 << 20),
        most >> 20
    )
}

/// The status of a call whose deadline was exceeded.
fn late(why: &'static str) -> impl FnOnce(Elapsed) -> Status {
    move |_| Status::deadline_exceeded(why)
}

/// The name of a request's app in the queue.
fn app_of(metadata: &ManifestRequestMetadata) -> &str {
    of_env(metadata, APP_NAME).unwrap_or(&metadata.app_rel_path)
}

/// A variable of a request's environment.
fn of_env<'a>(metadata: &'a ManifestRequestMetadata, name: &str) -> Option<&'a str> {
    metadata.env.iter().find(|e| e.name == name).map(|e| e.value.as_str())
}

/// The request and its archive, if the checksum matches and the app's path is inside of the repository.
fn checked(metadata: ManifestRequestMetadata, intake: Intake) -> Result<(AppRequest, Archive), Error> {
    let given = metadata.app_rel_path;
    let path = TreePath::new(given.trim_start_matches('/')).ok_or_else(|| {
        let shown: String = given.chars().take(MOST_IN_NAME).collect();
        Error::request(format!("the app's path {shown:?} leaves the repository"))
    })?;
    let archive = intake.finish(&metadata.checksum, path.clone())?;
    let env = metadata.env.into_iter().map(|e| (e.name, e.value)).collect();
    let request = AppRequest { path, env, checksum: archive.checksum(), trace_parent: None };
    Ok((request, archive))
}

/// An error of this crate as a gRPC status.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn status(error: Error) -> Status {
    refused(&error.refusal())
}

/// A refusal as a gRPC status, whose code follows from the refusal's class.
fn refused(refusal: &Refusal) -> Status {
    let message = bounded(&refusal.message);
    match refusal.class {
        Class::Usage | Class::Render => Status::invalid_argument(message),
        Class::Missing => Status::not_found(message),
        Class::Store => Status::unavailable(message),
        Class::Forbidden => Status::permission_denied(message),
        Class::Other => Status::unknown(message),
    }
}

/// Cuts a message to [`MOST_IN_ERROR`] bytes as they are sent, and adds how many bytes were left out.
fn bounded(text: &str) -> String {
    let mut taken = 0;
    let beyond = text.char_indices().find(|(_, c)| {
        taken += encoded_len(*c);
        taken > MOST_IN_ERROR
    });
    match beyond {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\n... and {} further bytes", &text[..end], text.len() - end),
    }
}

/// The bytes of a character in the header `grpc-message`, where everything but printable ASCII is percent-encoded.
fn encoded_len(c: char) -> usize {
    let plain = c.is_ascii_graphic() && !matches!(c, '"' | '#' | '%' | '<' | '>' | '?' | '`' | '{' | '}');
    if plain { 1 } else { 3 * c.len_utf8() }
}

/// The class for a gRPC code of this crate's own errors.
fn class_of(code: Code) -> Class {
    match code {
        Code::InvalidArgument => Class::Render,
        Code::PermissionDenied => Class::Forbidden,
        _ => Class::Other,
    }
}

/// Parses the header `grpc-timeout`: up to eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().last().filter(char::is_ascii)?;
    let digits = &text[..text.len() - 1];
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        'H' => Duration::from_secs(number * 3600),
        'M' => Duration::from_secs(number * 60),
        'S' => Duration::from_secs(number),
        'm' => Duration::from_millis(number),
        'u' => Duration::from_micros(number),
        'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

impl From<Parameter> for ParameterAnnouncement {
    fn from(p: Parameter) -> Self {
        Self {
            name: p.name,
            title: p.title,
            tooltip: p.tooltip,
            required: p.required,
            item_type: p.item_type,
            collection_type: p.collection_type,
            string: p.string,
            array: p.array,
            map: p.map.into_iter().collect(),
        }
    }
}

#[tonic::async_trait]
impl<G: Generator> ConfigManagementPluginService for Service<G> {
    async fn generate_manifest(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<ManifestResponse>, Status> {
        let answer = self.call(request, G::generate).await?;
        let length = answer.encoded_len();
        if length > self.most_in_message {
            return Err(Status::out_of_range(too_long(length, self.most_in_message)));
        }
        Ok(answer.into_response())
    }

    async fn match_repository(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<RepositoryResponse>, Status> {
        let matched = self.call(request, G::matches).await?;
        let (is_supported, is_discovery_enabled) = (matched.supported, matched.discovery_enabled);
        Ok(Response::new(RepositoryResponse { is_supported, is_discovery_enabled }))
    }

    async fn get_parameters_announcement(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<ParametersAnnouncementResponse>, Status> {
        let parameters = self.call(request, G::parameters).await?;
        let parameter_announcements = parameters.into_iter().map(Into::into).collect();
        Ok(Response::new(ParametersAnnouncementResponse { parameter_announcements }))
    }

    async fn check_plugin_configuration(
        &self,
        request: Request<()>,
    ) -> Result<Response<CheckPluginConfigurationResponse>, Status> {
        // Without discovery Argo CD uses the plugin for apps that name it, and sends no archive to find that out.
        let is_alias = request.extensions().get() == Some(&Socket::Alias);
        Ok(Response::new(CheckPluginConfigurationResponse {
            is_discovery_configured: self.discovery_configured && !is_alias,
            provide_git_creds: self.provide_git_creds,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_IN_ERROR, Status, bounded, grpc_timeout};
    use std::time::Duration;

    #[test]
    fn the_message_of_an_error_is_bounded() {
        assert_eq!(bounded("short"), "short");
        // For each character, how many of them are kept.
        for (piece, kept) in
            [("x", 7_168), (" ", 2_389), ("{", 2_389), ("é", 1_194), ("日", 796), ("🔑", 597)]
        {
            let text = piece.repeat(MOST_IN_ERROR + 1);
            let long = bounded(&text);
            let (begin, rest) = long.rsplit_once("\n... and ").unwrap();
            assert_eq!(begin.chars().count(), kept, "{piece}");
            assert_eq!(rest, format!("{} further bytes", text.len() - begin.len()));
            let sent = Status::unknown(long).into_http::<()>();
            let bytes = sent.headers()["grpc-message"].len();
            assert!((7_000..7_500).contains(&bytes), "{piece}: {bytes}");
        }
    }

    #[test]
    fn the_clients_deadline_is_read() {
        assert_eq!(grpc_timeout("60S"), Some(Duration::from_secs(60)));
        assert_eq!(grpc_timeout("59999900u"), Some(Duration::from_micros(59_999_900)));
        assert_eq!(grpc_timeout("1H"), Some(Duration::from_secs(3600)));
        for bad in ["", "S", "60", "123456789S", "-1S", "1x", "1é"] {
            assert_eq!(grpc_timeout(bad), None, "{bad}");
        }
    }
}
