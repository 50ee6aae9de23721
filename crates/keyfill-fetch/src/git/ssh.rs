//! Fetches from repositories over ssh, with the `ssh` program that an administrator configured: with the
//! administrator's key and known hosts, without the configuration of the user or the system, without a local shell,
//! and without prompts.

use super::Address;
use super::packet::{self, Packet};
use crate::options::Ssh;
use crate::web::Web;
use keyfill_diag::Class;
use keyfill_files::FetchError;
use keyfill_http::{Addresses, Sink};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// The most bytes of the error output of `ssh` that are kept.
const MOST_WORDS: u64 = 4 << 10;

/// Sends a request to `git-upload-pack` and writes the response to `sink`, without the server's greeting. Returns the
/// address of the repository.
pub(super) async fn ask(
    web: Web<'_>,
    at: &Address,
    request: Vec<u8>,
    most: u64,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, FetchError> {
    let shown = at.url.as_str();
    let (Some(ssh), Some(path)) = (web.ssh, &at.path) else {
        return Err(FetchError::new(Class::Forbidden, format!("{shown} is not asked over ssh")));
    };
    let allowed = web.policy.check(&at.url).map_err(|refused| {
        FetchError::new(Class::Forbidden, refused.to_string())
            .hint("an administrator may list it in KEYFILL_FETCH_HOSTS, as ssh://USER@HOST/PATH/*")
    })?;
    web.network.counters.requests(1);
    let work = async {
        let address = look_up(at, allowed).await?;
        let mut command = Command::new(&ssh.program);
        command.args(arguments(ssh, at, path, address));
        command.env_clear().env("GIT_PROTOCOL", "version=2");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).process_group(0);
        let child = command.spawn().map_err(|error| {
            FetchError::new(Class::Usage, format!("{} cannot be started: {error}", ssh.program.display()))
                .hint("KEYFILL_FETCH_SSH must be the path of OpenSSH's ssh")
        })?;
        talk(child, shown, request, most, sink).await
    };
    let taken = match tokio::time::timeout_at(web.until.into(), work).await {
        Ok(taken) => taken?,
        Err(_) => {
            let message = format!("{shown} did not answer over ssh before the deadline");
            return Err(FetchError::new(Class::Store, message));
        }
    };
    web.network.counters.bytes(taken);
    Ok(vec![shown.to_owned()])
}

/// The first IP address of the host that the policy allows. `ssh` gets it as an argument and makes no DNS lookup.
async fn look_up(at: &Address, allowed: Addresses) -> Result<SocketAddr, FetchError> {
    let host = host(at);
    let failed = |class, why: String| FetchError::new(class, format!("{}: {why}", at.url));
    let found = tokio::net::lookup_host((host, at.url.port().unwrap_or(22))).await;
    let mut found = found.map_err(|error| failed(Class::Store, error.to_string()))?;
    found.find(|address| allowed.allow(address.ip())).ok_or_else(|| {
        let why = "the host has no address that may be connected to: it is private, of this machine or reserved";
        failed(Class::Forbidden, why.to_owned())
            .hint("an administrator may list the host with its private address in KEYFILL_FETCH_HOSTS, as private+ssh://USER@HOST/*")
    })
}

