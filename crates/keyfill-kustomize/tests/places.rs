//! The places that errors and warnings name: the file and line that must be corrected, and the object. Each case
//! is a tree in which the mark `<!` stands on the expected line.

use keyfill_diag::{Cx, Diagnostic, Report as _};
use keyfill_files::{Files, MemoryFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Built, ChartError, ChartRequest, Charts, Error, Outside, build};

/// The mark at the end of the expected line. To YAML it is a comment.
const MARK: &str = " #<!";

/// A chart that renders to one ConfigMap.
struct OneMap;

impl Charts for OneMap {
    fn inflate(&self, _: &dyn Files, _: &ChartRequest, _: &Cx) -> Result<Vec<u8>, ChartError> {
        Ok(b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: v, configMap: {name: cfg}}]}\n"
            .to_vec())
    }

    fn unpack(&self, _: &[u8], _: &Cx) -> Result<MemoryFiles, ChartError> {
        Err("no archive is unpacked".to_owned().into())
    }
}

type Tree<'t> = &'t [(&'t str, &'t str)];

fn run(tree: Tree<'_>) -> Result<Built, Error> {
    let files: MemoryFiles = tree.iter().map(|(path, text)| (*path, text.replace(MARK, ""))).collect();
    let root = tree[0].0.rsplit_once('/').map_or("", |(folder, _)| folder);
    let request = BuildRequest { root: TreePath::new(root), enable_helm: true, ..BuildRequest::default() };
    build(&files, &request, Outside { charts: &OneMap, ..Outside::default() }, &Cx::default())
}

fn error(tree: Tree<'_>) -> Diagnostic {
    let error = run(tree).err().unwrap_or_else(|| panic!("{tree:?} should fail"));
    error.diagnostics().remove(0)
}

/// File and line of the mark in a tree.
fn marked(tree: Tree<'_>) -> (String, u32) {
    for (path, text) in tree {
        if let Some(at) = text.find(MARK) {
            let line = text[..at].matches('\n').count() + 1;
            return ((*path).to_owned(), u32::try_from(line).expect("a short text"));
        }
    }
    panic!("no mark in {tree:?}");
}

fn points_at_the_mark(tree: Tree<'_>, diagnostic: &Diagnostic) {
    let (file, line) = marked(tree);
    let place = &diagnostic.place;
    assert_eq!(
        (place.file.as_deref(), place.line),
        (Some(file.as_str()), Some(line)),
        "{diagnostic:#?}\n{tree:#?}"
    );
}

/// Checks that the error of the tree is at the mark, contains `message` and, unless it is empty, names `object`.
fn check(tree: Tree<'_>, message: &str, object: &str) {
    let diagnostic = error(tree);
    points_at_the_mark(tree, &diagnostic);
    assert!(diagnostic.message.contains(message), "{diagnostic:#?}");
    let about = diagnostic.object.as_ref().map(ToString::to_string).unwrap_or_default();
    assert_eq!(about, object, "{diagnostic:#?}");
}

const MAP: (&str, &str) =
    ("r.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: b\n");

#[test]
fn an_entry_of_resources_is_not_confused_with_a_field_of_the_same_name() {
    for text in [
        "namespace: x\nresources:\n# namespace\n- namespace #<!\n",
        "namespace: x\nresources: [r.yaml,\n  \"namespace\"] #<!\n",
        "resources:\n- r.yaml\n-\n  namespace #<!\nnamespace: x\n",
        "commonLabels: {a: namespace}\nresources:\n- &x namespace #<!\n",
        "resources:\r\n- r.yaml\r\n- namespace #<!\r\n",
    ] {
        check(&[("kustomization.yaml", text), MAP], "no such file", "");
    }
}

#[test]
fn every_list_of_files_names_its_line() {
    for field in [
        "components",
        "configurations",
        "crds",
        "generators",
        "transformers",
        "validators",
        "patchesStrategicMerge",
        "bases",
    ] {
        let text = format!("resources:\n- r.yaml\n{field}:\n# none\n- none.yaml #<!\n");
        check(&[("kustomization.yaml", &text), MAP], "no such file", "");
    }
}

