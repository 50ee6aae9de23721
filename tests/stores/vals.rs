//! References of vals, where the administrator allows them.

use crate::{aws_at, generate, printed, refused, secret, secrets_manager};

#[test]
fn references_are_filled_where_they_are_allowed() {
    let fake =
        secrets_manager("eu-west-1", &[("team/app", r#"{"user": "alice", "n": 5432, "m": {"a": "inner"}}"#)]);
    let address = fake.address();
    let manifest = "apiVersion: v1\nkind: Widget\nmetadata:\n  name: app\nspec:\n  user: ref+awssecrets://team/app#/user\n  \
                    number: secretref+awssecrets://team/app#/n\n  inner: ref+awssecrets://team/app#/m/a\n  \
                    url: http://ref+awssecrets://team/app#/user+@host/ref+awssecrets://team/app#/n\n  \
                    both: <path:team/app#user> ref+awssecrets://team/app#/user\n";
    let allowed = [&aws_at(&address)[..], &[("KEYFILL_VALS_REFS", "true")]].concat();
    let text = printed(&generate(&allowed, manifest).run());
    for line in
        ["user: alice", "number: 5432", "inner: inner", "url: http://alice@host/5432", "both: alice alice"]
    {
        assert!(text.contains(&format!("  {line}\n")), "{line} is not in\n{text}");
    }
    assert_eq!(fake.seen().len(), 1);
    // Elsewhere they are text.
    let plain = manifest.replace("<path:team/app#user> ", "");
    assert_eq!(printed(&generate(&aws_at(&address), &plain).run()), plain);
}

#[test]
fn references_follow_the_policy_and_name_nothing_of_the_administrators() {
    let fake = secrets_manager("eu-west-1", &[("team/app", r#"{"user": "hush"}"#)]);
    let address = fake.address();
    let allowed =
        [&aws_at(&address)[..], &[("KEYFILL_VALS_REFS", "true"), ("KEYFILL_ALLOWED_PATHS", "other/*")]]
            .concat();
    for (reference, what) in [
        ("ref+awssecrets://team/app#/user", "the path team/app is not among those"),
        ("ref+awssecrets://other/app?region=us-east-1#/user", "the parameter region is not followed"),
        ("ref+awssecrets://other/app?role_arn=arn:aws:iam::1:role/x#/user", "the parameter role_arn"),
        ("ref+exec://rm", "the scheme exec of vals is not read"),
        ("ref+file:///etc/passwd", "the scheme file of vals is not read"),
        ("ref+envsubst://$VAULT_TOKEN", "the scheme envsubst of vals is not read"),
        ("ref+httpjson://evil/x#/a", "the scheme httpjson of vals is not read"),
        ("ref+tfstate://terraform.tfstate/a.b", "the scheme tfstate of vals is not read"),
    ] {
        let outcome = generate(&allowed, &secret(&format!("  k: {reference}\n"))).run();
        assert!(refused(&outcome, 6).contains(what), "{}", outcome.stderr);
    }
    let outcome = generate(&allowed, &secret("  k: ref+vault://other/app#/user\n")).run();
    assert!(refused(&outcome, 3).contains("no store of the type vault is set"), "{}", outcome.stderr);
    assert_eq!(fake.seen().len(), 0);
}
