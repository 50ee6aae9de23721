//! A git server: serves the repositories of a folder with `git http-backend`.

use crate::programs::program;
use crate::proxy::Seen;
use crate::server::{Response, Server};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Repositories that are served over HTTP. They are deleted when this is dropped.
pub struct GitServer {
    folder: tempfile::TempDir,
    server: Server,
}

impl GitServer {
    /// Starts a server; `None` if git is not installed and not required. With `login`, requests with another
    /// `Authorization` get status 401.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start(login: Option<&'static str>) -> Option<Self> {
        Self::start_with(login, |_, _| None)
    }

    /// Like [`Self::start`]. If `instead` returns a response for a request and its body, that is sent instead of
    /// git's.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start_with(
        login: Option<&'static str>,
        instead: impl Fn(&Seen, &[u8]) -> Option<Response> + Send + Sync + 'static,
    ) -> Option<Self> {
        let git = program("git")?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let root = folder.path().to_owned();
        let server = Server::start(move |seen, body| {
            if login.is_some_and(|login| seen.headers.get("authorization").map(String::as_str) != Some(login))
            {
                return Response::status(401).header("WWW-Authenticate", "Basic realm=\"test\"");
            }
            instead(seen, body).unwrap_or_else(|| backend(&git, &root, seen, body))
        });
        Some(Self { folder, server })
    }

    /// The HTTP server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// `http://127.0.0.1:PORT/NAME.git`
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.server.address())
    }

    /// The path of a bare repository.
    pub fn bare(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.git"))
    }

    /// Commits files to a repository, which is created if it does not exist, and returns the commit. Content that
    /// begins with `-> ` makes a symbolic link.
    ///
    /// # Panics
    /// If git fails.
    pub fn commit(&self, name: &str, files: &[(&str, &str)]) -> String {
        let bare = self.bare(name);
        let work = self.folder.path().join(format!("{name}.work"));
        if !bare.exists() {
            git(self.folder.path(), &["init", "-q", "--bare", "-b", "main", &bare.display().to_string()]);
            git(self.folder.path(), &["init", "-q", "-b", "main", &work.display().to_string()]);
            git(&work, &["remote", "add", "origin", &bare.display().to_string()]);
        }
        for (path, content) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            match content.strip_prefix("-> ") {
                #[cfg(unix)]
                Some(target) => std::os::unix::fs::symlink(target, &path).expect("a link can be made"),
                _ => std::fs::write(&path, content).expect("a file can be written"),
            }
        }
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-q", "-m", "test"]);
        git(&work, &["push", "-q", "origin", "main"]);
        git(&work, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Allows partial clones of a repository (`uploadpack.allowFilter`), as forges do.
    pub fn allow_filters(&self, name: &str) {
        git(&self.bare(name), &["config", "uploadpack.allowFilter", "true"]);
    }

    /// Runs git in the work folder of a repository.
    pub fn git(&self, name: &str, args: &[&str]) -> String {
        git(&self.folder.path().join(format!("{name}.work")), args)
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let done = Command::new("git")
        .args(who)
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git can be started");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Runs `git http-backend` for one request, as a web server runs a CGI program.
fn backend(git: &PathBuf, root: &Path, seen: &Seen, body: &[u8]) -> Response {
    let header = |name: &str| seen.headers.get(name).cloned().unwrap_or_default();
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let mut child = Command::new(git)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REQUEST_METHOD", &seen.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git can be started");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    let input = body.to_vec();
    // git may end without reading the whole body.
    let feeder = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().expect("it ends").stdout;
    feeder.join().expect("no panic");
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut response = Response::ok(output.get(end + 4..).unwrap_or_default());
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => response.status = value[..3].parse().expect("a status"),
            _ => response.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    response
}