#[test]
fn addresses_that_are_not_fetched_name_their_line() {
    for entry in [
        "patches:\n- path: https://h.example/p.yaml #<!\n",
        "patches:\n- target: {kind: ConfigMap}\n  path: https://h.example/p.yaml #<!\n",
        "openapi:\n  path: https://h.example/s.json #<!\n",
        "configMapGenerator:\n- name: a\n  files:\n  - x=https://h.example/x #<!\n",
        "secretGenerator:\n- name: a\n  envs: [https://h.example/x] #<!\n",
        "crds: [https://h.example/x] #<!\n",
        "replacements:\n- path: https://h.example/x #<!\n",
        "components:\n- https://github.com/org/repo #<!\n",
        "resources:\n- r.yaml\n- https://github.com/org/repo//x?ref=v1 #<!\n",
    ] {
        let text = if entry.starts_with("resources") {
            entry.to_owned()
        } else {
            format!("resources: [r.yaml]\n{entry}")
        };
        let tree = [("kustomization.yaml", text.as_str()), MAP];
        let diagnostic = error(&tree);
        points_at_the_mark(&tree, &diagnostic);
        assert!(diagnostic.message.contains("is not in the tree"), "{diagnostic:#?}");
    }
}

#[test]
fn fields_of_the_kustomization_name_their_line() {
    for (text, message) in [
        ("resources: [r.yaml]\nnamePrfix: #<!\n  a: b\n", "unknown field"),
        ("resources: [r.yaml]\nimages:\n- name: a\n  newTg: b #<!\n", "unknown field"),
        ("resources: [r.yaml]\nnamePrefix: 5 #<!\n", "expected a string"),
        ("resources: [r.yaml]\ncommonLabels:\n  a: true #<!\n", "expected a string"),
        ("resources: [r.yaml]\nreplicas:\n- name: none #<!\n  count: 2\n", "none"),
        ("resources: [r.yaml]\nsortOptions:\n  order: odd #<!\n", "odd"),
        ("resources: [r.yaml]\nopenapi:\n  version: v9 #<!\n", "v9"),
        ("resources: [r.yaml]\npatches:\n- target: {kind: A} #<!\n", "patch and path"),
        (
            "resources: [r.yaml]\npatches:\n- target: #<!\n    name: '['\n  patch: '- {op: remove, path: /a}'\n",
            "regular expression",
        ),
        (
            "resources: [r.yaml]\nlabels:\n- pairs: {a: b} #<!\n  fields:\n  - {path: metadata/labels}\n",
            "labels",
        ),
        ("resources: [r.yaml]\nkind: Other #<!\n", "Other"),
    ] {
        check(&[("kustomization.yaml", text), MAP], message, "");
    }
}

#[test]
fn an_inline_patch_names_the_line_of_the_kustomization() {
    let missing = "ConfigMap \"x\"";
    for patches in [
        "patches:\n- patch: |-\n    apiVersion: v1 #<!\n    kind: ConfigMap\n    metadata: {name: x}\n",
        "patches:\n- patch: |\n\n    # of x\n    apiVersion: v1 #<!\n    kind: ConfigMap\n    metadata: {name: x}\n",
        "patches:\r\n- patch: |\r\n    apiVersion: v1 #<!\r\n    kind: ConfigMap\r\n    metadata: {name: x}\r\n",
        "patches:\n- patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\" #<!\n",
        "patchesStrategicMerge:\n- a.yaml\n- |-\n  apiVersion: v1 #<!\n  kind: ConfigMap\n  metadata: {name: x}\n",
    ] {
        let text = format!("resources:\n- r.yaml\n{patches}");
        let empty = ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n");
        check(&[("kustomization.yaml", &text), MAP, empty], "no resource matches", missing);
    }
}

