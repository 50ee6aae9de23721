//! Addresses in kustomizations: repositories, files, charts.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::{
    ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, Files, GitRef, MemoryFiles, TreePath,
};
use keyfill_kustomize::{
    BuildRequest, ChartError, ChartRequest, Charts, Error, LoadRestrictor, Outside, build,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A network with repositories, files and charts, which records the requests.
#[derive(Default)]
struct Net {
    repositories: BTreeMap<&'static str, MemoryFiles>,
    files: BTreeMap<&'static str, &'static str>,
    asked: Mutex<Vec<String>>,
}

impl Net {
    fn with(mut self, url: &'static str, files: &[(&str, &'static str)]) -> Self {
        self.repositories.insert(url, files.iter().map(|(path, text)| (*path, *text)).collect());
        self
    }

    fn file(mut self, url: &'static str, text: &'static str) -> Self {
        self.files.insert(url, text);
        self
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

impl Fetch for Net {
    fn chart(&self, want: &ChartRef, _: &Cx) -> Result<FetchedChart, FetchError> {
        self.asked.lock().unwrap().push(format!("chart {} {} {}", want.repository, want.name, want.version));
        let archive = Bytes::from(want.name.clone());
        Ok(FetchedChart { version: "1.0.0".into(), file_name: "x.tgz".into(), archive })
    }

    fn git(&self, want: &GitRef, _: &Cx) -> Result<FetchedTree, FetchError> {
        let key = format!("{}@{}", want.url, want.reference);
        self.asked.lock().unwrap().push(format!("git {key}"));
        match self.repositories.get(key.as_str()) {
            Some(files) => Ok(FetchedTree { commit: "1".repeat(40), files: Arc::new(files.clone()) }),
            None => Err(FetchError::new(Class::Store, format!("{key} is not there")).hint("look for it")),
        }
    }

    fn file(&self, url: &str, _: &Cx) -> Result<Bytes, FetchError> {
        self.asked.lock().unwrap().push(format!("file {url}"));
        let found = self.files.get(url).map(|text| Bytes::from_static(text.as_bytes()));
        found.ok_or_else(|| FetchError::new(Class::Render, format!("{url} answered 404")))
    }

    fn placed(&self, place: &TreePath, _: &FetchedChart) {
        self.asked.lock().unwrap().push(format!("placed {place}"));
    }
}

/// Renders each chart to one ConfigMap with the chart's values.
struct Shown;

impl Charts for Shown {
    fn inflate(&self, files: &dyn Files, request: &ChartRequest, _: &Cx) -> Result<Vec<u8>, ChartError> {
        let file = files.read(&request.chart.join("Chart.yaml").unwrap()).unwrap();
        let values = String::from_utf8_lossy(&request.values[0].text).trim().to_owned();
        let name = String::from_utf8_lossy(&file).into_owned();
        Ok(format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{values: '{values}'}}\n"
        )
        .into_bytes())
    }

    fn unpack(&self, archive: &[u8], _: &Cx) -> Result<MemoryFiles, ChartError> {
        let name = String::from_utf8_lossy(archive).into_owned();
        Ok([("Chart.yaml", name), ("values.yaml", "a: 1".to_owned())].into_iter().collect())
    }
}

fn run(net: &Net, tree: &[(&str, &str)], restrictor: LoadRestrictor) -> Result<String, Error> {
    let files: MemoryFiles = tree.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    let request = BuildRequest {
        root: TreePath::new("app"),
        enable_helm: true,
        load_restrictor: restrictor,
        ..BuildRequest::default()
    };
    let outside = Outside { charts: &Shown, fetch: net, ..Outside::default() };
    let built = build(&files, &request, outside, &Cx::default())?;
    let mut text = String::new();
    for document in &built.documents {
        if let keyfill_yaml::Body::Tree(node) = &document.body {
            text.push_str(&String::from_utf8(keyfill_yaml::to_yaml(&**node)).unwrap());
            text.push_str("---\n");
        }
    }
    Ok(text)
}

