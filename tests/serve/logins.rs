//! Logins for fetches in `serve`: files of logins that change, and repo-server's ask-pass socket. All apps share
//! the cache of fetched contents, but an app that may not use a login does not get what was fetched with it.

use crate::{Server, TEAM, spawn};
use keyfill_cmp::proto::askpass::ask_pass_service_server::{AskPassService, AskPassServiceServer};
use keyfill_cmp::proto::askpass::{CredentialsRequest, CredentialsResponse};
use keyfill_testkit::{GitServer, oracle};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// The header `Authorization` for `user` with the password `hunter2`.
const LOGIN: &str = "Basic dXNlcjpodW50ZXIy";
const PASSWORD: &str = "hunter2";
const PLUGIN: &str = "apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {name: keyfill}\nspec:\n  \
                      generate: {command: [keyfill, generate, .]}\n  provideGitCreds: true\n";

/// A fake repo-server, which gives the login to a client that sends the nonce `good`.
struct RepoServer;

#[tonic::async_trait]
impl AskPassService for RepoServer {
    async fn get_credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        match request.into_inner().nonce.as_str() {
            "good" => {
                Ok(Response::new(CredentialsResponse { username: "user".into(), password: PASSWORD.into() }))
            }
            _ => Err(Status::not_found("unknown nonce")),
        }
    }
}

/// Serves the fake repo-server on a socket until the test's process ends.
fn repo_server(socket: &Path) {
    let (socket, (tell, told)) = (socket.to_owned(), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::UnixListener::bind(socket).expect("a socket");
            tell.send(()).expect("the test waits");
            let (sender, incoming) = tokio::sync::mpsc::channel(8);
            tokio::spawn(async move {
                while sender.send(listener.accept().await.map(|(stream, _)| stream)).await.is_ok() {}
            });
            let server =
                tonic::transport::Server::builder().add_service(AskPassServiceServer::new(RepoServer));
            server.serve_with_incoming(ReceiverStream::new(incoming)).await.expect("it serves");
        });
    });
    told.recv().expect("it listens");
}

/// A git server with a private repository, a folder for other files, and an app whose base is in that repository
/// and locked.
pub struct World {
    git: GitServer,
    dir: tempfile::TempDir,
    app: tempfile::TempDir,
}

impl World {
    pub fn new() -> Option<Self> {
        let git = GitServer::start(Some(LOGIN))?;
        let base = ("base/kustomization.yaml", "resources: [cm.yaml]\n");
        git.commit(
            "shop",
            &[base, ("base/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: private}\n")],
        );
        let (dir, app) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(app.path().join("app")).expect("a folder");
        let text = format!("resources:\n- {}//base?ref=main\n", git.url("shop"));
        std::fs::write(app.path().join("app/kustomization.yaml"), text).expect("a file");
        std::fs::write(dir.path().join("secrets.yaml"), "{}").expect("a file");
        std::fs::write(dir.path().join("plugin.yaml"), PLUGIN).expect("a file");
        let world = Self { git, dir, app };
        world.lock();
        Some(world)
    }

    /// Writes a file in the format of git's credential helper `store`, with the login or empty. Returns its path.
    fn write_login(&self, there: bool) -> String {
        let line = self.git.server().address().replace("http://", &format!("http://user:{PASSWORD}@"));
        let path = self.dir.path().join("git-credentials");
        std::fs::write(&path, if there { format!("{line}\n") } else { String::new() }).expect("a file");
        path.to_string_lossy().into_owned()
    }