#[test]
fn operations_of_a_json_patch_name_their_line() {
    let target = "  target: {kind: ConfigMap}\n";
    let written = format!(
        "resources: [r.yaml]\npatches:\n- patch: |-\n    - {{op: add, path: /data/x, value: y}}\n    - op: remove #<!\n      path: /data/none\n{target}"
    );
    check(&[("kustomization.yaml", &written), MAP], "operation 2 (remove)", "ConfigMap \"m\"");
    let json = format!("resources: [r.yaml]\npatches:\n- path: p.json\n{target}");
    let patch = "[\n  {\"op\": \"add\", \"path\": \"/data/x\", \"value\": \"y\"},\n  {\"op\": \"replace\", \"path\": \"/no/x\"} #<!\n]\n";
    check(&[("kustomization.yaml", &json), MAP, ("p.json", patch)], "operation 2", "ConfigMap \"m\"");
    let old = "resources: [r.yaml]\npatchesJson6902:\n- path: p.yaml\n  target: {version: v1, kind: ConfigMap, name: m}\n";
    let patch = "# first\n- op: none #<!\n  path: /a\n";
    check(&[("kustomization.yaml", old), MAP, ("p.yaml", patch)], "none", "ConfigMap \"m\"");
}

#[test]
fn patch_files_name_their_own_line() {
    let text = "resources: [r.yaml]\npatches: [{path: p.yaml}]\n";
    for (patch, message, object) in [
        (
            "# p\napiVersion: v1 #<!\nkind: ConfigMap\nmetadata: {name: x}\n",
            "no resource matches",
            "ConfigMap \"x\"",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n- a #<!\n",
            "a mapping",
            "ConfigMap \"m\"",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  $patch: drop #<!\n",
            "drop",
            "ConfigMap \"m\"",
        ),
        ("apiVersion: v1\nkind: ConfigMap #<!\nmetadata: {name: m}\nkind: Secret\n", "already defined", ""),
        ("apiVersion: v1\nmetadata: {name: m} \n", "missing kind", ""),
    ] {
        if patch.contains(MARK) && !message.contains("already") {
            check(&[("kustomization.yaml", text), MAP, ("p.yaml", patch)], message, object);
        } else {
            let diagnostic = error(&[("kustomization.yaml", text), MAP, ("p.yaml", patch)]);
            assert_eq!(diagnostic.place.file.as_deref(), Some("p.yaml"), "{diagnostic:#?}");
        }
    }
}

#[test]
fn a_field_of_the_wrong_kind_names_the_file_that_it_was_read_from() {
    let images = "resources: [r.yaml]\npatches: [{path: p.yaml}]\nimages:\n- name: a\n  newTag: b\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: [a] #<!\n";
    let patch = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\n";
    let tree = [("kustomization.yaml", images), ("r.yaml", pod), ("p.yaml", patch)];
    check(&tree, "a scalar", "Pod \"p\"");
    let diagnostic = error(&tree);
    assert_eq!(diagnostic.trail, ["images[0] in kustomization.yaml:4"]);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n";
    let patch = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\n\n\nspec:\n  containers:\n  - name: c\n    image: {a: b} #<!\n";
    check(&[("kustomization.yaml", images), ("r.yaml", pod), ("p.yaml", patch)], "a scalar", "Pod \"p\"");
    let labels = "resources: [r.yaml]\ncommonLabels: {a: b}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\n  labels: x #<!\n";
    check(&[("kustomization.yaml", labels), ("r.yaml", map)], "a mapping", "ConfigMap \"m\"");
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: m\n    labels: x #<!\n";
    check(&[("kustomization.yaml", labels), ("r.yaml", list)], "a mapping", "ConfigMap \"m\"");
}

