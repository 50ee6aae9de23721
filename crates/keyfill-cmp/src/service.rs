//! The protocol's calls: the archive is taken in and checked, the generator called, its answer sent.

use crate::archive::{ArchiveFiles, Budget, Intake, Limits};
use crate::proto::plugin::app_stream_request::Request as Piece;
use crate::proto::plugin::config_management_plugin_service_server::ConfigManagementPluginService;
use crate::proto::plugin::{
    AppStreamRequest, CheckPluginConfigurationResponse, ManifestRequestMetadata, ManifestResponse,
    ParametersAnnouncementResponse, RepositoryResponse,
};
use crate::proto::repository::ParameterAnnouncement;
use crate::queue::Queue;
use crate::{AppRequest, Error, Generator, Parameter, Refusal};
use keyfill_diag::{Cancel, Class, Cx};
use keyfill_files::{Files, Kind, TreePath};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Request, Response, Status, Streaming};

/// An answer must be on its way before the client gives up.
const BEFORE_THE_CLIENT: Duration = Duration::from_millis(100);

/// What the calls share.
pub(crate) struct Service<G> {
    pub generator: Arc<G>,
    pub queue: Queue,
    pub budget: Budget,
    pub limits: Limits,
    /// How long a call may take when the client does not say.
    pub deadline: Duration,
    pub discovery_configured: bool,
    pub provide_git_creds: bool,
}

/// A request that was taken in.
struct Taken {
    request: AppRequest,
    files: Arc<dyn Files>,
}

/// Asks the run to stop when the call goes away: answered, or given up by the client.
struct StopWithCall(Cancel);

impl Drop for StopWithCall {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl<G: Generator> Service<G> {
    /// The circumstances of a call: the client's deadline where it sent one.
    fn circumstances<T>(&self, request: &Request<T>) -> (Cx, StopWithCall) {
        let sent =
            request.metadata().get("grpc-timeout").and_then(|v| v.to_str().ok()).and_then(grpc_timeout);
        let time = sent.map_or(self.deadline, |t| t.saturating_sub(BEFORE_THE_CLIENT).min(self.deadline));
        let cx = Cx { deadline: Instant::now() + time, ..Cx::default() };
        let stop = StopWithCall(cx.cancel.clone());
        (cx, stop)
    }

    /// Takes a request in: metadata first, then the archive, then nothing.
    async fn take_in(&self, mut stream: Streaming<AppStreamRequest>, cx: &Cx) -> Result<Taken, Status> {
        let take = async {
            let first = stream.message().await?.and_then(|m| m.request);
            let Some(Piece::Metadata(metadata)) = first else {
                return Err(Error::request("the first message must be the request's metadata").status());
            };
            let mut intake = Intake::new(metadata.size, self.limits, &self.budget).map_err(|e| e.status())?;
            while let Some(message) = stream.message().await? {
                match message.request {
                    Some(Piece::File(file)) => intake.push(&file.chunk).map_err(|e| e.status())?,
                    Some(Piece::Metadata(_)) => return Err(Error::request("metadata came twice").status()),
                    None => return Err(Error::request("a message is empty").status()),
                }
            }
            Ok((metadata, intake))
        };
        let taken = tokio::time::timeout(cx.time_left(), take).await;
        let (metadata, intake) =
            taken.map_err(|_| Status::deadline_exceeded("the archive did not come in time"))??;
        let limits = self.limits;
        let index = move || index(metadata, intake, limits);
        on_worker(index).await?.map_err(|e| e.status())
    }

    /// Runs `work` with a place in the queue, under the deadline.
    async fn with_place<T>(
        &self,
        app: &str,
        cx: &Cx,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Status> {
        let queued = tokio::time::timeout(cx.time_left(), self.queue.place(app)).await;
        let _place =
            queued.map_err(|_| Status::deadline_exceeded("too many requests: no turn came in time"))?;
        let done = tokio::time::timeout(cx.time_left(), work).await;
        let done = done.map_err(|_| Status::deadline_exceeded("the manifests were not ready in time"))?;
        done.map_err(|refusal| refused(&refusal))
    }
}

/// Runs work that keeps a processor busy where it holds nobody up.
async fn on_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Status::internal("a request broke off"))
}

fn index(metadata: ManifestRequestMetadata, intake: Intake, limits: Limits) -> Result<Taken, Error> {
    let files = ArchiveFiles::index(intake.finish(&metadata.checksum)?, limits)?;
    let given = metadata.app_rel_path;
    let path = TreePath::new(given.trim_start_matches('/'))
        .ok_or_else(|| Error::request(format!("the app's path {given:?} leaves the repository")))?;
    match files.resolve(&path) {
        Ok((_, Kind::Dir)) => {}
        Ok(_) => return Err(Error::request(format!("the app's path {given:?} is not a folder"))),
        Err(error) => {
            return Err(Error::request(format!("the app's path {given:?} cannot be used: {error}")));
        }
    }
    let env = metadata.env.into_iter().map(|e| (e.name, e.value)).collect();
    Ok(Taken { request: AppRequest { path, env, checksum: files.checksum() }, files: Arc::new(files) })
}

/// Repo-server shows the message; the code tells monitoring what kind of trouble it was.
fn refused(refusal: &Refusal) -> Status {
    let message = refusal.message.clone();
    match refusal.class {
        Class::Usage | Class::Render => Status::invalid_argument(message),
        Class::Missing => Status::not_found(message),
        Class::Store => Status::unavailable(message),
        Class::Forbidden => Status::permission_denied(message),
        Class::Other => Status::unknown(message),
    }
}

/// The `grpc-timeout` header: up to eight digits and a unit.
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
        let (cx, _stop) = self.circumstances(&request);
        let Taken { request, files } = self.take_in(request.into_inner(), &cx).await?;
        let work = self.generator.generate(&request, files, &cx);
        let manifests = self.with_place(request.app(), &cx, work).await?;
        Ok(Response::new(ManifestResponse { manifests, source_type: String::new() }))
    }

    async fn match_repository(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<RepositoryResponse>, Status> {
        let (cx, _stop) = self.circumstances(&request);
        let Taken { request, files } = self.take_in(request.into_inner(), &cx).await?;
        let work = self.generator.matches(&request, files, &cx);
        let matched = self.with_place(request.app(), &cx, work).await?;
        let (is_supported, is_discovery_enabled) = (matched.supported, matched.discovery_enabled);
        Ok(Response::new(RepositoryResponse { is_supported, is_discovery_enabled }))
    }

    async fn get_parameters_announcement(
        &self,
        request: Request<Streaming<AppStreamRequest>>,
    ) -> Result<Response<ParametersAnnouncementResponse>, Status> {
        let (cx, _stop) = self.circumstances(&request);
        let Taken { request, files } = self.take_in(request.into_inner(), &cx).await?;
        let work = self.generator.parameters(&request, files, &cx);
        let parameters = self.with_place(request.app(), &cx, work).await?;
        let parameter_announcements = parameters.into_iter().map(Into::into).collect();
        Ok(Response::new(ParametersAnnouncementResponse { parameter_announcements }))
    }

    async fn check_plugin_configuration(
        &self,
        _: Request<()>,
    ) -> Result<Response<CheckPluginConfigurationResponse>, Status> {
        Ok(Response::new(CheckPluginConfigurationResponse {
            is_discovery_configured: self.discovery_configured,
            provide_git_creds: self.provide_git_creds,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::grpc_timeout;
    use std::time::Duration;

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
