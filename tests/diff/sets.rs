//! ApplicationSets: which apps their generators make, as Argo CD makes them.

use crate::apps::{OWN, repository};
use crate::texts;
use serde_json::{Value, json};

/// What is shown for a set that is added to the repository, with further files.
fn shown(set: &Value, files: &[(&str, &str)]) -> Option<Value> {
    let made = repository(&[])?;
    files.iter().for_each(|(path, text)| made.put(path, text));
    made.commit();
    made.put("argocd/set.yaml", set.to_string());
    made.commit();
    Some(made.json(&["--apps"]))
}

/// A set of these generators whose apps have a name and a path.
fn set(go: bool, generators: impl Into<Value>, name: &str, path: &str) -> Value {
    let generators: Value = generators.into();
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "set"},
        "spec": {"goTemplate": go, "generators": generators, "template": {
            "metadata": {"name": name},
            "spec": {"source": {"repoURL": OWN, "path": path}, "destination": {"namespace": "n"}},
        }},
    })
}

/// A list of maps.
fn list(elements: impl Into<Value>) -> Value {
    let elements: Value = elements.into();
    json!({"list": {"elements": elements}})
}

fn names(shown: &Value) -> Vec<String> {
    texts(&shown["roots"], "/name").iter().map(|name| name.trim_start_matches("app ").to_owned()).collect()
}

#[test]
fn sets_make_apps_of_lists_folders_and_files() {
    let directories = json!([{"git": {"repoURL": OWN, "directories": [{"path": "sets/*"}, {"path": "sets/not", "exclude": true}]}}]);
    let files = json!([{"git": {"repoURL": OWN, "files": [{"path": "clusters/*.yaml"}]}}]);
    let list = json!([{"list": {"elements": [{"name": "one"}, {"name": "two"}]}}]);
    let matrix = json!([{"matrix": {"generators": [list[0], files[0]]}}]);
    let cluster = json!([{"clusters": {}}]);
    for (go, generators, name, path, want, notes) in [
        (false, &directories, "{{path.basename}}", "{{path}}", vec!["app one", "app two"], 0),
        (
            true,
            &directories,
            "{{ .path.basename | upper }}",
            "{{ .path.path }}",
            vec!["app ONE", "app TWO"],
            0,
        ),
        (false, &list, "l-{{name}}", "sets/{{name}}", vec!["app l-one", "app l-two"], 0),
        (true, &list, "{{ .name }}", "sets/{{ .name }}", vec!["app one", "app two"], 0),
        (false, &files, "{{cluster.name}}-{{cluster.size}}", "plain", vec!["app east-3", "app west-5"], 0),
        (
            true,
            &files,
            "{{ .cluster.name }}{{ .path.filenameNormalized }}",
            "plain",
            vec!["app easteast.yaml", "app westwest.yaml"],
            0,
        ),
        (
            true,
            &matrix,
            "{{ .name }}-{{ .cluster.name }}",
            "sets/{{ .name }}",
            vec!["app one-east", "app one-west", "app two-east", "app two-west"],
            0,
        ),
        (false, &cluster, "{{name}}", "plain", vec![], 1),
    ] {
        let Some(json) = shown(&set(go, generators.clone(), name, path), &[]) else { return };
        assert_eq!(texts(&json["roots"], "/name"), want, "{name}: {json:#}");
        assert_eq!(json["notes"].as_array().map(Vec::len), Some(notes), "{name}: {json:#}");
    }
}

