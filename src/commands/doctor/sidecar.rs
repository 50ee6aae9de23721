//! Reports `plugin.yaml` and the sockets. On a machine that is not a sidecar there are none, which is not a problem.

use super::{Report, State};
use crate::cli::args::{Command, parse};
use crate::serve::configuration;
use crate::settings::Env;
use keyfill_cmp::config;
use std::ffi::OsString;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

pub(super) fn look(report: &mut Report, folder: &Path, env: &Env) {
    if folder.join(config::FILE_NAME).is_file() {
        plugin(report, folder, env);
    } else {
        let found = format!("there is none in {}", folder.display());
        report.ok("sidecar", config::FILE_NAME, found);
    }
    sockets(report, Path::new(env.get("ARGOCD_PLUGINSOCKFILEPATH").unwrap_or(config::SOCKET_FOLDER)));
}

fn plugin(report: &mut Report, folder: &Path, env: &Env) {
    let words = ["keyfill", "serve", "--config-dir-path"].into_iter().map(OsString::from);
    let parsed = parse(words.chain([folder.as_os_str().to_owned()]).collect());
    let Ok(Command::Serve(args)) = parsed.map(|cli| cli.command) else { return };
    match configuration::meaning(&args, env) {
        Ok((plugin, _)) => {
            report.ok(
                "sidecar",
                config::FILE_NAME,
                format!("the plugin {} is understood", plugin.metadata.name),
            );
        }
        Err(error) => report.failure("sidecar", config::FILE_NAME, &error),
    }
}

fn sockets(report: &mut Report, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        report.ok("sidecar", "sockets", format!("there is no folder {}", folder.display()));
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if !meta.file_type().is_socket() {
            continue;
        }
        let name = path.display().to_string();
        let rights = format!("mode {:o}, owner {}", meta.permissions().mode() & 0o777, meta.uid());
        // Whoever can write to the socket can request the secrets of every project.
        if meta.permissions().mode() & 0o002 != 0 {
            let next = format!("chmod o-w {name}, and keep its folder to the user of Argo CD");
            report.warn("sidecar", name.as_str(), format!("{rights}: everybody may use it"), next);
        }
        match UnixStream::connect(&path) {
            Ok(_) => report.ok("sidecar", name, format!("{rights}, somebody listens")),
            Err(error) => {
                report.add("sidecar", name, State::Warning, format!("{rights}, nobody answers: {error}"));
                report.next("start the sidecar, or remove the socket that an earlier one left");
            }
        }
    }
}