#[test]
fn replacements_name_source_and_target() {
    let head = "resources: [r.yaml]\nreplacements:\n";
    for (entry, message, object) in [
        (
            "- source: #<!\n    kind: None\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.a]\n",
            "nothing selected",
            "",
        ),
        (
            "- source:\n    kind: ConfigMap\n    fieldPath: data.none #<!\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [data.a]\n",
            "data.none",
            "ConfigMap \"m\"",
        ),
        (
            "- source: {kind: ConfigMap, fieldPath: data.a}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths:\n    - data.a\n    - data.none #<!\n",
            "data.none",
            "ConfigMap \"m\"",
        ),
        ("- source: {kind: ConfigMap} #<!\n", "at least one target", ""),
        (
            "- source: {kind: ConfigMap, fieldPath: data.a}\n  targets:\n  - fieldPaths: [data.a] #<!\n",
            "must specify resources to select",
            "",
        ),
    ] {
        let text = format!("{head}{entry}");
        check(&[("kustomization.yaml", &text), MAP], message, object);
        let entry = entry.replace(MARK, "");
        let in_file = [
            ("kustomization.yaml", "resources: [r.yaml]\nreplacements:\n- path: x.yaml\n"),
            MAP,
            ("x.yaml", &format!("# of a file\n{entry}")),
        ];
        assert_eq!(error(&in_file).place.file.as_deref(), Some("x.yaml"));
        assert_eq!(error(&in_file).place.line, Some(marked(&[("kustomization.yaml", &text)]).1 - 1));
    }
}

#[test]
fn generators_name_the_entry_and_the_file() {
    let check = |generator: &str, files: Tree<'_>, message: &str, object: &str| {
        let text = format!("resources: [r.yaml]\n{generator}");
        let tree: Vec<(&str, &str)> =
            [("kustomization.yaml", text.as_str()), MAP].into_iter().chain(files.iter().copied()).collect();
        check(&tree, message, object);
    };
    let map = "ConfigMap \"g\"";
    check(
        "configMapGenerator:\n- name: g\n  literals:\n  - a=b\n  - broken #<!\n",
        &[],
        "invalid literal",
        map,
    );
    check("configMapGenerator:\n- name: g\n  literals:\n  - a=b\n  - a=c #<!\n", &[], "repeats the key", map);
    check("secretGenerator:\n- name: g\n  files:\n  - a.txt=b=c #<!\n", &[], "contains '='", "Secret \"g\"");
    check("configMapGenerator:\n- name: g\n  envs:\n  - none.env #<!\n", &[], "none.env", map);
    check("configMapGenerator:\n- name: g\n  env: none.env #<!\n", &[], "none.env", map);
    check("configMapGenerator:\n- literals: [a=b] #<!\n", &[], "must have a name", "");
    check("configMapGenerator:\n- name: g #<!\n  behavior: merge\n", &[], "cannot merge it", map);
    check("configMapGenerator:\n- name: m #<!\n", &[], "exists already", "ConfigMap \"m\"");
    let env = [("g.env", "A=1\n# two\nA=2 #<!\n")];
    check("configMapGenerator:\n- {name: g, envs: [g.env]}\n", &env, "repeats the key", map);
}

#[test]
fn a_generator_that_changes_an_object_of_another_namespace_names_that_namespace() {
    let map = ("r.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: g, namespace: other}\n");
    let text = "resources: [r.yaml]\nconfigMapGenerator:\n- name: g\n  behavior: merge\n  literals: [a=b]\n";
    let diagnostic = error(&[("kustomization.yaml", text), map]);
    let hint = diagnostic.hint.unwrap_or_default();
    assert!(hint.contains("namespace \"other\""), "{hint}");
}

#[test]
fn a_generator_that_changes_a_missing_object_gets_a_hint() {
    for (generators, resource, says) in [
        ("configMapGenerator", "kind: Secret\nmetadata: {name: g}\n", "`secretGenerator` changes"),
        ("secretGenerator", "kind: ConfigMap\nmetadata: {name: g}\n", "`configMapGenerator` changes"),
        ("configMapGenerator", "kind: ConfigMap\nmetadata: {name: gg}\n", "did you mean \"gg\""),
        ("configMapGenerator", "kind: ConfigMap\nmetadata: {name: settings}\n", "generate it in a base"),
    ] {
        let resource = format!("apiVersion: v1\n{resource}");
        let text = format!(
            "resources: [r.yaml]\n{generators}:\n- name: g\n  behavior: replace\n  literals: [a=b]\n"
        );
        let diagnostic = error(&[("kustomization.yaml", &text), ("r.yaml", &resource)]);
        let hint = diagnostic.hint.unwrap_or_default();
        assert!(hint.contains(says), "{resource}: {hint}");
    }
}

