//! Several stores in one run: named in the config file, chosen by an annotation or a placeholder.

use crate::{aws_at, generate, printed, refused, secret, secrets_manager};
use keyfill_testkit::{Fake, Response, Run};

const SECRETS: &str = "team/app: {user: of-the-file}\n";

/// A run whose default store is a file, beside `prod` in AWS and `pass` in 1Password.
fn with_stores(aws: &Fake, pass: &Fake, manifest: &str) -> Run {
    let config = format!(
        "stores:\n  prod: {{type: awssecretsmanager, region: eu-west-1, endpoint_url: \"{}\", access_key_id: AKIDTEST, \
         secret_access_key: hush-key}}\n  pass: {{type: 1passwordconnect, host: \"{}\", token: hush-token}}\n",
        aws.address(),
        pass.address()
    );
    let run = generate(&[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", "secrets.yaml")], manifest);
    run.file("config.yaml", config).file("secrets.yaml", SECRETS).args(["-c", "config.yaml"])
}

fn stores() -> (Fake, Fake) {
    let aws = secrets_manager("eu-west-1", &[("team/app", r#"{"user": "of-aws"}"#)]);
    let pass = Fake::start(|request| {
        assert_eq!(request.header("authorization"), "Bearer hush-token");
        Response::new(200, r#"{"fields": [{"label": "user", "value": "of-1password"}]}"#)
    });
    (aws, pass)
}

const ITEM: &str = "vaults/abcdefghijklmnopqrstuvwxy1/items/abcdefghijklmnopqrstuvwxy2";

#[test]
fn a_placeholder_or_an_annotation_chooses_the_store() {
    let (aws, pass) = stores();
    let manifest = secret(&format!(
        "  file: <path:team/app#user>\n  aws: <path:prod::team/app#user>\n  pass: <path:pass::{ITEM}#user>\n"
    ));
    let annotated = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: other\n  annotations:\n    \
                     avp.kubernetes.io/path: team/app\n    keyfill.dev/store: prod\nstringData:\n  key: <user>\n  \
                     inline: <path:team/app#user>\n  file: <path:default::team/app#user>\n";
    let text = printed(&with_stores(&aws, &pass, &format!("{manifest}{annotated}")).run());
    assert!(text.contains("  aws: of-aws\n  file: of-the-file\n  pass: of-1password\n"), "{text}");
    assert!(text.contains("  file: of-the-file\n  inline: of-aws\n  key: of-aws\n"), "{text}");
    assert_eq!((aws.seen().len(), pass.seen().len()), (1, 1), "one read for each secret of each store");
}

#[test]
fn a_store_that_is_not_named_in_the_config_file_is_told() {
    let (aws, pass) = stores();
    let manifest = secret("  k: <path:prd::team/app#user>\n");
    let outcome = with_stores(&aws, &pass, &manifest).run();
    let said = refused(&outcome, 3);
    assert!(said.contains("there is no store prd: did you mean prod?"), "{said}");
    let vault = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "hush")];
    let outcome = generate(&vault, &manifest).run();
    let said = refused(&outcome, 3);
    assert!(said.contains("there is no store prd: no stores are named in the config file"), "{said}");
    assert_eq!(aws.seen().len(), 0);
}

#[test]
fn allowed_paths_are_apart_by_store() {
    let (aws, pass) = stores();
    let with = |globs: &str, placeholder: &str| {
        let manifest = secret(&format!("  k: {placeholder}\n"));
        with_stores(&aws, &pass, &manifest).env("KEYFILL_ALLOWED_PATHS", globs).run()
    };
    assert!(printed(&with("prod::team/*", "<path:prod::team/app#user>")).contains("of-aws"));
    for (globs, placeholder) in [
        ("team/*", "<path:prod::team/app#user>"),
        ("prod::team/*", "<path:team/app#user>"),
        ("prod::other/*", "<path:prod::team/app#user>"),
    ] {
        let outcome = with(globs, placeholder);
        assert!(refused(&outcome, 6).contains("team/app"), "{}", outcome.stderr);
    }
    assert_eq!(aws.seen().len(), 1);
}

#[test]
fn a_run_may_use_named_stores_alone() {
    let (aws, _) = stores();
    let config = format!(
        "stores: {{prod: {{type: awssecretsmanager, region: eu-west-1, endpoint_url: \"{}\"}}}}\n",
        aws.address()
    );
    let run = |manifest: &str| {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "hush-key")];
        generate(&keys, manifest).file("config.yaml", &config).args(["-c", "config.yaml"]).run()
    };
    assert!(printed(&run(&secret("  k: <path:prod::team/app#user>\n"))).contains("of-aws"));
    let outcome = run(&secret("  k: <path:team/app#user>\n"));
    assert!(refused(&outcome, 2).contains("no secret store is set"), "{}", outcome.stderr);
}

#[test]
fn authors_name_no_stores() {
    let aws = secrets_manager("eu-west-1", &[("team/app", r#"{"user": "hush"}"#)]);
    let address = aws.address();
    let stores = r#"{"mine": {"type": "awssecretsmanager"}}"#;
    let vars =
        [&aws_at(&address)[..], &[("ARGOCD_ENV_STORES", stores), ("ARGOCD_ENV_KEYFILL_STORES", stores)]]
            .concat();
    let outcome = generate(&vars, &secret("  k: <path:mine::team/app#user>\n")).run();
    assert!(refused(&outcome, 3).contains("there is no store mine"), "{}", outcome.stderr);
    assert_eq!(aws.seen().len(), 0);
}
