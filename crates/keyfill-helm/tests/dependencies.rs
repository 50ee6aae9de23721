//! Where subcharts come from that are not in `charts/`.

#![allow(clippy::unwrap_used)]

use flate2::write::GzEncoder;
use keyfill_diag::{Class, Cx, Remedy, Report as _};
use keyfill_files::{
    ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, GitRef, MemoryFiles, NoFetch, TreePath,
};
use keyfill_helm::{Error, TemplateRequest, template};
use std::sync::Mutex;

/// A repository of charts `lib`, versions 1.4.0 and 2.0.0, and `other` 1.0.0.
#[derive(Default)]
struct Repository {
    asked: Mutex<Vec<String>>,
    placed: Mutex<Vec<String>>,
}

impl Fetch for Repository {
    fn chart(&self, want: &ChartRef, _: &Cx) -> Result<FetchedChart, FetchError> {
        let ChartRef { repository, name, version } = want;
        self.asked.lock().unwrap().push(format!("{repository} {name} {version}"));
        let version = match (name.as_str(), version.as_str()) {
            ("lib", "^1" | "1.4.0" | "*") => "1.4.0",
            ("lib", "^2") => "2.0.0",
            ("other", _) => "1.0.0",
            ("liar", _) => "9.9.9",
            _ => {
                let message = format!("no version of {name} fits {version}");
                return Err(FetchError::new(Class::Render, message).hint("look at the repository"));
            }
        };
        let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        let files = [
            ("Chart.yaml", chart.as_str()),
            ("values.yaml", "enabled: true\nexports: {data: {taken: 5}}\n"),
            ("templates/cm.yaml", "chart: {{ .Chart.Name }} {{ .Chart.Version }}\n"),
        ];
        let archive = archive(name, &files).into();
        Ok(FetchedChart { version: version.into(), file_name: format!("{name}-{version}.tgz"), archive })
    }

    fn git(&self, _: &GitRef, _: &Cx) -> Result<FetchedTree, FetchError> {
        Err(FetchError::off("no"))
    }

    fn file(&self, _: &str, _: &Cx) -> Result<bytes::Bytes, FetchError> {
        Err(FetchError::off("no"))
    }

    fn placed(&self, place: &TreePath, _: &FetchedChart) {
        self.placed.lock().unwrap().push(place.to_string());
    }

    fn repository(&self, name: &str) -> Option<String> {
        (name == "@corp").then(|| "https://corp.example/charts".to_owned())
    }
}