#[test]
fn a_matrix_is_written_with_the_parameters_of_its_first_generator() {
    let first = list(json!([{"name": "one", "from": "east"}, {"name": "two", "from": "west"}]));
    let second = |path: &str| json!({"git": {"repoURL": OWN, "files": [{"path": path}]}});
    let values = json!({"git": {"repoURL": OWN, "directories": [{"path": "sets/{{ .name }}"}], "values": {"key": "{{ .name }}"}}});
    let yaml = json!({"list": {"elementsYaml": "{{ .items | toJson }}"}});
    let items = list(json!([{"name": "one", "items": [{"of": "a"}, {"of": "b"}]}]));
    for (go, generators, name, want) in [
        (
            false,
            [first.clone(), second("clusters/{{from}}.yaml")],
            "{{name}}-{{cluster.name}}",
            vec!["one-east", "two-west"],
        ),
        (
            true,
            [first.clone(), second("clusters/{{ .from }}.yaml")],
            "{{ .name }}-{{ .cluster.name }}",
            vec!["one-east", "two-west"],
        ),
        (true, [first.clone(), values], "{{ .values.key }}-{{ .path.basename }}", vec!["one-one", "two-two"]),
        (true, [items, yaml], "{{ .name }}-{{ .of }}", vec!["one-a", "one-b"]),
        // What both give is that of the first.
        (
            true,
            [list(json!([{"name": "x", "m": {"a": "1"}}])), list(json!([{"name": "y", "m": {"b": "2"}}]))],
            "{{ .name }}{{ .m.a }}{{ .m.b }}",
            vec!["x12"],
        ),
    ] {
        let generators = json!([{"matrix": {"generators": generators}}]);
        let Some(json) = shown(&set(go, generators, name, "plain"), &[]) else { return };
        assert_eq!(
            (names(&json), &json["notes"]),
            (want.iter().map(|name| (*name).to_owned()).collect(), &json!([])),
            "{name}"
        );
    }
    let prefixed = |prefix: &str, path: &str| json!({"git": {"repoURL": OWN, "pathParamPrefix": prefix, "directories": [{"path": path}]}});
    let two =
        json!([{"matrix": {"generators": [prefixed("app", "sets/one"), prefixed("cluster", "plain/*")]}}]);
    for (go, name) in [
        (true, "{{ .app.path.basename }}-{{ index .cluster.path.segments 1 }}"),
        (false, "{{app.path.basename}}-{{cluster.path[1]}}"),
    ] {
        let Some(json) = shown(&set(go, two.clone(), name, "plain"), &[]) else { return };
        assert_eq!(names(&json), ["one-below"], "{json:#}");
    }
}

#[test]
fn a_merge_takes_what_later_generators_give_for_the_same_keys() {
    let base = list(json!([{"name": "one", "tier": "low", "m": {"a": "1"}}, {"name": "two", "tier": "low"}]));
    let over = list(json!([{"name": "two", "tier": "high"}, {"name": "nobody", "tier": "x"}]));
    let last = list(json!([{"name": "one", "m": {"b": "2"}}]));
    let merge =
        |keys: Value, generators: Value| json!([{"merge": {"mergeKeys": keys, "generators": generators}}]);
    let Some(json) = shown(
        &set(
            true,
            merge(json!(["name"]), json!([base, over, last])),
            "{{ .name }}-{{ .tier }}{{ with .m }}{{ .a }}{{ .b }}{{ end }}",
            "plain",
        ),
        &[],
    ) else {
        return;
    };
    assert_eq!(names(&json), ["one-low12", "two-high"], "{json:#}");
    let flat = list(json!([{"name": "one", "tier": "low"}]));
    let Some(json) =
        shown(&set(false, merge(json!(["name"]), json!([flat, over])), "{{name}}-{{tier}}", "plain"), &[])
    else {
        return;
    };
    assert_eq!(names(&json), ["one-low"], "{json:#}");
    for (generators, words) in [
        (merge(json!([]), json!([base, over])), "a merge needs mergeKeys"),
        (merge(json!(["tier"]), json!([base, over])), "twice"),
        (merge(json!(["name"]), json!([base])), "two generators"),
        (merge(json!(["name"]), json!([base, {"clusters": {}}])), "the generator clusters is not followed"),
        (merge(json!(["name"]), json!([base, {}])), "has to be one generator"),
    ] {
        let Some(json) = shown(&set(true, generators, "{{ .name }}", "plain"), &[]) else { return };
        assert!(
            names(&json).is_empty() && json["notes"][0].as_str().is_some_and(|note| note.contains(words)),
            "{words}: {json:#}"
        );
    }
}

