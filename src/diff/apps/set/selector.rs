//! A generator's `selector`, which filters sets of parameters: a label selector whose labels are the parameters'
//! paths.

use super::parameters::{Parameters, flatten};
use anyhow::{Result, bail};
use serde_json::Value;

/// A selector.
#[derive(Debug, Default)]
pub struct Selector {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Parses `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    /// If an operator is unknown.
    pub fn of(selector: Option<&Value>) -> Result<Self> {
        let Some(selector) = selector else { return Ok(Self::default()) };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        let mut rules: Vec<Rule> = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| Rule { key: key.clone(), operator: Operator::In, values: vec![text(value)] })
            .collect();
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let operator = match expression.get("operator").and_then(Value::as_str).unwrap_or_default() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => bail!("a selector has no operator {other:?}"),
            };
            let values = expression.get("values").and_then(Value::as_array);
            rules.push(Rule {
                key: expression.get("key").map(text).unwrap_or_default(),
                operator,
                values: values.into_iter().flatten().map(text).collect(),
            });
        }
        Ok(Self { rules })
    }

    /// Whether the selector matches these parameters.
    pub fn keeps(&self, parameters: &Parameters) -> bool {
        if self.rules.is_empty() {
            return true;
        }
        let mut flat = Parameters::new();
        flatten("", &Value::Object(parameters.clone()), &mut flat);
        self.rules.iter().all(|rule| {
            let value = flat.get(&rule.key).and_then(Value::as_str);
            let is_listed = || value.is_some_and(|value| rule.values.iter().any(|listed| listed == value));
            match rule.operator {
                Operator::In => is_listed(),
                Operator::NotIn => !is_listed(),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use serde_json::{Value, json};

    fn keeps(selector: &Value, parameters: Value) -> bool {
        let Value::Object(parameters) = parameters else { return false };
        Selector::of(Some(selector)).expect("a selector").keeps(&parameters)
    }

    #[test]
    fn it_looks_at_parameters_by_their_paths() {
        let parameters = || json!({"cluster": {"env": "prod", "size": 3}});
        for (selector, want) in [
            (json!({}), true),
            (json!({"matchLabels": {"cluster.env": "prod"}}), true),
            (json!({"matchLabels": {"cluster.env": "prod", "cluster.size": "4"}}), false),
            (json!({"matchLabels": {"cluster.size": "3"}}), true),
            (
                json!({"matchExpressions": [{"key": "cluster.env", "operator": "In", "values": ["x", "prod"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "cluster.env", "operator": "NotIn", "values": ["prod"]}]}),
                false,
            ),
            (json!({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["prod"]}]}), true),
            (json!({"matchExpressions": [{"key": "other", "operator": "Exists"}]}), false),
            (json!({"matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]}), true),
        ] {
            assert_eq!(keeps(&selector, parameters()), want, "{selector}");
        }
        let unknown = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
        assert!(Selector::of(Some(&unknown)).is_err());
    }
}
