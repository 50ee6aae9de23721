//! `edit`: what changes, what stays, and that kustomize means the same.

use super::{keyfill, said};
use keyfill_testkit::{Run, oracle};

const KUSTOMIZATION: &str = "# our app\nresources:   [ deploy.yaml ]   # odd\n\nimages:\n  # the web server\n  - name: web\n    newTag: \"1.0\"   # ci sets this\n  - {name: db, newName: r.example/db, newTag: '9'}\ncommonAnnotations: {team: a}\nreplicas:\n- name: web\n  count: 2 # low\n";

/// The file after an edit that goes well.
#[track_caller]
fn edited(name: &str, text: &str, args: &[&str]) -> String {
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    let target = copy.path().join(name);
    std::fs::write(&target, text).expect("it can be written");
    let args: Vec<String> =
        args.iter().map(|arg| arg.replace("DIR", &copy.path().to_string_lossy())).collect();
    let outcome = Run::of(env!("CARGO_BIN_EXE_keyfill")).args(&args).run();
    said(&outcome, 0);
    std::fs::read_to_string(target).expect("it is there")
}

#[test]
fn an_image_of_a_kustomization_changes_and_no_other_byte() {
    let after = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "image", "DIR", "web:2.0"]);
    assert_eq!(after, KUSTOMIZATION.replace("\"1.0\"", "\"2.0\""));
    let after = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "image", "DIR", "db=*:10"]);
    assert_eq!(after, KUSTOMIZATION.replace("'9'", "'10'"));
    let after = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "image", "DIR", "new=r/new@sha256:aa"]);
    let added = "  - name: new\n    newName: r/new\n    digest: sha256:aa\n";
    assert_eq!(after, KUSTOMIZATION.replace("commonAnnotations", &format!("{added}commonAnnotations")));
}

#[test]
fn annotations_and_replicas_change_and_no_other_byte() {
    let after = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "replicas", "DIR", "web=5"]);
    assert_eq!(after, KUSTOMIZATION.replace("count: 2", "count: 5"));
    let after = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "annotation", "DIR", "build=7"]);
    assert_eq!(after, KUSTOMIZATION.replace("{team: a}", "{team: a, build: \"7\"}"));
}

#[test]
fn values_and_manifests_are_edited_too() {
    let values =
        "replicaCount: 1 # one\nimage:\n  repository: r/web\n  tag: v1\nsidecar:\n  image: r/side:1\n";
    let chart = |args: &[&str]| edited("values.yaml", values, args);
    assert_eq!(chart(&["edit", "image", "DIR/values.yaml", "r/web:v2"]), values.replace("v1", "v2"));
    assert_eq!(chart(&["edit", "image", "DIR/values.yaml", "r/side:2"]), values.replace("side:1", "side:2"));
    assert_eq!(
        chart(&["edit", "replicas", "DIR/values.yaml", "web=3"]),
        values.replace("Count: 1", "Count: 3")
    );
    let manifest = "# a\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n      - name: web\n        image: \"r/web:v1\" # x\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";
    let edit = |args: &[&str]| edited("web.yaml", manifest, args);
    assert_eq!(edit(&["edit", "image", "DIR", "r/web:v2"]), manifest.replace("web:v1", "web:v2"));
    assert_eq!(edit(&["edit", "annotation", "DIR", "a=b"]).matches("annotations: {a: \"b\"}").count(), 2);
}

#[test]
fn an_image_of_values_is_named_by_its_path() {
    let values =
        "web:\n  imageTag: v1 # set by CI\n  pic: r/web:v1\n  of: {repository: r/x, tag: v1}\n  n: [1]\n";
    let at = |path: &str, image: &str| {
        edited("values.yaml", values, &["edit", "image", "--at", path, "DIR/values.yaml", image])
    };
    assert_eq!(at("web.imageTag", "web:v2"), values.replace("imageTag: v1", "imageTag: v2"));
    assert_eq!(at("web.pic", "r/web:v2"), values.replace("r/web:v1", "r/web:v2"));
    assert_eq!(at("web.of", "x:v2"), values.replace("tag: v1", "tag: v2"));
    for (path, image) in
        [("web.n", "a:1"), ("web.none", "a:1"), ("web.n.7", "a:1"), ("", "a:1"), ("web.imageTag", "a=b:1")]
    {
        let outcome = keyfill(&["edit", "image", "--at", path, ".", image])
            .file("Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n")
            .file("values.yaml", values)
            .run();
        assert!(said(&outcome, 4).contains("holds nothing"), "{path}");
    }
}

#[test]
fn check_writes_nothing_and_says_what_would_change() {
    let check = |image: &str| {
        keyfill(&["edit", "image", "--check", ".", image]).file("kustomization.yaml", KUSTOMIZATION).run()
    };
    assert!(said(&check("web:2.0"), 4).contains("would be changed: ./kustomization.yaml"));
    said(&check("web:1.0"), 0);
    let missing = keyfill(&["edit", "image", "web.yaml", "other:2"])
        .file("web.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'a:1'}]}\n")
        .run();
    assert!(said(&missing, 4).contains("an image of that name"));
}

#[test]
fn kustomize_edit_set_image_means_the_same() {
    let Some(kustomize) = oracle("kustomize") else { return };
    for image in
        ["web:2.0", "web=r/web:3", "web@sha256:aa", "db:10", "db=*:10", "new=r/new:1.10", "web=r:5000/web"]
    {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("kustomization.yaml");
        std::fs::write(&place, KUSTOMIZATION).unwrap();
        let done = std::process::Command::new(&kustomize)
            .args(["edit", "set", "image", image])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(done.success(), "{image}");
        let images = |text: &str| {
            let all: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
            let mut images: Vec<String> = all["images"]
                .as_sequence()
                .unwrap()
                .iter()
                .map(|item| serde_json::to_value(item).unwrap().to_string())
                .collect();
            images.sort();
            images
        };
        let official = std::fs::read_to_string(&place).unwrap();
        let ours = edited("kustomization.yaml", KUSTOMIZATION, &["edit", "image", "DIR", image]);
        assert_eq!(images(&ours), images(&official), "{image}");
    }
}