fn host(at: &Address) -> &str {
    at.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// The arguments of `ssh`. They exclude the configuration of the user and of the system.
fn arguments(ssh: &Ssh, at: &Address, path: &str, address: SocketAddr) -> Vec<OsString> {
    // As in `known_hosts`, the key of a server at another port than 22 has the name `[HOST]:PORT`.
    let alias = match at.url.port() {
        Some(port) => format!("[{}]:{port}", host(at)),
        None => host(at).to_owned(),
    };
    let mut arguments: Vec<OsString> = vec!["-F".into(), "none".into(), "-T".into(), "-x".into()];
    let mut option = |name: &str, value: OsString| {
        let mut text = OsString::from(format!("{name}="));
        text.push(value);
        arguments.extend(["-o".into(), text]);
    };
    let quoted = |path: &Path| {
        let mut text = OsString::from("\"");
        text.push(path);
        text.push("\"");
        text
    };
    for (name, value) in [
        ("BatchMode", "yes"),
        ("StrictHostKeyChecking", "yes"),
        ("UpdateHostKeys", "no"),
        ("CheckHostIP", "no"),
        ("VerifyHostKeyDNS", "no"),
        ("GlobalKnownHostsFile", "none"),
        ("IdentitiesOnly", "yes"),
        ("IdentityAgent", "none"),
        ("PreferredAuthentications", "publickey"),
        ("ClearAllForwardings", "yes"),
        ("ForwardAgent", "no"),
        ("PermitLocalCommand", "no"),
        ("ProxyCommand", "none"),
        ("ControlPath", "none"),
        ("ConnectTimeout", "10"),
        ("LogLevel", "ERROR"),
        ("SendEnv", "GIT_PROTOCOL"),
    ] {
        option(name, value.into());
    }
    option("UserKnownHostsFile", quoted(&ssh.known_hosts));
    option("IdentityFile", quoted(&ssh.key));
    option("HostName", address.ip().to_string().into());
    option("HostKeyAlias", alias.into());
    arguments.extend(["-p".into(), address.port().to_string().into()]);
    arguments.extend(["-l".into(), at.url.username().into(), "--".into(), host(at).into()]);
    // The shell on the server parses this text. The path was checked to have no quotes.
    arguments.push(format!("git-upload-pack '{path}'").into());
    arguments
}

/// Kills `ssh`, and the processes that it started, when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Killing fails if all have ended by themselves.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

/// Writes the request to `ssh` and its response to `sink`, and returns the size of the response.
async fn talk(
    mut child: Child,
    shown: &str,
    request: Vec<u8>,
    most: u64,
    sink: &mut dyn Sink,
) -> Result<u64, FetchError> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut group = Group(pid);
    let store = |why: String| FetchError::new(Class::Store, format!("{shown}: {why}"));
    let (Some(mut input), Some(mut output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(store("ssh has no pipes".to_owned()));
    };
    let write = async move {
        // If writing fails, `ssh` has ended: its error output says why.
        let _ = input.write_all(&request).await;
        drop(input);
        Ok::<(), FetchError>(())
    };
    let read = async {
        let mut answer = Answer::new(sink);
        answer.start().map_err(|e| store(e.to_string()))?;
        let (mut buffer, mut taken) = (vec![0; 64 << 10], 0_u64);
        loop {
            let count = output.read(&mut buffer).await.map_err(|e| store(e.to_string()))?;
            taken += count as u64;
            if taken > most {
                let message = format!("{shown} sends more than {most} bytes");
                return Err(FetchError::new(Class::Render, message));
            }
            match buffer.get(..count) {
                Some(part) if count > 0 => answer.write(part).map_err(|e| store(e.to_string()))?,
                _ => break,
            }
        }
        Ok((taken, answer.is_other_version()))
    };
    let listen = async {
        let (mut said, mut errors) = (Vec::new(), errors);
        let _ = (&mut errors).take(MOST_WORDS).read_to_end(&mut said).await;
        // The rest is read so that `ssh` does not block on a full pipe.
        let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
        Ok::<Vec<u8>, FetchError>(said)
    };
    let ((), (taken, is_other_version), said) = tokio::try_join!(write, read, listen)?;
    let status = child.wait().await.map_err(|e| store(e.to_string()))?;
    group.0 = None;
    if is_other_version {
        return Err(store("it does not speak version 2 of git's protocol".to_owned())
            .hint("its sshd must pass GIT_PROTOCOL on (AcceptEnv), or the repository be asked over https"));
    }
    if !status.success() {
        return Err(store(format!("ssh failed: {}", words(&said))).hint(
            "check KEYFILL_FETCH_SSH_KEY, KEYFILL_FETCH_SSH_KNOWN_HOSTS and that the repository is there",
        ));
    }
    Ok(taken)
}

/// The error output as one line of plain text.
fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let plain: String = lines.join("; ").chars().filter(|c| !c.is_control()).take(300).collect();
    if plain.is_empty() { "it says nothing".to_owned() } else { plain }
}

