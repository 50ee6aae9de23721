//! A work tree and a home for runs of keyfill, and charts for servers.

use flate2::Compression;
use flate2::write::GzEncoder;
use keyfill_testkit::{Page, Server};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder with a work tree and a home.
pub struct Place {
    dir: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

/// How a program ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The output of a run, which must have succeeded.
    pub fn text(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// The error output of a run, which must have failed with this exit code and printed nothing.
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        self.stderr
    }
}

impl Place {
    /// An empty work tree whose user may fetch from these servers.
    pub fn new(hosts: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["tree/.git", "home", "tmp"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let hosts: Vec<String> = hosts.iter().map(|host| format!("{host}/*")).collect();
        let mut environment = BTreeMap::new();
        environment.insert("KEYFILL_FETCH_HOSTS".to_owned(), hosts.join(","));
        Self { dir, environment }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("tree").join(path)
    }

    pub fn read(&self, path: &str) -> String {
        String::from_utf8(std::fs::read(self.path(path)).unwrap()).unwrap()
    }

    /// The names in a folder of the tree, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(path))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn keyfill(&self, line: &str) -> Ended {
        self.run(Path::new(env!("CARGO_BIN_EXE_keyfill")), line)
    }

    /// Runs a program in the tree, without the environment variables of the test.
    pub fn run(&self, program: &Path, line: &str) -> Ended {
        Ended::of(&self.command(program, line).output().unwrap())
    }

    /// Starts keyfill in the tree. What it prints is dropped.
    pub fn start(&self, line: &str) -> Child {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_keyfill")), line);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn command(&self, program: &Path, line: &str) -> Command {
        let mut command = Command::new(program);
        command.args(line.split_whitespace()).current_dir(self.path("")).env_clear();
        command.env("HOME", self.home()).env("TMPDIR", self.dir.path().join("tmp"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(&self.environment);
        command
    }

    /// The files below the home whose content has this text.
    pub fn kept(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut ahead = vec![self.home()];
        while let Some(dir) = ahead.pop() {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    ahead.push(path);
                } else if memchr::memmem::find(&std::fs::read(&path).unwrap(), text.as_bytes()).is_some() {
                    found.push(path);
                }
            }
        }
        found
    }
}

/// The archive of a chart with a ConfigMap that shows its values.
pub fn chart(name: &str, version: &str) -> Vec<u8> {
    let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n\
               data:\n  version: {{ .Chart.Version | quote }}\n  values: {{ .Values | toJson | quote }}\n";
    archive(name, &[("Chart.yaml", &about), ("values.yaml", "size: 1\n"), ("templates/cm.yaml", map)])
}

/// An archive as `helm package` makes it.
pub fn archive(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{name}/{path}"), text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a chart repository below `/charts`, by path.
pub fn repository(charts: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut index = "apiVersion: v1\nentries:\n".to_owned();
    let mut names: Vec<&str> = charts.iter().map(|(name, _)| *name).collect();
    names.dedup();
    for name in names {
        index += &format!("  {name}:\n");
        for (_, version) in charts.iter().filter(|(other, _)| *other == name) {
            let archive = chart(name, version);
            index += &format!(
                "  - apiVersion: v2\n    name: {name}\n    version: {version}\n    digest: {}\n    urls: [{name}-{version}.tgz]\n",
                sha256(&archive)
            );
            files.insert(format!("/charts/{name}-{version}.tgz"), archive);
        }
    }
    files.insert("/charts/index.yaml".to_owned(), index.into_bytes());
    files
}

/// A server that serves files to requests with this `Authorization` header.
pub fn with_login(files: BTreeMap<String, Vec<u8>>, login: &'static str) -> Server {
    Server::start(move |seen, _| {
        if seen.headers.get("authorization").map(String::as_str) != Some(login) {
            return Page::status(401).header("WWW-Authenticate", "Basic realm=\"test\"");
        }
        let path = seen.path.split('?').next().unwrap_or_default();
        files.get(path).map_or_else(|| Page::status(404), |body| Page::ok(body.clone()))
    })
}

/// An `Authorization` header with a user and a password.
pub const LOGIN: &str = "Basic dXNlcjpodW50ZXIy";
/// The password in that header.
pub const PASSWORD: &str = "hunter2";
