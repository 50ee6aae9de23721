//! Where subcharts come from when they do not lie in `charts/`.

#![allow(clippy::unwrap_used)]

use keyfill_diag::Cx;
use keyfill_files::{MemoryFiles, TreePath};
use keyfill_helm::{Error, TemplateRequest, template};

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
    let rendered = template(&tree(requirement), &request, &Cx::default())?;
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
fn it_goes_by_its_alias() {
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
fn what_is_to_be_downloaded_is_named_and_left_to_helm() {
    let error = render("{name: redis, version: 18.x.x, repository: 'oci://registry.example.com/charts'}")
        .unwrap_err();
    assert!(error.is_unsupported());
    let diagnostic = error.diagnostics().remove(0);
    assert!(diagnostic.message.contains("redis 18.x.x (repository oci://registry.example.com/charts)"));
    assert_eq!(diagnostic.place.file.as_deref(), Some("app/Chart.yaml"));
    assert_eq!(
        diagnostic.hint.as_deref(),
        Some("run `helm dependency build app` and commit the charts/ folder")
    );
}