#[test]
fn configurations_plugins_and_variables_name_their_line() {
    let head = "resources: [r.yaml]\n";
    for (text, files, message) in [
        ("configurations: [c.yaml]\n", [("c.yaml", "images:\n- path: a\n  knd: A #<!\n")], "unknown field"),
        ("crds: [c.yaml]\n", [("c.yaml", "- a #<!\n")], "a mapping of type names"),
        (
            "transformers: [c.yaml]\n",
            [("c.yaml", "apiVersion: builtin #<!\nkind: None\nmetadata: {name: x}\n")],
            "None",
        ),
        (
            "transformers: [c.yaml]\n",
            [(
                "c.yaml",
                "apiVersion: builtin\nkind: ReplicaCountTransformer\nmetadata: {name: x}\nreplica:\n  count: many #<!\n",
            )],
            "whole number",
        ),
        (
            "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  patch: |-\n    - op: remove #<!\n      path: /none/x\n  target: {kind: ConfigMap}\n",
            [("c.yaml", "")],
            "operation 1",
        ),
        (
            "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n  literals:\n  - broken #<!\n",
            [("c.yaml", "")],
            "invalid literal",
        ),
        (
            "vars:\n- name: A\n  objref: #<!\n    kind: None\n    name: none\n    apiVersion: v1\n",
            [("c.yaml", "")],
            "var 'A'",
        ),
        (
            "vars:\n- name: A\n  objref: {kind: ConfigMap, name: m, apiVersion: v1}\n  fieldref: {fieldPath: data.none} #<!\n",
            [("c.yaml", "")],
            "data.none",
        ),
    ] {
        let text = format!("{head}{text}");
        let tree = [("kustomization.yaml", text.as_str()), MAP, files[0]];
        let diagnostic = error(&tree);
        points_at_the_mark(&tree, &diagnostic);
        assert!(diagnostic.message.contains(message), "{diagnostic:#?}");
    }
}

#[test]
fn errors_in_bases_and_components_name_their_file_and_have_a_trail() {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    let broken = format!("{component}patches:\n- path: none.yaml #<!\n");
    let tree = [
        ("top/kustomization.yaml", "namePrefix: a-\nresources:\n- ../mid\n"),
        ("mid/kustomization.yaml", "resources:\n- ../base\ncomponents:\n- ../part\n"),
        ("base/kustomization.yaml", "resources: [r.yaml]\n"),
        ("base/r.yaml", MAP.1),
        ("part/kustomization.yaml", broken.as_str()),
    ];
    check(&tree, "none.yaml", "");
    assert_eq!(
        error(&tree).trail,
        [
            "base mid, listed in top/kustomization.yaml:3",
            "component part, listed in mid/kustomization.yaml:4"
        ]
    );
    let tree = [
        ("top/kustomization.yaml", "resources:\n- ../part #<!\n"),
        ("part/kustomization.yaml", &format!("{component}commonLabels: {{a: b}}\n")),
    ];
    points_at_the_mark(&tree, &error(&tree));
    let tree = [
        ("top/kustomization.yaml", "resources:\n- ../a\n- ../b\n"),
        ("a/kustomization.yaml", "resources: [r.yaml]\n"),
        ("a/r.yaml", MAP.1),
        ("b/kustomization.yaml", "resources: [r.yaml]\n"),
        ("b/r.yaml", "# the same\napiVersion: v1 #<!\nkind: ConfigMap\nmetadata: {name: m}\n"),
    ];
    check(&tree, "already registered", "ConfigMap \"m\"");
}