fn app(net: &Net, kustomization: &str) -> Result<String, Error> {
    run(net, &[("app/kustomization.yaml", kustomization)], LoadRestrictor::RootOnly)
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n";

fn bases() -> Net {
    Net::default().with(
        "https://github.com/org/repo@v1",
        &[
            ("base/kustomization.yaml", "resources: [../shared, cm.yaml]\nnamePrefix: b-\n"),
            ("base/cm.yaml", MAP),
            ("shared/kustomization.yaml", "resources: [p.yaml]"),
            ("shared/p.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: shared}\n"),
            (
                "part/kustomization.yaml",
                "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nnameSuffix: -part\n",
            ),
            ("out/kustomization.yaml", "resources: [../../app/secret.yaml]"),
            ("up/kustomization.yaml", "resources: [../../app]"),
            ("root/kustomization.yaml", "resources: [/app/secret.yaml]"),
            ("wrong/kustomization.yaml", "resources: [cm.yaml]\n"),
            ("wrong/cm.yaml", "a: [\n"),
            ("again/kustomization.yaml", "resources: ['https://github.com/org/repo//again?ref=v1']"),
            ("far/kustomization.yaml", "resources: ['https://other.example/a/b//x']"),
            (
                "charts/kustomization.yaml",
                "helmCharts: [{name: c, version: 1.0.0, repo: 'https://c.example'}]",
            ),
        ],
    )
}

#[test]
fn a_base_and_a_component_of_a_repository_are_built() {
    let net = bases();
    let text = app(
        &net,
        "resources:\n- https://github.com/org/repo//base?ref=v1\ncomponents:\n- github.com/org/repo/part?ref=v1\n",
    );
    let text = text.unwrap();
    assert!(text.contains("name: b-remote-part") && text.contains("name: b-shared-part"), "{text}");
    assert_eq!(net.asked(), ["git https://github.com/org/repo@v1"], "one clone for all that name it");
}

#[test]
fn a_repository_reads_nothing_outside_of_itself() {
    for folder in ["out", "up", "root"] {
        let net = bases();
        let tree = [
            (
                "app/kustomization.yaml",
                format!("resources: ['https://github.com/org/repo//{folder}?ref=v1']"),
            ),
            ("app/secret.yaml", MAP.to_owned()),
        ];
        let tree: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (*path, text.as_str())).collect();
        for restrictor in [LoadRestrictor::RootOnly, LoadRestrictor::None] {
            let error = run(&net, &tree, restrictor).unwrap_err();
            let told = error.to_string();
            assert!(told.contains("security") || told.contains("leaves"), "{folder}: {told}");
            assert!(!error.is_unsupported());
        }
    }
}

#[test]
fn an_error_in_a_repository_names_its_file_and_has_a_trail() {
    let error = app(&bases(), "resources: ['https://github.com/org/repo//wrong?ref=v1']").unwrap_err();
    let diagnostic = error.diagnostics().remove(0);
    assert_eq!(
        diagnostic.place.file.as_deref(),
        Some("https:/github.com/org/repo@v1/wrong/cm.yaml"),
        "{diagnostic:?}"
    );
    assert!(diagnostic.trail.iter().any(|step| step.contains("https://github.com/org/repo@v1/wrong")));
}

#[test]
fn a_repository_that_cannot_be_fetched_is_reported_with_the_line_that_lists_it() {
    for field in ["resources", "components"] {
        let text = format!("{field}:\n- https://gone.example/a/b//c?ref=v1");
        let error = app(&Net::default(), &text).unwrap_err();
        let diagnostic = error.diagnostics().remove(0);
        assert!(diagnostic.message.contains("https://gone.example/a/b@v1 is not there"), "{diagnostic:?}");
        assert_eq!((diagnostic.class, diagnostic.hint.as_deref()), (Class::Store, Some("look for it")));
        assert_eq!(
            (diagnostic.place.file.as_deref(), diagnostic.place.line),
            (Some("app/kustomization.yaml"), Some(2))
        );
    }
}

#[test]
fn a_repository_may_list_others_but_not_itself() {
    let net = bases().with(
        "https://other.example/a/b@",
        &[("x/kustomization.yaml", "resources: [cm.yaml]"), ("x/cm.yaml", MAP)],
    );
    let text = app(&net, "resources: ['https://github.com/org/repo//far?ref=v1']").unwrap();
    assert!(text.contains("name: remote"));
    let error = app(&net, "resources: ['https://github.com/org/repo//again?ref=v1']").unwrap_err();
    assert!(error.to_string().contains("cycle detected"), "{error}");
}

