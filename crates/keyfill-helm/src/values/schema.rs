//! Checks values against the `values.schema.json` of each chart.

use crate::chart::{ChartId, Charts};
use crate::error::{Error, Result};
use crate::schema::{self, Failure};
use keyfill_diag::Cx;
use keyfill_template::value::{Map, Value};

/// Checks the values of a chart and its subcharts. One error names all problems.
pub(crate) fn validate(
    charts: &Charts,
    root: ChartId,
    values: &Map,
    cx: &Cx,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut check = Check { charts, cx, warnings, problems: Vec::new(), place: None };
    check.chart(root, values)?;
    if check.problems.is_empty() {
        return Ok(());
    }
    let list = check.problems.join("\n");
    let error = Error::render(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{list}"
    ))
    .hint("change the values, or skip the check with --skip-schema-validation");
    Err(match check.place {
        Some(place) => error.in_file(place),
        None => error,
    })
}

struct Check<'a> {
    charts: &'a Charts,
    cx: &'a Cx,
    warnings: &'a mut Vec<String>,
    problems: Vec<String>,
    /// The path of the first schema that the values do not fit.
    place: Option<String>,
}

impl Check<'_> {
    fn chart(&mut self, id: ChartId, values: &Map) -> Result<()> {
        let chart = self.charts.chart(id);
        if let Some(schema) = &chart.schema {
            let place = chart.place_of("values.schema.json");
            let verdict = schema::check(schema, values, self.cx).map_err(|why| no_verdict(why, &place))?;
            self.warnings.extend(verdict.ignored.iter().map(|urn| {
                format!(
                    "{place}: {urn} is not defined: every value is accepted where the schema refers to it"
                )
            }));
            if !verdict.problems.is_empty() {
                self.problems.push(format!("{}:", chart.metadata.name));
                self.problems.extend(verdict.problems);
                self.place.get_or_insert(place);
            }
        }
        for child in &chart.children {
            let child_name = &self.charts.chart(*child).metadata.name;
            match values.get(child_name.as_bytes()) {
                None | Some(Value::Nil) => {}
                Some(Value::Map(inner)) => self.chart(*child, &inner)?,
                Some(other) => self.problems.push(format!(
                    "{child_name}:\ninvalid type for values: expected object (map), got {}",
                    other.type_name()
                )),
            }
        }
        Ok(())
    }
}

fn no_verdict(why: Failure, place: &str) -> Error {
    match why {
        Failure::Stopped(stopped) => Error::stopped(stopped),
        Failure::Wrong(why) => Error::render(format!("the schema cannot be used: {why}"))
            .in_file(place)
            .hint("correct the schema, or skip the check with --skip-schema-validation"),
        Failure::Elsewhere(url) => {
            Error::render(format!("the schema refers to another document, which is not read: {url}"))
                .in_file(place)
                .hint(
                    "put what it refers to into the schema, skip the check with --skip-schema-validation, \
                     or let the official helm fetch it with --engine exec",
                )
                .unsupported()
        }
    }
}