#[test]
fn a_component_that_is_built_alone_gets_a_hint() {
    let text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: p.yaml\n";
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    let hint = error(&[("kustomization.yaml", text), ("p.yaml", patch)]).hint.unwrap_or_default();
    assert!(hint.contains("`components:`"), "{hint}");
}

#[test]
fn errors_about_charts_name_the_entry_of_the_chart() {
    let chart = ("charts/c/Chart.yaml", "name: c\n");
    let values = ("charts/c/values.yaml", "a: {b: 1}\nlist: {}\n");
    for (text, message) in [
        ("helmCharts:\n- releaseName: x #<!\n", "chart name"),
        ("helmCharts:\n- name: c\n  valuesMerge: all #<!\n", "valuesMerge"),
        ("helmCharts:\n- name: c\n  valuesFile: none.yaml #<!\n", "none.yaml"),
        ("helmCharts:\n- name: c\n  additionalValuesFiles:\n  - none.yaml #<!\n", "none.yaml"),
        ("helmCharts:\n- name: c\n  valuesInline:\n    a:\n      b: 2\n    list:\n    - x #<!\n", "`list`"),
        ("helmCharts:\n- name: c\n  valuesInline: {a: {b: 1},\n    list: [x]} #<!\n", "`list`"),
        ("helmCharts:\n- name: d #<!\n  version: 1.2.3\n  repo: https://h.example\n", "charts/d-1.2.3"),
    ] {
        let tree = [("kustomization.yaml", text), chart, values];
        let diagnostic = error(&tree);
        points_at_the_mark(&tree, &diagnostic);
        let hint = diagnostic.hint.clone().unwrap_or_default();
        assert!(diagnostic.message.contains(message) || hint.contains(message), "{diagnostic:#?}");
    }
}

#[test]
fn an_object_of_a_chart_that_refers_to_a_renamed_object_gets_a_warning() {
    let text =
        "namespace: n1\nhelmCharts:\n- name: c #<!\nconfigMapGenerator:\n- {name: cfg, literals: [a=b]}\n";
    let tree = [
        ("kustomization.yaml", text),
        ("charts/c/Chart.yaml", "name: c\n"),
        ("charts/c/values.yaml", "a: b\n"),
    ];
    let warnings = run(&tree).expect("it builds").warnings;
    let [warning, _] = &warnings[..] else { panic!("{warnings:#?}") };
    points_at_the_mark(&tree, warning);
    assert!(warning.message.contains("\"cfg\""), "{warning:#?}");
    let same = text.replace("namespace: n1\n", "");
    let tree = [("kustomization.yaml", same.as_str()), tree[1], tree[2]];
    assert!(run(&tree).expect("it builds").warnings.is_empty());
}

#[test]
fn a_custom_resource_that_refers_to_a_renamed_object_gets_a_warning() {
    let text = "resources: [r.yaml]\nnamespace: n1\nconfigMapGenerator:\n- {name: cfg, literals: [a=b]}\n\
                secretGenerator:\n- {name: key, literals: [a=b]}\n";
    for (field, path) in [
        (
            "template: {spec: {volumes: [{configMap: {name: cfg}}]}}",
            "spec.template.spec.volumes[0].configMap.name",
        ),
        ("envFrom: [{secretRef: {name: key}}]", "spec.envFrom[0].secretRef.name"),
        ("imagePullSecrets: [{name: key}]", "spec.imagePullSecrets[0].name"),
        ("valuesFrom: [{kind: ConfigMap, name: cfg}]", "spec.valuesFrom[0].name"),
        ("tls: {secretName: key}", "spec.tls.secretName"),
    ] {
        let object = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: r}}\nspec:\n  {field} #<!\n"
        );
        let tree = [("kustomization.yaml", text), ("r.yaml", object.as_str())];
        let warnings = run(&tree).expect("it builds").warnings;
        let [warning] = &warnings[..] else { panic!("{field}: {warnings:#?}") };
        points_at_the_mark(&tree, warning);
        assert_eq!(warning.place.path.as_deref(), Some(path));
        assert!(warning.message.contains("stays"), "{warning:#?}");
        let off = format!("{text}generatorOptions: {{disableNameSuffixHash: true}}\n");
        assert!(
            run(&[("kustomization.yaml", off.as_str()), tree[1]]).expect("it builds").warnings.is_empty()
        );
        let config =
            "nameReference:\n- {kind: ConfigMap, version: v1, fieldSpecs: [{kind: Rollout, path: spec/x}]}\n";
        let listed = format!("{text}configurations: [c.yaml]\n");
        let tree = [("kustomization.yaml", listed.as_str()), tree[1], ("c.yaml", config)];
        assert!(run(&tree).expect("it builds").warnings.is_empty());
    }
}