#[test]
fn an_endless_chain_of_repositories_is_refused() {
    /// A network in which each repository lists the next one.
    struct Endless(Mutex<u32>);
    impl Fetch for Endless {
        fn chart(&self, _: &ChartRef, _: &Cx) -> Result<FetchedChart, FetchError> {
            Err(FetchError::off("no"))
        }
        fn git(&self, _: &GitRef, _: &Cx) -> Result<FetchedTree, FetchError> {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            let text = format!("resources: ['https://h.example/a/b{count}']");
            let files: MemoryFiles = [("kustomization.yaml", text)].into_iter().collect();
            Ok(FetchedTree { commit: "1".repeat(40), files: Arc::new(files) })
        }
        fn file(&self, _: &str, _: &Cx) -> Result<Bytes, FetchError> {
            Err(FetchError::off("no"))
        }
    }
    let files: MemoryFiles =
        [("kustomization.yaml", "resources: ['https://h.example/a/b']")].into_iter().collect();
    let endless = Endless(Mutex::default());
    let outside = Outside { fetch: &endless, ..Outside::default() };
    let error = build(&files, &BuildRequest::default(), outside, &Cx::default()).unwrap_err();
    assert!(error.to_string().contains("more than 32 deep"), "{error}");
}

#[test]
fn files_are_fetched_wherever_a_path_is_allowed() {
    let net = Net::default()
        .file("https://h.example/a/cm.yaml", MAP)
        .file(
            "https://h.example/patch.yaml?x=1",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\ndata: {p: '1'}\n",
        )
        .file("https://h.example/data", "hello");
    let text = app(
        &net,
        "resources: ['https://h.example/a/cm.yaml']\npatches: [{path: 'https://h.example/patch.yaml?x=1'}]\n\
         configMapGenerator:\n- {name: g, files: ['k=https://h.example/data'], options: {disableNameSuffixHash: true}}\n",
    )
    .unwrap();
    assert!(text.contains("p: \"1\"") && text.contains("k: hello"), "{text}");
    assert!(!net.asked().iter().any(|asked| asked.starts_with("git")), "{:?}", net.asked());
}

#[test]
fn an_address_without_an_ending_is_a_file_where_there_is_no_repository() {
    let net = Net::default().file("https://h.example/a/b/raw", MAP);
    let text = app(&net, "resources: ['https://h.example/a/b/raw']").unwrap();
    assert!(text.contains("name: remote"));
    assert_eq!(net.asked(), ["file https://h.example/a/b/raw", "git https://h.example/a/b@"]);
}

#[test]
fn a_chart_is_fetched_once_and_put_where_the_official_tool_puts_it() {
    let net = bases();
    let chart = |release: &str| {
        format!(
            "- {{name: c, version: 1.0.0, repo: 'https://c.example', releaseName: {release}, valuesInline: {{b: 2}}}}\n"
        )
    };
    let text = app(&net, &format!("namePrefix: x-\nhelmCharts:\n{}", chart("one"))).unwrap();
    assert!(text.contains("name: x-c") && text.contains("a: 1"), "{text}");
    assert_eq!(net.asked(), ["chart https://c.example c 1.0.0", "placed app/charts/c-1.0.0/c"]);

    let net = bases();
    app(
        &net,
        "helmGlobals: {chartHome: home}\nhelmCharts: [{name: c, repo: 'oci://r.example/x', devel: true}]",
    )
    .unwrap();
    assert_eq!(net.asked(), ["chart oci://r.example/x c >0.0.0-0", "placed app/home/c"]);
}

#[test]
fn a_chart_of_a_fetched_repository_is_not_placed_in_the_tree() {
    let net = bases();
    let text = app(&net, "resources: ['https://github.com/org/repo//charts?ref=v1']").unwrap();
    assert!(text.contains("name: c"), "{text}");
    assert!(!net.asked().iter().any(|asked| asked.starts_with("placed")));
}

#[test]
fn without_fetching_an_address_is_left_to_the_official_tool() {
    for listed in
        ["resources: ['https://github.com/org/repo//base?ref=v1']", "resources: ['https://h.example/a.yaml']"]
    {
        let files: MemoryFiles = [("kustomization.yaml", listed)].into_iter().collect();
        let error = build(&files, &BuildRequest::default(), Outside::default(), &Cx::default()).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
        assert!(error.to_string().contains("is not in the tree"), "{error}");
    }
}

#[test]
fn an_origin_names_repository_and_reference() {
    let text = app(
        &bases(),
        "resources: ['https://github.com/org/repo//shared?ref=v1']\nbuildMetadata: [originAnnotations]\n",
    )
    .unwrap();
    for line in ["path: shared/p.yaml", "repo: https://github.com/org/repo", "ref: v1"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}
