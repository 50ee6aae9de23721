//! Compares two values field by field.

use super::lists;
use super::object::sorted;
use keyfill_diag::{Cx, Stopped};
use keyfill_kustomize::schema::FieldType;
use keyfill_yaml::Value;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

/// A step of a field's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value of the key with this name.
    Key(String),
    /// An item of a list, by its merge keys or its index.
    Item(String),
}

/// The path of a field in an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The keys of the path; items are left out.
    pub fn keys(&self) -> Vec<&str> {
        let steps = self.0.iter();
        steps.filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None }).collect()
    }
}

impl fmt::Display for Path {
    /// `spec.containers[name=web].image`; a key with other characters stands in brackets and quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(label) => write!(f, "[{label}]")?,
                Step::Key(key) if is_plain(key) => {
                    if at > 0 {
                        f.write_char('.')?;
                    }
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// A field that differs.
#[derive(Clone, Debug)]
pub struct FieldChange {
    /// The field's path.
    pub path: Path,
    /// Its value on the older side; `None` if it does not exist there.
    pub before: Option<Value>,
    /// Its value on the newer side; `None` if it does not exist there.
    pub after: Option<Value>,
    /// Whether only the order of the list's items differs; then the values are lists of the items' labels.
    pub is_order: bool,
}

/// The fields that differ between two objects of a type, in the order of their names.
pub fn compare(
    before: &Value,
    after: &Value,
    of: Option<FieldType>,
    cx: &Cx,
) -> Result<Vec<FieldChange>, Stopped> {
    let mut walk = Walk { path: Path::default(), found: Vec::new(), cx };
    walk.values(Some(before), Some(after), of)?;
    Ok(walk.found)
}

struct Walk<'a> {
    path: Path,
    found: Vec<FieldChange>,
    cx: &'a Cx,
}

impl Walk<'_> {
    fn values(
        &mut self,
        before: Option<&Value>,
        after: Option<&Value>,
        of: Option<FieldType>,
    ) -> Result<(), Stopped> {
        self.cx.check()?;
        match (before, after) {
            (Some(Value::Map(before)), Some(Value::Map(after))) => {
                let (before, after) = (sorted(before), sorted(after));
                let keys: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
                for key in keys {
                    self.path.0.push(Step::Key(key.to_owned()));
                    let (before, after) = (before.get(key).copied(), after.get(key).copied());
                    self.values(before, after, of.and_then(|of| of.field(key)))?;
                    self.path.0.pop();
                }
            }
            (Some(Value::Seq(before)), Some(Value::Seq(after))) => {
                if before == after {
                    return Ok(());
                }
                let (items, is_moved) = lists::items(before, after, of);
                if is_moved {
                    self.order(&items, before, after);
                }
                for item in items {
                    self.path.0.push(Step::Item(item.label));
                    self.values(item.before, item.after, of.and_then(FieldType::items))?;
                    self.path.0.pop();
                }
            }
            (before, after) if before == after => {}
            (before, after) => self.found.push(FieldChange {
                path: self.path.clone(),
                before: before.cloned(),
                after: after.cloned(),
                is_order: false,
            }),
        }
        Ok(())
    }

    /// Adds the change that items are in another order.
    fn order(&mut self, items: &[lists::Item<'_>], before: &[Value], after: &[Value]) {
        let label = |of: &Value, is_before: bool| {
            let is_it = |item: &&lists::Item<'_>| {
                let side = if is_before { item.before } else { item.after };
                side.is_some_and(|held| std::ptr::eq(held, of))
            };
            items.iter().find(is_it).map(|item| Value::Str(item.label.as_str().into()))
        };
        // For very long lists only the first 100 labels are shown.
        let names = |list: &[Value], is_before| -> Value {
            Value::Seq(list.iter().take(100).filter_map(|item| label(item, is_before)).collect())
        };
        let (before, after) = (Some(names(before, true)), Some(names(after, false)));
        self.found.push(FieldChange { path: self.path.clone(), before, after, is_order: true });
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use keyfill_diag::Cx;
    use keyfill_kustomize::schema::FieldType;
    use keyfill_yaml::{Limits, load_object};

    /// The changed fields, `FIELD: BEFORE -> AFTER`.
    fn changes(before: &str, after: &str) -> Vec<String> {
        let load = |text: &str| load_object(text.as_bytes(), &Limits::default()).unwrap();
        let (before, after) = (load(before), load(after));
        let text = |key: &str| after.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let of = FieldType::of(&text("apiVersion"), &text("kind"));
        let json = |value: Option<keyfill_yaml::Value>| {
            value.map_or("-".into(), |v| String::from_utf8(keyfill_yaml::to_json(&v)).unwrap())
        };
        let found = compare(&before, &after, of, &Cx::default()).unwrap();
        let line = |c: super::FieldChange| {
            format!(
                "{}{}: {} -> {}",
                c.path,
                if c.is_order { " (order)" } else { "" },
                json(c.before),
                json(c.after)
            )
        };
        found.into_iter().map(line).collect()
    }

    #[test]
    fn lists_are_matched_by_their_merge_keys() {
        let pod =
            |containers: &str| format!("apiVersion: v1\nkind: Pod\nspec:\n  containers: {containers}\n");
        let found = changes(
            &pod("[{name: a, image: 'x:1'}, {name: b, ports: [{containerPort: 80}, {containerPort: 81}]}]"),
            &pod("[{name: new}, {name: b, ports: [{containerPort: 81}]}, {name: a, image: 'x:2'}]"),
        );
        let want = [
            r#"spec.containers (order): ["name=a","name=b"] -> ["name=new","name=b","name=a"]"#,
            r#"spec.containers[name=new]: - -> {"name":"new"}"#,
            r#"spec.containers[name=b].ports[containerPort=80]: {"containerPort":80} -> -"#,
            r#"spec.containers[name=a].image: "x:1" -> "x:2""#,
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn the_same_port_with_two_protocols_is_two_ports() {
        let service = |protocol: &str| {
            format!(
                "apiVersion: v1\nkind: Service\nspec:\n  ports: [{{port: 53, protocol: UDP, name: u}}, \
                 {{port: 53, protocol: {protocol}, name: t}}]\n"
            )
        };
        let found = changes(&service("TCP"), &service("SCTP"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("spec.ports[port=53,protocol=SCTP]: - -> {"), "{found:?}");
    }

    #[test]
    fn lists_without_keys_are_compared_in_order() {
        let found = changes("a: [1, 2, 3, 4]", "a: [1, 3, 5, 4]");
        assert_eq!(found, ["a[1]: 2 -> -", "a[2]: - -> 5"]);
        assert_eq!(changes("a: [u, v]", "a: [u, w]"), [r#"a[1]: "v" -> "w""#]);
    }

    #[test]
    fn types_and_absence_are_changes() {
        assert_eq!(changes("a: 1\nb: null", "a: '1'"), [r#"a: 1 -> "1""#, "b: null -> -"]);
        assert_eq!(changes("x: {a.b/c: 1}", "x: {a.b/c: 2}"), [r#"x["a.b/c"]: 1 -> 2"#]);
        assert!(changes("a: {b: [1, {c: d}]}", "a: {b: [1, {c: d}]}").is_empty());
    }
}