#[test]
fn objects_of_charts_that_get_no_namespace_get_a_warning() {
    let chart = [("base/charts/c/Chart.yaml", "name: c\n"), ("base/charts/c/values.yaml", "a: b\n")];
    let base = ("base/kustomization.yaml", "helmCharts:\n- name: c #<!\n");
    let tree = [("kustomization.yaml", "namespace: n1\nresources: [base]\n"), base, chart[0], chart[1]];
    let warnings = run(&tree).expect("it builds").warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    points_at_the_mark(&tree, warning);
    assert!(warning.message.contains("Pod \"p\"") && warning.message.contains("n1"), "{warning:#?}");
    let tree = [("kustomization.yaml", "resources: [base]\n"), base, chart[0], chart[1]];
    assert!(run(&tree).expect("it builds").warnings.is_empty());
}

#[test]
fn a_directive_that_stays_in_the_output_gets_a_warning() {
    let object = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {list: [{name: a}]}\n";
    let patch = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec:\n  list:\n  - name: a\n    $patch: delete #<!\n";
    let tree = [
        ("kustomization.yaml", "resources: [r.yaml]\npatches: [{path: p.yaml}]\n"),
        ("r.yaml", object),
        ("p.yaml", patch),
    ];
    let warnings = run(&tree).expect("it builds").warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    points_at_the_mark(&tree, warning);
    assert_eq!(warning.place.path.as_deref(), Some("spec.list[0].$patch"));
    assert_eq!(warning.object.as_ref().map(ToString::to_string).as_deref(), Some("Thing \"t\""));
}

#[test]
fn deprecated_fields_name_their_line() {
    let text = "resources: [r.yaml]\n# old\ncommonLabels: #<!\n  a: b\n";
    let tree = [("kustomization.yaml", text), MAP];
    let warnings = run(&tree).expect("it builds").warnings;
    points_at_the_mark(&tree, &warnings[0]);
}

#[test]
fn nodes_of_the_result_have_the_file_that_they_were_read_from() {
    let text = "resources: [r.yaml]\npatches:\n- path: p.yaml\nconfigMapGenerator:\n- name: g\n  literals:\n  - x=y\n  envs: [g.env]\n";
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  new: n\n";
    let built = run(&[("kustomization.yaml", text), MAP, ("p.yaml", patch), ("g.env", "#\nE=1\n")])
        .expect("it builds");
    let place = |document: usize, key: &str| {
        let document = &built.documents[document];
        let keyfill_yaml::Body::Tree(node) = &document.body else { panic!("it is a tree") };
        let location = node.at(&["data", key]).expect("it is there").location();
        let file = location.file().index().and_then(|n| document.origin.files.get(n));
        format!("{}:{}", file.map_or("", |name| name), location.line())
    };
    let origin = |document: usize| {
        let origin = &built.documents[document].origin;
        format!("{}:{}", origin.file.as_deref().unwrap_or_default(), origin.line)
    };
    let (generated, merged) = if origin(0).starts_with("kustomization") { (0, 1) } else { (1, 0) };
    assert_eq!((place(merged, "a"), place(merged, "new")), ("r.yaml:6".into(), "p.yaml:5".into()));
    assert_eq!(origin(generated), "kustomization.yaml:5");
    assert_eq!(
        (place(generated, "x"), place(generated, "E")),
        ("kustomization.yaml:7".into(), "g.env:2".into())
    );
}
