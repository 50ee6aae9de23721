//! A change of few roots costs what those roots cost.

use crate::{Repository, texts};

#[test]
fn three_of_a_hundred_roots_are_rendered() {
    let Some(made) = Repository::new() else { return };
    for app in 0..100 {
        made.put(&format!("apps/{app}/kustomization.yaml"), "resources: [m.yaml]\n");
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{app}}}\ndata: {{k: one}}\n");
        made.put(&format!("apps/{app}/m.yaml"), map);
    }
    made.commit();
    for app in [7, 50, 99] {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{app}}}\ndata: {{k: two}}\n");
        made.put(&format!("apps/{app}/m.yaml"), map);
    }
    made.commit();
    let json = made.json(&[]);
    assert_eq!(texts(&json["roots"], "/name"), ["apps/50", "apps/7", "apps/99"]);
    assert_eq!(json["rootsRendered"], 3);
}