    fn lock(&self) {
        let home = tempfile::tempdir().expect("a folder");
        let done = Command::new(env!("CARGO_BIN_EXE_keyfill"))
            .args(["lock", "app", "--root", "."])
            .current_dir(self.app.path())
            .env_clear()
            .env("HOME", home.path())
            .env("KEYFILL_FETCH_HOSTS", "http://127.0.0.1:*")
            .env("KEYFILL_GIT_CREDENTIALS", self.write_login(true))
            .output()
            .expect("keyfill starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.write_login(false);
    }

    /// The settings of a server.
    pub fn vars(&self) -> [(&'static str, String); 4] {
        let path = |name: &str| self.dir.path().join(name).to_string_lossy().into_owned();
        [
            ("KEYFILL_SOURCE", "file".to_owned()),
            ("KEYFILL_SECRETS_FILE", path("secrets.yaml")),
            ("KEYFILL_CACHE_DIR", path("cache")),
            ("KEYFILL_FETCH_HOSTS", format!("{}/*", self.address())),
        ]
    }

    /// Puts plugin.yaml into the folder of a server.
    pub fn copy_plugin(&self, dir: &Path) {
        std::fs::copy(self.dir.path().join("plugin.yaml"), dir.join("plugin.yaml")).expect("a file");
    }

    /// The address of the git server.
    pub fn address(&self) -> String {
        self.git.server().address()
    }

    /// The URL of the private repository.
    pub fn url(&self) -> String {
        self.git.url("shop")
    }

    /// Removes the cache of fetched contents.
    pub fn forget_cache(&self) {
        std::fs::remove_dir_all(self.dir.path().join("cache")).ok();
    }

    fn serve(&self, more: &[(&str, &str)]) -> Option<Server> {
        let client = oracle("cmp-client")?;
        let dir = tempfile::tempdir().expect("a folder");
        self.copy_plugin(dir.path());
        let vars = self.vars();
        let vars = vars.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        let child = spawn(dir.path(), &[&vars, more].concat(), &["--metrics", "127.0.0.1:0"]);
        let server = Server { child, dir, client };
        server.wait_for_socket();
        Some(server)
    }

    pub fn ask(&self, server: &Server, vars: &[&str]) -> Value {
        server.call(self.app.path(), &["-path", "app"], &[TEAM, vars].concat())
    }
}

pub fn is_private(answer: &Value) -> bool {
    answer["one"].to_string().contains("private")
}

/// Checks that an answer is a refusal because there is no login, and shows no password.
pub fn assert_refused(answer: &Value) {
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.contains("401") || message.contains("no login"), "{answer}");
    assert!(message.contains("app/kustomization.yaml:2") && !message.contains(PASSWORD), "{answer}");
    assert!(!is_private(answer), "{answer}");
}

#[test]
fn a_login_from_repo_server_is_used_only_for_the_apps_own_repository() {
    let Some(world) = World::new() else { return };
    let socket = world.dir.path().join("ask-pass.sock");
    repo_server(&socket);
    let Some(server) = world.serve(&[]) else { return };
    let socket = format!("ARGOCD_ASK_PASS_SOCK={}", socket.display());
    let own = format!("ARGOCD_APP_SOURCE_REPO_URL={}", world.git.url("shop"));
    let other = format!("ARGOCD_APP_SOURCE_REPO_URL={}", world.git.url("other"));
    let (good, bad) = ("ARGOCD_GIT_ASKPASS_NONCE=good", "ARGOCD_GIT_ASKPASS_NONCE=bad");
    assert_refused(&world.ask(&server, &[&socket, &own, bad]));
    assert_refused(&world.ask(&server, &[&socket, &other, good]));
    assert!(is_private(&world.ask(&server, &[&socket, &own, good])));
    // The same archive with the same lock, whose contents are in the cache by now.
    for vars in [
        &[&*socket, &*other, good][..],
        &[],
        &["ARGOCD_ENV_B=1", &*own],
        &["ARGOCD_ENV_ARGOCD_GIT_ASKPASS_NONCE=good", &*own],
    ] {
        assert_refused(&world.ask(&server, vars));
    }
    let asked = world.git.server().seen().len();
    assert!(is_private(&world.ask(&server, &[&socket, &own, good])));
    assert_eq!(world.git.server().seen().len(), asked, "a locked content is fetched once");
    assert!(!server.log().contains(PASSWORD));
}

#[test]
fn a_file_of_logins_is_read_again_after_a_change() {
    let Some(world) = World::new() else { return };
    let file = world.write_login(false);
    let Some(server) = world.serve(&[("KEYFILL_GIT_CREDENTIALS", &file)]) else { return };
    assert_refused(&world.ask(&server, &[]));
    world.write_login(true);
    assert!(is_private(&world.ask(&server, &["ARGOCD_ENV_A=1"])));
    world.write_login(false);
    assert_refused(&world.ask(&server, &["ARGOCD_ENV_A=2"]));
    assert!(!server.log().contains(PASSWORD));
}