#[test]
fn a_selector_leaves_sets_of_parameters_out() {
    let files = |selector: Value| json!([{"git": {"repoURL": OWN, "files": [{"path": "clusters/*.yaml"}]}, "selector": selector}]);
    for (go, selector, want) in [
        (true, json!({"matchLabels": {"cluster.name": "east"}}), vec!["east"]),
        (
            false,
            json!({"matchExpressions": [{"key": "cluster.size", "operator": "NotIn", "values": ["3"]}]}),
            vec!["west"],
        ),
    ] {
        let name = if go { "{{ .cluster.name }}" } else { "{{cluster.name}}" };
        let Some(json) = shown(&set(go, files(selector), name, "plain"), &[]) else { return };
        assert_eq!(names(&json), want, "{json:#}");
    }
    // In a nested generator too.
    let inner = json!([{"list": {"elements": [{"name": "a"}, {"name": "b"}]}, "selector": {"matchLabels": {"name": "b"}}}, list(json!([{"x": "1"}]))]);
    let Some(json) =
        shown(&set(true, json!([{"matrix": {"generators": inner}}]), "{{ .name }}{{ .x }}", "plain"), &[])
    else {
        return;
    };
    assert_eq!(names(&json), ["b1"], "{json:#}");
}

#[test]
fn a_generators_template_is_laid_over_the_sets() {
    let generator = json!([{"list": {"elements": [{"name": "one"}], "template": {
        "metadata": {}, "spec": {"project": "", "destination": {}, "source": {"path": "sets/{{ .name }}", "repoURL": ""}},
    }}}]);
    let Some(json) = shown(&set(true, generator, "{{ .name }}", "plain"), &[]) else { return };
    assert_eq!(
        (names(&json), texts(&json["roots"][0]["objects"], "/name")),
        (vec!["one".to_owned()], vec!["set-one".to_owned()])
    );
}

#[test]
fn a_template_patch_changes_the_app_that_the_template_made() {
    let elements = json!([
        {"name": "small", "files": []}, {"name": "large", "files": ["prod.yaml", "prod-named.yaml"], "replicas": 3},
    ]);
    let with = |patch: &str, go: bool| {
        let name = if go { "{{ .name }}" } else { "{{name}}" };
        let elements = if go { elements.clone() } else { json!([{"name": "small"}]) };
        let mut made = set(go, json!([list(elements)]), name, "chart");
        made["spec"]["templatePatch"] = patch.into();
        made["spec"]["template"]["spec"]["source"]["helm"] = json!({"skipCrds": true});
        made
    };
    let patch = "{{- if .files }}\nspec:\n  source:\n    helm:\n      valueFiles:\n      {{- range .files }}\n      - {{ . }}\n      {{- end }}\n{{- end }}\n";
    let Some(json) = shown(&with(patch, true), &[]) else { return };
    assert_eq!(
        (names(&json), &json["notes"]),
        (vec!["large".to_owned(), "small".to_owned()], &json!([])),
        "{json:#}"
    );
    let of = |app: usize| &json["roots"][app]["objects"][0]["content"]["data"];
    assert_eq!((&of(0)["a"], &of(0)["b"]), (&json!("prod"), &json!("named")));
    assert_eq!((&of(1)["a"], &of(1)["b"]), (&json!("default"), &json!("default")));
    for (patch, go, path, want) in [
        (
            r#"{"spec": {"source": {"helm": {"valuesObject": {"a": "{{ .name }}"}}}}}"#,
            true,
            "/objects/0/content/data/a",
            "large",
        ),
        (
            r#"[{"op": "add", "path": "/spec/source/helm/values", "value": {{ printf "b: %s" .name | toJson }}}]"#,
            true,
            "/objects/0/content/data/b",
            "large",
        ),
        ("metadata: {name: '{{ .name | upper | normalize }}-x'}", true, "/name", "app large-x"),
        ("spec: {destination: {namespace: other}}", true, "/objects/0/namespace", "other"),
        ("spec: {source: {path: sets/one, helm: null}}", true, "/objects/0/name", "set-one"),
        ("spec: {source: {helm: {values: 'b: {{name}}'}}}", false, "/objects/0/content/data/b", "small"),
    ] {
        let Some(json) = shown(&with(patch, go), &[]) else { return };
        assert_eq!(json["roots"][0].pointer(path).and_then(Value::as_str), Some(want), "{patch}: {json:#}");
        assert_eq!(json["notes"], json!([]), "{patch}");
    }
    // What cannot be applied is said, and no app is shown with half of it.
    for (patch, words) in [
        ("spec: {a", "templatePatch"),
        ("{{ .name", "templatePatch"),
        ("{{ fail \"no\" }}", "no"),
        ("{{ env \"HOME\" }}", "env"),
        ("42", "neither a map nor a list of operations"),
        ("[{op: remove, path: /spec/nowhere}]", "nowhere"),
    ] {
        let Some(json) = shown(&with(patch, true), &[]) else { return };
        assert!(names(&json).is_empty() && json["notes"].to_string().contains(words), "{patch}: {json:#}");
    }
}

