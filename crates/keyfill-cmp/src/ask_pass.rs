//! The login of the repository that a request came from, from repo-server's ask-pass socket.
//!
//! With `provideGitCreds` repo-server sends a nonce with each request, and gives the login to a client that sends
//! the nonce to the socket. Git does the same through `argocd-git-ask-pass`.

use crate::proto::askpass::CredentialsRequest;
use crate::proto::askpass::ask_pass_service_client::AskPassServiceClient;
use std::path::Path;
use tonic::transport::Endpoint;
use zeroize::Zeroizing;

/// The most bytes of an answer. No login is longer.
const MOST_ANSWER: usize = 64 << 10;

/// Asks repo-server for the user name and the password that belong to a nonce. The error is a message.
pub async fn git_credentials(socket: &Path, nonce: &str) -> Result<(String, Zeroizing<String>), String> {
    let about = |why: &str| format!("repo-server's socket {} {why}", socket.display());
    let path = socket.to_str().filter(|path| path.starts_with('/'));
    let path = path.ok_or_else(|| about("is no absolute path"))?;
    let endpoint = Endpoint::from_shared(format!("unix://{path}")).map_err(|_| about("is not usable"))?;
    let channel =
        endpoint.connect().await.map_err(|_| about("does not answer; is it mounted into the sidecar?"))?;
    let mut client = AskPassServiceClient::new(channel).max_decoding_message_size(MOST_ANSWER);
    let asked = client.get_credentials(CredentialsRequest { nonce: nonce.to_owned() }).await;
    let answer = asked.map_err(|status| about(&format!("gives no login: {}", status.code())))?.into_inner();
    Ok((answer.username, answer.password.into()))
}
