//! Our own charts. Each folder of `testdata/cases` is one run: `args` is the command line, and `expected` is what
//! helm 3 prints. If helm fails too, `error` has the pieces of text that our error must contain instead. If helm 4
//! differs there is an `expected4` or `error4` as well.
//!
//! `expected` and `expected4` are written by the official helms: `KEYFILL_UPDATE=1 KEYFILL_TEST_REQUIRE=all cargo test -p
//! keyfill-helm --test cases`.

#![allow(clippy::unwrap_used)]

use keyfill_diag::{Cx, Report as _};
use keyfill_files::{DiskFiles, NoFetch, TreePath};
use keyfill_helm::{HelmCompat, TemplateRequest, Templated, ValuesSource, template};
use keyfill_testkit::oracle;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// One folder of `testdata/cases`.
struct Case {
    name: String,
    folder: PathBuf,
    args: Vec<String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = fs::read_dir(testdata().join("cases"))
        .unwrap()
        .map(|entry| {
            let folder = entry.unwrap().path();
            let args = fs::read_to_string(folder.join("args")).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            Case { name, folder, args: args.lines().map(str::to_owned).collect() }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    /// The path of the file for one helm only: `name`, or `name4` for helm 4.
    fn own_file(&self, name: &str, helm: HelmCompat) -> PathBuf {
        self.folder.join(if helm == HelmCompat::V4 { format!("{name}4") } else { name.to_owned() })
    }

    /// The path of the file for a helm. Helm 4 uses that of helm 3 unless it differs.
    fn file(&self, name: &str, helm: HelmCompat) -> PathBuf {
        let differs = helm == HelmCompat::V4
            && ["expected4", "error4"].iter().any(|name| self.folder.join(name).is_file());
        if differs { self.own_file(name, helm) } else { self.folder.join(name) }
    }

    fn request(&self) -> TemplateRequest {
        let path = |p: &str| TreePath::new(p).unwrap();
        let mut args = self.args.iter();
        let mut request = TemplateRequest::new(path(args.next().unwrap()));
        request.release_name = "rel".into();
        while let Some(flag) = args.next() {
            match flag.as_str() {
                "--include-crds" => request.include_crds = true,
                "--no-hooks" => request.no_hooks = true,
                "--skip-tests" => request.skip_tests = true,
                "--is-upgrade" => request.is_upgrade = true,
                "--skip-schema-validation" => request.skip_schema_validation = true,
                _ => {
                    let value = args.next().unwrap().clone();
                    match flag.as_str() {
                        "--release-name" => request.release_name = value,
                        "-n" => request.namespace = value,
                        "--kube-version" => request.kube_version = Some(value),
                        "-a" | "--api-versions" => {
                            request.api_versions.extend(value.split(',').map(str::to_owned));
                        }
                        "-s" | "--show-only" => request.show_only.push(value),
                        "-f" => request.values.push(ValuesSource::File(path(&value))),
                        "--set" => request.values.push(ValuesSource::Set(value)),
                        "--set-string" => request.values.push(ValuesSource::SetString(value)),
                        "--set-json" => request.values.push(ValuesSource::SetJson(value)),
                        "--set-literal" => request.values.push(ValuesSource::SetLiteral(value)),
                        "--set-file" => {
                            let (name, file) = value.split_once('=').unwrap();
                            let source = ValuesSource::SetFile { name: name.into(), path: path(file) };
                            request.values.push(source);
                        }
                        other => panic!("{}: unknown flag {other}", self.name),
                    }
                }
            }
        }
        request
    }

    fn run(&self, helm: HelmCompat) -> Result<Templated, String> {
        let files = DiskFiles::open(&testdata(), 64 << 20).unwrap();
        let request = TemplateRequest { helm, ..self.request() };
        template(&files, &request, &NoFetch, &Cx::default()).map_err(|error| shown(&error))
    }

    /// What the official helm prints, or its error.
    fn official(&self, helm: &Path) -> Result<Vec<u8>, String> {
        let mut args = self.args.clone();
        let release = match args.iter().position(|a| a == "--release-name") {
            Some(at) => args.drain(at..at + 2).next_back().unwrap(),
            None => "rel".into(),
        };
        let run = Command::new(helm).current_dir(testdata()).arg("template").arg(release).args(args).output();
        let run = run.unwrap();
        if run.status.success() { Ok(run.stdout) } else { Err(String::from_utf8_lossy(&run.stderr).into()) }
    }
}

/// Everything of an error that users see.
fn shown(error: &keyfill_helm::Error) -> String {
    let mut text = String::new();
    for diagnostic in error.diagnostics() {
        let _ = writeln!(text, "{diagnostic}");
        for step in &diagnostic.trail {
            let _ = writeln!(text, "  via {step}");
        }
        let _ = writeln!(text, "{}", diagnostic.hint.unwrap_or_default());
    }
    text
}

#[test]
fn charts_render_as_helm_3_renders_them() {
    charts_render_as(HelmCompat::V3);
}

#[test]
fn charts_render_as_helm_4_renders_them() {
    charts_render_as(HelmCompat::V4);
}

fn charts_render_as(helm: HelmCompat) {
    let mut wrong = String::new();
    for case in cases() {
        let expected = fs::read(case.file("expected", helm));
        let error = fs::read_to_string(case.file("error", helm));
        match (case.run(helm), expected, error) {
            (Ok(got), Ok(want), _) if got.text() == want => {}
            (Ok(got), Ok(want), _) => {
                let _ = writeln!(wrong, "{}: {}", case.name, first_difference(&got.text(), &want));
            }
            (Err(got), _, Ok(want)) => {
                for piece in want.lines().filter(|piece| !got.contains(piece)) {
                    let _ = writeln!(wrong, "{}: the error does not hold {piece:?}:\n{got}", case.name);
                }
            }
            (Ok(_), ..) => {
                let _ = writeln!(wrong, "{}: renders, but should not", case.name);
            }
            (Err(got), ..) => {
                let _ = writeln!(wrong, "{}: {got}", case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn first_difference(got: &[u8], want: &[u8]) -> String {
    let (got, want) = (String::from_utf8_lossy(got), String::from_utf8_lossy(want));
    let lines = got.lines().map(Some).chain(std::iter::repeat(None));
    let differing = want.lines().map(Some).chain([None]).zip(lines).enumerate().find(|(_, (w, g))| w != g);
    match differing {
        Some((at, (w, g))) => format!("line {} differs:\n  helm {w:?}\n  ours {g:?}", at + 1),
        None => "differs in its line ends".into(),
    }
}

/// The expected files are what helm prints today, and helm fails where an `error` file says so.
#[test]
fn the_expected_files_are_what_helm_3_prints() {
    expected_files_are("helm", HelmCompat::V3);
}

#[test]
fn the_expected_files_are_what_helm_4_prints() {
    expected_files_are("helm4", HelmCompat::V4);
}

fn expected_files_are(program: &str, helm: HelmCompat) {
    let Some(program) = oracle(program) else { return };
    let update = std::env::var_os("KEYFILL_UPDATE").is_some();
    let mut wrong = String::new();
    for case in cases() {
        let file = case.file("expected", helm);
        let fails = case.file("error", helm).is_file();
        match case.official(&program) {
            Ok(_) if fails => {
                let _ = writeln!(wrong, "{}: helm renders it", case.name);
            }
            Ok(printed) if fs::read(&file).is_ok_and(|kept| kept == printed) => {}
            Ok(printed) if update => fs::write(case.own_file("expected", helm), printed).unwrap(),
            Ok(_) => {
                let _ = writeln!(wrong, "{}: `{}` is not what helm prints", case.name, file.display());
            }
            Err(_) if fails => {}
            Err(error) => {
                let _ = writeln!(wrong, "{}: helm fails: {error}", case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Only a separator may precede a document.
#[test]
fn only_a_separator_precedes_a_document() {
    for case in cases() {
        let Ok(rendered) = case.run(HelmCompat::V4) else { continue };
        for document in &rendered.documents {
            let before = &document.before[..];
            assert!(before.is_empty() || before.starts_with(b"---") || before == b"\n---\n", "{}", case.name);
        }
    }
}