/// Passes a response on without the greeting of the server: its capabilities, which a response over HTTP does not
/// have.
struct Answer<'a> {
    sink: &'a mut dyn Sink,
    greeting: Option<Vec<u8>>,
    is_version_2: bool,
    /// Whether the server sent any packet of a greeting.
    has_greeted: bool,
}

impl<'a> Answer<'a> {
    fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, greeting: Some(Vec::new()), is_version_2: false, has_greeted: false }
    }

    fn start(&mut self) -> io::Result<()> {
        self.sink.start()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut greeting) = self.greeting.take() else { return self.sink.write(bytes) };
        greeting.extend_from_slice(bytes);
        let mut rest = greeting.as_slice();
        loop {
            match packet::take(&mut rest) {
                Ok(Some(Packet::Flush)) => return self.sink.write(rest),
                Ok(Some(Packet::Data(data))) => {
                    self.has_greeted = true;
                    self.is_version_2 |= packet::line(data) == b"version 2";
                }
                Ok(Some(_)) => {}
                // The greeting is not complete or not valid. In the second case, nothing is passed on.
                Ok(None) | Err(_) => break,
            }
        }
        self.greeting = Some(rest.to_vec());
        Ok(())
    }

    /// Whether the server uses another version of git's protocol than 2.
    fn is_other_version(&self) -> bool {
        self.has_greeted && !self.is_version_2
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, arguments, words};
    use crate::git::address;
    use crate::options::Ssh;

    #[test]
    fn the_greeting_is_removed_from_responses_in_parts_of_any_size() {
        let answer = b"000eversion 2\n0012agent=git/2.3\n0000000dpackfile\n0000";
        for step in [1, 5, 1000] {
            let mut taken = Vec::<u8>::new();
            let mut passed = Answer::new(&mut taken);
            passed.start().expect("starts");
            answer.chunks(step).for_each(|part| passed.write(part).expect("passed on"));
            assert!(!passed.is_other_version());
            assert_eq!(taken, b"000dpackfile\n0000", "in steps of {step}");
        }
        let mut taken = Vec::<u8>::new();
        let mut old = Answer::new(&mut taken);
        old.write(b"003c0123456789abcdef0123456789abcdef01234567 HEAD\0agent=git\n0000").expect("taken");
        assert!(old.is_other_version());
    }

    #[test]
    fn the_arguments_of_ssh_hold_host_and_quoted_path_after_all_options() {
        let ssh = Ssh { program: "/usr/bin/ssh".into(), key: "/k e/y".into(), known_hosts: "/kh".into() };
        let at = address("ssh://git@host.example:2222/org/repo.git", true).expect("an address");
        let to = "192.0.2.1:2222".parse().expect("an address");
        let path = at.path.clone().expect("over ssh");
        let line: Vec<String> = arguments(&ssh, &at, &path, to)
            .into_iter()
            .map(|argument| argument.into_string().expect("text"))
            .collect();
        let end = ["-p", "2222", "-l", "git", "--", "host.example", "git-upload-pack '/org/repo.git'"];
        assert_eq!(line[line.len() - 7..], end);
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "HostName=192.0.2.1",
            "HostKeyAlias=[host.example]:2222",
            "IdentityFile=\"/k e/y\"",
        ] {
            assert!(line.iter().any(|argument| argument == option), "{option}: {line:?}");
        }
    }

    #[test]
    fn the_error_output_of_ssh_becomes_one_plain_line() {
        assert_eq!(words(b"a\n\n b\x1b[31m\r\n"), "a; b[31m");
        assert_eq!(words(b""), "it says nothing");
        assert_eq!(words(&[b'x'; 1000]).len(), 300);
    }
}
