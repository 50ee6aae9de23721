//! Errors in keys and files are reported with place and hint, without a value, and with nothing on stdout.

use crate::{CHART, TEMPLATE, encrypted, keyfill, said};
use keyfill_testkit::{Run, workspace};

fn chart() -> Run {
    keyfill(&["render", "app", "-f", "app/values.enc.yaml"])
        .file("app/Chart.yaml", CHART)
        .file("app/templates/a.yaml", TEMPLATE)
}

fn changed(from: &str, to: &str) -> String {
    let text = String::from_utf8(encrypted("values.enc.yaml")).expect("it is text");
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1)
}

#[test]
fn without_a_key_the_error_says_which_is_needed_and_how_to_give_it() {
    let said = said(&chart().env("SOPS_AGE_KEY_FILE", "").run(), 5);
    assert!(said.contains("age1gkgw9kx67f0vkujkht6qs9xpqhzxkhh9r0qffald9p6aajuwnp3sse5tzl"), "{said}");
    assert!(said.contains("app/values.enc.yaml") && said.contains("SOPS_AGE_KEY_FILE"), "{said}");
}

#[test]
fn the_error_tells_a_wrong_key_from_an_unreadable_and_an_invalid_one() {
    let other = workspace().join("crates/keyfill-sops/tests/data/key2.txt");
    let wrong = said(&chart().env("SOPS_AGE_KEY_FILE", other).run(), 5);
    assert!(wrong.contains("none of the secret keys"), "{wrong}");
    let absent = said(&chart().env("SOPS_AGE_KEY_FILE", "/nowhere/keys.txt").run(), 5);
    assert!(absent.contains("/nowhere/keys.txt") && absent.contains("SOPS_AGE_KEY_FILE"), "{absent}");
    let broken = said(&chart().env("SOPS_AGE_KEY", "AGE-SECRET-KEY-1HUSH").run(), 5);
    assert!(broken.contains("SOPS_AGE_KEY: ") && !broken.contains("1HUSH"), "{broken}");
    let plugin = said(&chart().env("SOPS_AGE_KEY", "AGE-PLUGIN-YUBIKEY-1HUSH").run(), 5);
    assert!(plugin.contains("plugin"), "{plugin}");
}

#[test]
fn one_of_two_key_groups_is_not_enough() {
    let data = workspace().join("crates/keyfill-sops/tests/data");
    let shared = std::fs::read(data.join("encrypted/shamir.yaml")).expect("it is kept");
    let run = |keys: &str| {
        let generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: g}\nsecretFrom:\n- metadata: {name: made}\n  files: [k=shared.yaml]\n";
        keyfill(&["render", "app"])
            .env("SOPS_AGE_KEY_FILE", data.join(keys))
            .file("app/shared.yaml", &shared)
            .file("app/kustomization.yaml", "generators: [g.yaml]\n")
            .file("app/g.yaml", generator)
            .run()
    };
    let half = said(&run("key2.txt"), 5);
    assert!(half.contains("needs 2 key groups, and 1 of 3 gave their share"), "{half}");
    assert!(half.contains("app/shared.yaml"), "{half}");
}

#[test]
fn a_key_from_the_environment_or_the_default_file_is_used() {
    let keys = std::fs::read_to_string(crate::key_file()).expect("the key is kept");
    let key = keys.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).expect("there is one");
    let chart = || chart().env("SOPS_AGE_KEY_FILE", "");
    crate::printed(&chart().env("SOPS_AGE_KEY", key).run());
    let run = chart();
    let place = run.home().join(".config/sops/age");
    std::fs::create_dir_all(&place).expect("a folder");
    std::fs::write(place.join("keys.txt"), &keys).expect("a file");
    crate::printed(&run.run());
}

#[test]
fn changed_files_are_refused() {
    let value = said(&chart().file("app/values.enc.yaml", changed("port: ENC", "prot: ENC")).run(), 3);
    assert!(value.contains("moved from another key") && value.contains("prot"), "{value}");
    let open = changed("db:\n", "db:\n    more: hush\n");
    let open = said(&chart().file("app/values.enc.yaml", open).run(), 3);
    assert!(open.contains("should be encrypted") && open.contains("db.more"), "{open}");
    let added = changed("port: ENC", "more_unencrypted: hush\nport: ENC");
    let added = said(&chart().file("app/values.enc.yaml", added).run(), 3);
    assert!(added.contains("does not fit its values") && added.contains("sops edit"), "{added}");
}

#[test]
fn a_file_outside_the_tree_is_not_read() {
    let run = keyfill(&["render", "app"]).file("app/kustomization.yaml", "generators: [g.yaml]\n").file(
        "app/g.yaml",
        "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: g}\nfiles: [../../out.yaml]\n",
    );
    std::fs::write(run.work().parent().expect("a folder").join("out.yaml"), encrypted("secret.enc.yaml"))
        .expect("a file");
    let said = said(&run.run(), 6);
    assert!(said.contains("leaves the tree") && said.contains("app/g.yaml"), "{said}");
}
