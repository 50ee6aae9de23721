//! What git does to files between two revisions.

use crate::{KEYFILL, Repository, git_in, texts};
use keyfill_testkit::Run;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: one}\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: two}\n";

#[test]
fn exit_codes_say_whether_there_is_a_difference() {
    let Some(made) = Repository::of(&[&[("a.yaml", Some(MAP))], &[("a.yaml", Some(OTHER))]]) else { return };
    let same = made.diff(&["HEAD", "HEAD"]);
    assert_eq!((same.code, same.stderr.as_str()), (Some(0), ""), "{}", same.text());
    assert!(same.text().contains("no difference"));
    let other = made.diff(&["HEAD~1", "HEAD"]);
    assert_eq!((other.code, other.stderr.as_str()), (Some(1), ""), "{}", other.text());
    assert!(other.text().contains("data.k: one -> two"), "{}", other.text());
    assert_eq!(made.diff(&["nope"]).code, Some(2));
    assert_eq!(made.diff(&["HEAD~1", "--nope"]).code, Some(2));
    let outside = Run::of(KEYFILL).args(["diff", "HEAD"]).run();
    assert_eq!(outside.code, Some(2), "{}", outside.stderr);
}

#[test]
fn a_comment_or_another_order_of_keys_is_no_difference() {
    let reordered = "# a comment\nkind: ConfigMap\napiVersion: v1\ndata:\n  k: 'one'\nmetadata: {name: a}\n";
    let Some(made) = Repository::of(&[&[("a.yaml", Some(MAP))], &[("a.yaml", Some(reordered))]]) else {
        return;
    };
    let outcome = made.diff(&["HEAD~1", "HEAD"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
}

#[test]
fn the_work_tree_is_compared_when_no_newer_side_is_named() {
    let Some(made) = Repository::of(&[&[("a.yaml", Some(MAP))]]) else { return };
    made.put("a.yaml", OTHER);
    made.put("new.yaml", MAP.replace("name: a", "name: untracked"));
    let outcome = made.diff(&["HEAD"]);
    assert_eq!(outcome.code, Some(1));
    let text = outcome.text();
    assert!(text.contains("one -> two") && text.contains("+ ConfigMap untracked"), "{text}");
    assert!(text.contains("the work tree"), "{text}");
    // Nothing was written.
    assert_eq!(made.git(&["status", "--porcelain"]), "M a.yaml\n?? new.yaml");
}

#[test]
fn only_roots_that_the_change_reaches_are_rendered() {
    let overlay = "resources: [../../base]\n";
    let Some(made) = Repository::of(&[
        &[
            ("base/kustomization.yaml", Some("resources: [m.yaml]\n")),
            ("base/m.yaml", Some(MAP)),
            ("apps/one/kustomization.yaml", Some(&format!("namePrefix: one-\n{overlay}"))),
            ("apps/two/kustomization.yaml", Some(&format!("namePrefix: two-\n{overlay}"))),
            ("apps/alone/kustomization.yaml", Some("resources: [m.yaml]\n")),
            ("apps/alone/m.yaml", Some(MAP)),
        ],
        &[("base/m.yaml", Some(OTHER))],
    ]) else {
        return;
    };
    let json = made.json(&[]);
    assert_eq!(texts(&json["roots"], "/name"), ["apps/one", "apps/two"]);
    assert_eq!(json["rootsRendered"], 2);
    let one = made.path().canonicalize().expect("a path").join("apps/one");
    let one = made.json(&["--", one.to_str().expect("UTF-8")]);
    assert_eq!(texts(&one["roots"], "/name"), ["apps/one"]);
}

#[test]
fn a_file_that_was_renamed_changes_nothing_and_a_root_that_moved_is_one_root() {
    let Some(made) = Repository::of(&[
        &[
            ("a/kustomization.yaml", Some("resources: [m.yaml]\n")),
            ("a/m.yaml", Some(MAP)),
            ("a/n.txt", Some("x")),
        ],
        &[
            ("a/kustomization.yaml", Some("resources: [other.yaml]\n")),
            ("a/m.yaml", None),
            ("a/other.yaml", Some(MAP)),
        ],
        &[
            ("a/kustomization.yaml", None),
            ("a/other.yaml", None),
            ("a/n.txt", None),
            ("b/kustomization.yaml", Some("resources: [other.yaml]\n")),
            ("b/other.yaml", Some(OTHER)),
            ("b/n.txt", Some("x")),
        ],
    ]) else {
        return;
    };
    assert_eq!(made.diff(&["HEAD~2", "HEAD~1"]).code, Some(0));
    let json = made.json(&[]);
    assert_eq!(texts(&json["roots"], "/name"), ["a => b"]);
    assert_eq!(texts(&json["roots"][0]["objects"], "/change"), ["changed"]);
}

#[test]
fn a_merge_base_leaves_out_what_others_did() {
    let Some(made) = Repository::of(&[&[("a.yaml", Some(MAP))]]) else { return };
    made.git(&["checkout", "-q", "-b", "side"]);
    made.put("mine.yaml", MAP.replace("name: a", "name: mine"));
    made.commit();
    made.git(&["checkout", "-q", "main"]);
    made.put("a.yaml", OTHER);
    made.commit();
    let names = |range: &str| {
        let outcome = made.diff(&[range, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
        texts(&json["roots"][0]["objects"], "/name")
    };
    assert_eq!(names("main..side"), ["a", "mine"]);
    assert_eq!(names("main...side"), ["mine"]);
    made.git(&["merge", "-q", "--no-edit", "side"]);
    assert_eq!(names("HEAD^1..HEAD"), ["mine"]);
    assert_eq!(names("HEAD^2..HEAD"), ["a"]);
    assert_eq!(made.diff(&["main...side", "HEAD"]).code, Some(2));
}

#[test]
fn packed_shallow_and_linked_repositories_are_read() {
    let Some(made) = Repository::of(&[&[("a.yaml", Some(MAP))], &[("a.yaml", Some(OTHER))]]) else { return };
    made.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(made.diff(&["HEAD~1", "HEAD"]).code, Some(1));
    let beside = tempfile::tempdir().expect("a folder");
    let shallow = beside.path().join("shallow");
    let url = format!("file://{}", made.path().display());
    git_in(&made.git, beside.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let root = shallow.to_str().expect("UTF-8");
    let outcome = Run::of(KEYFILL).args(["diff", "--root", root, "HEAD~1"]).run();
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("shallow clone") && outcome.stderr.contains("help:"),
        "{}",
        outcome.stderr
    );
    let linked = beside.path().join("linked");
    made.git(&["worktree", "add", "-q", linked.to_str().expect("UTF-8"), "HEAD~1", "--detach"]);
    let root = linked.to_str().expect("UTF-8");
    assert_eq!(Run::of(KEYFILL).args(["diff", "--root", root, "main"]).run().code, Some(1));
}

#[test]
fn a_submodule_is_a_part_of_the_tree() {
    let Some(library) = Repository::of(&[&[
        ("base/kustomization.yaml", Some("resources: [m.yaml]")),
        ("base/m.yaml", Some(MAP)),
    ]]) else {
        return;
    };
    let Some(made) = Repository::of(&[&[("app/kustomization.yaml", Some("resources: [../lib/base]"))]])
    else {
        return;
    };
    made.git(&["submodule", "add", "-q", library.path().to_str().expect("UTF-8"), "lib"]);
    made.commit();
    library.put("base/m.yaml", OTHER);
    library.commit();
    git_in(&made.git, &made.path().join("lib"), &["pull", "-q"]);
    made.commit();
    let json = made.json(&["--exclude", "lib"]);
    assert_eq!(texts(&json["roots"], "/name"), ["app"], "{json:#}");
    assert_eq!(texts(&json["roots"][0]["objects"][0]["fields"], "/after"), ["two"]);
    // The work tree has the same files.
    assert_eq!(made.diff(&["HEAD"]).code, Some(0));
}

#[test]
fn a_file_that_is_no_longer_utf8_fails_its_root_alone() {
    let Some(made) = Repository::of(&[&[
        ("a/kustomization.yaml", Some("resources: [m.yaml]")),
        ("a/m.yaml", Some(MAP)),
        ("b/kustomization.yaml", Some("resources: [m.yaml]")),
        ("b/m.yaml", Some(MAP)),
    ]]) else {
        return;
    };
    made.put("a/m.yaml", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \xff\xfe}\n");
    made.put("b/m.yaml", OTHER);
    made.commit();
    let outcome = made.diff(&["HEAD~1", "HEAD"]);
    assert_eq!(outcome.code, Some(3), "{}{}", outcome.text(), outcome.stderr);
    let text = outcome.text();
    assert!(text.contains("cannot be rendered in HEAD") && text.contains("a/m.yaml"), "{text}");
    assert!(text.contains("one -> two"), "the other root is compared: {text}");
    assert!(text.contains("1 root failed"), "{text}");
}

#[test]
fn a_kustomization_in_place_of_plain_files_shows_what_changed() {
    let Some(made) = Repository::of(&[
        &[("app/m.yaml", Some(MAP))],
        &[("app/kustomization.yaml", Some("namePrefix: x-\nresources: [m.yaml]"))],
    ]) else {
        return;
    };
    let json = made.json(&[]);
    let objects = &json["roots"][0]["objects"];
    assert_eq!(texts(objects, "/name"), ["a", "x-a"]);
    assert_eq!(texts(objects, "/change"), ["removed", "added"]);
}

#[test]
fn a_path_that_is_on_neither_side_is_refused() {
    let Some(made) =
        Repository::of(&[&[("a/m.yaml", Some(MAP)), ("b.yaml", Some(MAP))], &[("b.yaml", None)]])
    else {
        return;
    };
    let here = made.path().canonicalize().expect("a path");
    let within = |name: &str| made.diff(&["HEAD~1", "HEAD", "--", here.join(name).to_str().expect("UTF-8")]);
    let outcome = within("appps");
    let words = "appps is neither in HEAD~1";
    assert!(outcome.code == Some(2) && outcome.stderr.contains(words), "{}", outcome.stderr);
    // What one side alone has is a path.
    assert_eq!(within("b.yaml").code, Some(1));
    assert_eq!(within("a").code, Some(0));
    assert_eq!(within("").code, Some(1));
}