fn archive(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{name}/{path}"), text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Renders a chart `app` with these dependencies and further files.
fn fetching(dependencies: &str, more: &[(&str, &str)]) -> (Result<String, Error>, Repository) {
    let app = format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n{dependencies}");
    let own = [("app/Chart.yaml", app.as_str()), ("app/values.yaml", "top: {{}}\nlib: {enabled: false}\n")];
    let files: MemoryFiles =
        own.iter().chain(more).map(|(path, text)| (*path, text.replace("{{}}", "{}"))).collect();
    let repository = Repository::default();
    let request = TemplateRequest::new(TreePath::new("app").unwrap());
    let rendered = template(&files, &request, &repository, &Cx::default());
    let text = rendered.map(|rendered| {
        let warnings: Vec<String> = rendered.warnings.iter().map(|w| w.message.clone()).collect();
        format!("{}{}", warnings.join("\n"), String::from_utf8(rendered.text()).unwrap())
    });
    (text, repository)
}

/// A chart `app` that needs `lib` as `requirement` says, and `lib` beside it.
fn tree(requirement: &str) -> MemoryFiles {
    let app = format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {requirement}\n");
    [
        ("app/Chart.yaml", app.as_str()),
        ("app/values.yaml", "lib: {size: 2}\nother: {size: 3}\n"),
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.4.0\n"),
        ("lib/.helmignore", "ignored.txt\n"),
        ("lib/ignored.txt", "x"),
        ("lib/values.yaml", "size: 1\nname: first\n"),
        (
            "lib/templates/cm.yaml",
            "kind: ConfigMap\nvalues: {{ .Values | toJson }}\nfiles: {{ len .Files }}\n",
        ),
    ]
    .into_iter()
    .map(|(path, text)| (path, text.to_owned()))
    .collect()
}

fn render(requirement: &str) -> Result<String, Error> {
    let request = TemplateRequest::new(TreePath::new("app").unwrap());
    let rendered = template(&tree(requirement), &request, &NoFetch, &Cx::default())?;
    Ok(String::from_utf8(rendered.text()).unwrap())
}

#[test]
fn a_repository_in_the_tree_is_read() {
    let text = render("{name: lib, version: 1.x, repository: 'file://../lib'}").unwrap();
    assert_eq!(
        text,
        "---\n# Source: app/charts/lib/templates/cm.yaml\nkind: ConfigMap\n\
         values: {\"global\":{},\"name\":\"first\",\"size\":2}\nfiles: 1\n"
    );
}

#[test]
fn a_dependency_is_named_by_its_alias() {
    let text = render("{name: lib, version: '*', repository: 'file://../lib', alias: other}").unwrap();
    assert!(text.contains("# Source: app/charts/other/templates/cm.yaml"), "{text}");
    assert!(text.contains("\"size\":3"), "{text}");
}

#[test]
fn another_version_is_refused() {
    let error = render("{name: lib, version: ^2, repository: 'file://../lib'}").unwrap_err();
    assert!(error.to_string().contains("that is lib 1.4.0"), "{error}");
    assert!(!error.is_unsupported());
}

#[test]
fn a_chart_to_be_downloaded_is_named_and_not_left_to_helm() {
    let error = render("{name: redis, version: 18.x.x, repository: 'oci://registry.example.com/charts'}")
        .unwrap_err();
    // helm would miss the same chart.
    assert_eq!(error.remedy(), Remedy::Fetch);
    assert!(!error.is_unsupported());
    let diagnostic = error.diagnostics().remove(0);
    assert!(diagnostic.message.contains("redis 18.x.x (repository oci://registry.example.com/charts)"));
    assert_eq!(diagnostic.place.file.as_deref(), Some("app/Chart.yaml"));
    assert_eq!(
        diagnostic.hint.as_deref(),
        Some("run `helm dependency build app` and commit the charts/ folder")
    );
}

#[test]
fn missing_charts_are_fetched_and_named_by_their_aliases() {
    let (text, repository) = fetching(
        "- {name: lib, version: ^2, repository: 'https://c.example', alias: b}\n\
         - {name: lib, version: ^1, repository: 'https://c.example', alias: a}\n\
         - {name: other, version: 1.x, repository: 'oci://r.example/charts'}\n",
        &[],
    );
    let text = text.unwrap();
    for part in ["charts/a/templates/cm.yaml\nchart: a 1.4.0", "chart: b 2.0.0", "chart: other 1.0.0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut placed = repository.placed.into_inner().unwrap();
    placed.sort();
    assert_eq!(
        placed,
        ["app/charts/lib-1.4.0.tgz", "app/charts/lib-2.0.0.tgz", "app/charts/other-1.0.0.tgz"]
    );
}

#[test]
fn conditions_and_imported_values_apply_to_fetched_charts() {
    let (text, _) =
        fetching("- {name: lib, version: ^1, repository: '@corp', condition: lib.enabled}\n", &[]);
    assert!(!text.unwrap().contains("chart: lib"));
    let (text, _) = fetching(
        "- {name: lib, version: ^1, repository: '@corp', import-values: [data]}\n",
        &[("app/templates/t.yaml", "taken: {{ .Values.taken }}\n")],
    );
    assert!(text.as_ref().is_ok_and(|text| text.contains("taken: 5")), "{text:?}");
}

#[test]
fn a_chart_in_the_charts_folder_is_not_fetched() {
    let vendored = ("app/charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\n");
    let (text, repository) =
        fetching("- {name: lib, version: ^1, repository: 'https://c.example'}\n", &[vendored]);
    assert!(text.is_ok() && repository.asked.into_inner().unwrap().is_empty());
}

/// The digests are those that helm v3.22.0 writes for these requirements.
#[test]
fn a_lock_that_fits_decides_the_version_and_another_one_does_not() {
    let dependency = "- {name: lib, version: '*', repository: '@corp'}\n";
    let locked = |digest: &str| {
        format!(
            "dependencies:\n- {{name: lib, version: 1.4.0, repository: 'https://corp.example/charts'}}\ndigest: {digest}\n"
        )
    };
    let text = concat!(
        r#"[[{"name":"lib","version":"*","repository":"https://corp.example/charts"}],"#,
        r#"[{"name":"lib","version":"1.4.0","repository":"https://corp.example/charts"}]]"#
    );
    let sum = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    let digest: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    let lock = locked(&format!("sha256:{digest}"));
    let (text, repository) = fetching(dependency, &[("app/Chart.lock", &lock)]);
    assert!(text.is_ok_and(|text| !text.contains("out of sync")));
    assert_eq!(repository.asked.into_inner().unwrap(), ["@corp lib 1.4.0"]);
    let (text, repository) = fetching(dependency, &[("app/Chart.lock", &locked("sha256:00"))]);
    assert!(text.is_ok_and(|text| text.contains("app/Chart.lock is out of sync with Chart.yaml")));
    assert_eq!(repository.asked.into_inner().unwrap(), ["@corp lib *"]);
}

#[test]
fn each_chart_that_cannot_be_fetched_is_reported_with_its_place() {
    let (text, _) = fetching(
        "- {name: gone, version: 1.x, repository: 'https://c.example'}\n\
         - {name: lib, version: ^1, repository: 'https://c.example'}\n\
         - {name: lib, version: ^9, repository: 'https://c.example', alias: x}\n",
        &[],
    );
    let error = text.unwrap_err();
    assert!(!error.is_unsupported());
    let told: Vec<(String, Option<u32>)> =
        error.diagnostics().into_iter().map(|d| (d.message, d.place.line)).collect();
    assert_eq!(
        told,
        [
            ("no version of gone fits 1.x".to_owned(), Some(5)),
            ("no version of lib fits ^9".to_owned(), Some(7))
        ]
    );
}

#[test]
fn a_missing_folder_is_reported_among_the_others_with_its_place() {
    let (text, _) = fetching(
        "- {name: near, version: 1.0.0, repository: 'file://../near'}\n\
         - {name: gone, version: 1.x, repository: 'https://c.example'}\n\
         - {name: far, version: 1.0.0, repository: 'file://../far'}\n",
        &[],
    );
    let told: Vec<_> = text.unwrap_err().diagnostics();
    let places: Vec<(String, Option<u32>)> =
        told.iter().map(|d| (d.place.file.clone().unwrap_or_default(), d.place.line)).collect();
    let at = |line| ("app/Chart.yaml".to_owned(), Some(line));
    assert_eq!(places, [at(5), at(7), at(6)]);
    assert!(told[0].message.contains("there is no folder near"), "{told:?}");
}

#[test]
fn an_archive_of_another_version_is_refused() {
    let (text, _) = fetching("- {name: liar, version: ^1, repository: 'https://c.example'}\n", &[]);
    let error = text.unwrap_err();
    assert!(error.to_string().contains("that is liar 9.9.9"), "{error}");
    assert_eq!(error.diagnostics()[0].place.line, Some(5));
}

#[test]
fn a_dependency_without_a_version_is_an_error() {
    let (text, _) = fetching("- {name: lib, repository: 'https://c.example'}\n", &[]);
    assert!(text.unwrap_err().to_string().contains("the dependency lib has no version"));
}

#[test]
fn a_password_in_an_address_is_not_shown() {
    let error = render("{name: redis, version: 1.x, repository: 'https://user:hunter2@c.example/charts'}")
        .unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("https://c.example/charts") && !told.contains("hunter2"), "{told}");
}