#[test]
fn a_template_patch_cannot_change_the_project_or_take_for_ever() {
    let with = |patch: &str| {
        let mut made = set(true, json!([list(json!([{"name": "a"}]))]), "{{ .name }}", "sets/one");
        made["spec"]["templatePatch"] = patch.into();
        made
    };
    let Some(made) = repository(&[]) else { return };
    made.put("argocd/set.yaml", with("spec: {project: other}").to_string());
    made.commit();
    assert_eq!(names(&made.json(&["--apps"])), ["a"]);
    // The patch says another project, and nothing else: no difference.
    made.put("argocd/set.yaml", with("spec: {project: another}").to_string());
    made.commit();
    assert_eq!(made.diff(&["HEAD~1", "HEAD", "--apps"]).code, Some(0));
    for patch in [
        "{{ range until 1000000 }}{{ range until 1000000 }}x{{ end }}{{ end }}",
        "{{ repeat 2000000000 \"spec: \" }}",
    ] {
        made.put("argocd/set.yaml", with(patch).to_string());
        made.commit();
        let start = std::time::Instant::now();
        let outcome = made.diff(&["HEAD~1", "HEAD", "--apps", "--deadline", "2s"]);
        assert!(start.elapsed() < std::time::Duration::from_secs(8), "{patch}: {:?}", start.elapsed());
        assert!(
            outcome.code != Some(0) || outcome.text().contains("templatePatch"),
            "{patch}: {}{}",
            outcome.text(),
            outcome.stderr
        );
    }
}

#[test]
fn options_of_go_templates_say_what_a_missing_key_is() {
    for (options, name, want, words) in [
        (json!([]), "a{{ .none }}", vec!["a<no value>"], ""),
        (json!(["missingkey=zero"]), "a{{ .none }}", vec!["a<no value>"], ""),
        (json!(["missingkey=error"]), "a{{ .none }}", vec![], "none"),
        (json!(["missingkey=error"]), "a{{ dig \"none\" \"x\" . }}", vec!["ax"], ""),
        (json!(["missingkey=maybe"]), "a", vec![], "missingkey=maybe"),
    ] {
        let mut made = set(true, json!([list(json!([{"name": "one"}]))]), name, "plain");
        made["spec"]["goTemplateOptions"] = options.clone();
        let Some(json) = shown(&made, &[]) else { return };
        assert_eq!(names(&json), want, "{options}: {json:#}");
        assert!(
            words.is_empty() == (json["notes"] == json!([])) && json["notes"].to_string().contains(words),
            "{json:#}"
        );
    }
}

#[test]
fn files_of_a_generator_match_across_folders_and_hold_maps_or_lists_of_maps() {
    let files = |path: &str| json!([{"git": {"repoURL": OWN, "files": [{"path": path}, {"path": "cfg/not*", "exclude": true}], "values": {"v": "{{ .path.basename }}"}}}]);
    let more = [
        ("cfg/a/config.json", r#"[{"name": "a1"}, {"name": "a2", "n": 1000000}]"#),
        ("cfg/b/c/config.json", r#"{"name": "b"}"#),
        ("cfg/not/config.json", r#"{"name": "not"}"#),
        ("cfg/empty/config.json", ""),
        ("bad/config.json", "a text"),
    ];
    let Some(json) =
        shown(&set(true, files("cfg/*.json"), "{{ .name }}-{{ .values.v }}{{ .n }}", "plain"), &more)
    else {
        return;
    };
    assert_eq!(
        names(&json),
        ["<no value>-empty<no value>", "a1-a<no value>", "a2-a1e+06", "b-c<no value>"],
        "{json:#}"
    );
    let Some(json) = shown(&set(true, files("bad"), "{{ .name }}", "plain"), &more) else { return };
    assert!(
        names(&json).is_empty() && json["notes"].to_string().contains("bad/config.json: it holds neither"),
        "{json:#}"
    );
}
