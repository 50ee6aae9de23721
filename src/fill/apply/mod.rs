//! Puts the values of the secrets into the documents.

mod evaluate;
mod put;
mod sections;

use super::missing::{Answer, failed_reads};
use super::options::{FillOptions, Print};
use super::plan::{Filling, Plan, Planned, Wanted};
use super::problems::Problems;
use crate::report::Failure;
use evaluate::{Filler, Sink};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_yaml::{Document, Within, to_json, to_yaml};

/// The result for one document.
#[derive(Debug)]
pub enum Applied {
    /// The document is printed byte for byte as it was read.
    AsIs,
    /// The document is empty and left out.
    Nothing,
    /// The document was encoded again, with nothing filled.
    Printed(Vec<u8>),
    /// The document was filled and encoded.
    Filled(Vec<u8>),
}

/// The results for all documents, and the warnings.
#[derive(Debug)]
pub struct Outcome {
    /// One result for each document, in the order of the stream.
    pub documents: Vec<Applied>,
    /// Warnings.
    pub warnings: Problems,
}

/// Fills and encodes all documents, or returns all problems.
pub fn apply(
    documents: &[Document],
    plan: Plan,
    answers: &[Answer],
    options: &FillOptions,
    cx: &Cx,
) -> Result<Outcome, Failure> {
    let Plan { documents: planned, wanted, mut problems, mut warnings } = plan;
    failed_reads(documents, &wanted, answers, &mut problems);
    let mut all = Vec::with_capacity(planned.len());
    let mut printed_bytes = 0_u64;
    for (number, (document, planned)) in documents.iter().zip(planned).enumerate() {
        let done = match planned {
            Planned::AsIs => Applied::AsIs,
            Planned::Nothing => Applied::Nothing,
            Planned::Printed(text) => Applied::Printed(text),
            Planned::Fill(filling) => {
                let sink = Sink { problems: &mut problems, warnings: &mut warnings };
                let mut filler = Filler::new((number, document), &wanted, answers, options, cx, sink);
                let text = one(&mut filler, *filling, options.print, cx).map_err(|why| stopped(&why))?;
                printed_bytes += text.as_ref().map_or(0, Vec::len) as u64;
                if printed_bytes > cx.limits.output_bytes {
                    let most = cx.limits.output_bytes >> 20;
                    return Err(stopped(&format!("the result would be larger than {most} MiB")));
                }
                text.map_or(Applied::Nothing, Applied::Filled)
            }
        };
        all.push(done);
    }
    if problems.is_empty() {
        return Ok(Outcome { documents: all, warnings });
    }
    Err(Failure::new(problems.finish()))
}

fn stopped(why: &str) -> Failure {
    Diagnostic::error(Class::Other, format!("stopped while filling: {why}")).into()
}

/// Fills one document; `None` if it has problems, which are in the filler's sink.
fn one(filler: &mut Filler<'_>, filling: Filling, form: Print, cx: &Cx) -> Result<Option<Vec<u8>>, String> {
    let Filling { mut value, sites, all_keys } = filling;
    let before = filler.problems();
    let outcomes = sites.iter().map(|site| filler.site(site)).collect::<Result<Vec<_>, _>>()?;
    let collisions = put::put(&mut value, &sites, outcomes);
    for site in collisions {
        filler.collision(&sites[site]);
    }
    for addition in &all_keys {
        cx.check().map_err(|stopped| stopped.to_string())?;
        filler.add_all_keys(&mut value, addition);
    }
    if filler.problems() > before {
        return Ok(None);
    }
    let value = Within::run(cx, &value);
    let printed = match form {
        Print::Yaml => value.written(to_yaml),
        Print::Json => value.written(to_json),
    };
    printed.map(Some).map_err(|stopped| stopped.to_string())
}

/// The secrets that the plan asks for. A placeholder refers to one by its index.
type Wants<'p> = &'p [Wanted];
