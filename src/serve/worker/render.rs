//! `generate` in a worker: discovers, renders and fills, and answers with each manifest as JSON.

use super::fetching::Remote;
use super::fill::{Asked, READS, drive};
use super::manifests::Open;
use super::shared_channel::SharedChannel;
use super::texts::Texts;
use super::unlock::{Split, Unlocks, Values};
use super::{Beside, OrderError, manifests, open, packed, tree_path};
use crate::discover::{self, Root, RootKind};
use crate::fetch;
use crate::fill::{FillOptions, PathPolicy, Print, Sources};
use crate::outside::{self, Outside};
use crate::plugin::run::{self, Planned};
use crate::render::edits::Edited;
use crate::render::options::{self, Chosen, Options};
use crate::render::plain::Habits;
use crate::revealed::Revealed;
use crate::serve::documents;
use crate::serve::environment::AUTHORS_EXPRESSION;
use crate::serve::orders::{Fill, Generate, Generated, Input, Part, Rendered, Report, Start, Text};
use crate::settings::Env;
use crate::sops::{Encrypted, SopsSource};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::{Files, TreePath};
use keyfill_helm::Filler;
use keyfill_secrets::{Reads, Source};
use keyfill_sops::KeyService;
use keyfill_yaml::{Document, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Renders, unless the order holds a rendering, fills, and answers, unless the supervisor told the worker to give
/// up. Secrets that an engine was given are removed from error messages.
pub fn generate(
    channel: &SharedChannel,
    start: &Start,
    order: Generate,
    beside: Beside,
    cx: &Cx,
) -> Result<(), OrderError> {
    let outside = Outside::default();
    let revealed = Arc::clone(&outside.revealed);
    let given_up = Arc::new(AtomicBool::new(false));
    match answered(channel, start, order, beside, (outside, &given_up), cx) {
        // The supervisor fetches what the engine needs, and sends the request again when that is done.
        Err(OrderError::Work(_)) if given_up.load(Ordering::Relaxed) => Ok(()),
        Err(OrderError::Work(error)) => Err(OrderError::Work(revealed.error(error))),
        other => other,
    }
}

fn answered(
    channel: &SharedChannel,
    start: &Start,
    order: Generate,
    beside: Beside,
    (mut outside, given_up): (Outside, &Arc<AtomicBool>),
    cx: &Cx,
) -> Result<(), OrderError> {
    #[cfg(debug_assertions)]
    {
        let asked = order.env.iter().find(|(name, _)| name == crate::faults::NAME);
        crate::faults::have(asked.map(|(_, fault)| fault.as_str()));
    }
    let mut options = fill_options(&order.fill)?;
    let mut texts = None;
    let fill = order.fill;
    let mut encrypted: Option<Arc<dyn Source>> = None;
    let asked = Arc::new(Asked::knowing(order.secrets));
    let documents = match order.input {
        Input::Rendered if fill_values(channel, &beside.tail, &options, &asked, cx)? => return Ok(()),
        Input::Rendered => documents::unpack(&beside.tail)
            .ok_or_else(|| anyhow::anyhow!("a kept rendering cannot be read"))?,
        Input::Archive(archive) => {
            let began = Instant::now();
            let path = tree_path(&order.task.path)?;
            let chosen = Chosen {
                engine: order.engine.as_deref(),
                helm_compat: order.helm_compat.as_deref(),
                prefer: order.prefer.as_deref(),
            };
            let packed = packed(archive, beside)?;
            texts = Texts::of(&packed, &path, cx).map(Arc::new);
            let files = Arc::new(open(packed, &path, cx)?);
            outside.fetch = match order.fetches {
                true => {
                    Arc::new(Remote::new(channel.clone(), Arc::clone(&files) as Arc<dyn Files>, given_up))
                }
                false => Arc::new(fetch::Off),
            };
            let unlocks: Arc<dyn KeyService> = Arc::new(Unlocks(channel.clone()));
            let fills = order.filling.applies(&*files, &path);
            if fills && options.stores.have_sops() {
                let (files, dir) = (Arc::clone(&files) as Arc<dyn Files>, path.clone());
                let service = Arc::clone(&unlocks);
                encrypted = Some(Arc::new(SopsSource::new(Encrypted { files, dir, service })));
            }
            // An app whose placeholders are not filled may be rendered to a git branch, where decrypted files must
            // not appear.
            if fills && order.decrypts {
                outside.decrypt_with(unlocks);
            }
            outside.values = order.fills_values.filter(|_| fills).map(|always| {
                let (channel, options) = (channel.clone(), options.clone());
                let (revealed, encrypted) = (Arc::clone(&outside.revealed), encrypted.clone());
                let filler = Filler(Arc::new(Values { channel, options, revealed, encrypted }));
                outside::Values { filler, always }
            });
            let (env, compat_avp) = (&order.env[..], fill.compat_avp);
            let request = Request { start, env, chosen, compat_avp, outside: &outside };
            let rendered = match request.planned(&*files, path, cx)? {
                None => nothing(),
                Some(Planned { root, options: how, written }) if written.is_empty() => {
                    crate::render::render(&*files, &root, &how, &outside, cx)?
                }
                Some(Planned { root, options: how, written }) => {
                    crate::render::render(&Edited::with(&*files, written), &root, &how, &outside, cx)?
                }
            };
            if given_up.load(Ordering::Relaxed) {
                return Ok(());
            }
            drop(files);
            let open = match fills {
                false => Open::Nothing,
                true if fill.compat_avp => Open::All,
                true => Open::Fillable { references: fill.vals_refs },
            };
            let sorted = manifests::sort(rendered.documents, open, cx)?;
            let report = Rendered {
                ready: parts(sorted.ready.iter().map(|(number, json)| (*number, json.len()))),
                to_fill: u32::try_from(sorted.open.len()).unwrap_or(u32::MAX),
                warnings: rendered.warnings.iter().map(ToString::to_string).collect(),
                engine: rendered.engine.to_owned(),
                microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            };
            let packed = documents::pack(&sorted.open, order.pack_below).unwrap_or_default();
            let ready = sorted.ready.iter().map(|(_, json)| json.as_bytes());
            let tail: Vec<&[u8]> = ready.chain([&packed[..]]).collect();
            channel.say(&Report::Rendered(report), &tail).map_err(OrderError::Protocol)?;
            sorted.open
        }
    };
    options.sources = texts.clone().map(|texts| texts as Arc<dyn Sources>);
    let reads = Reads::with_concurrency(Split::of(&asked, encrypted.as_ref(), &options), READS);
    let filled = fill_all(channel, documents, &options, (&asked, &reads), &outside.revealed, cx);
    filled.map_err(|broke| match (broke, texts) {
        (OrderError::Work(error), Some(texts)) => OrderError::Work(texts.with_lines(error)),
        (broke, _) => broke,
    })
}

/// The inputs that decide what is rendered.
struct Request<'a> {
    start: &'a Start,
    env: &'a [(String, String)],
    chosen: Chosen<'a>,
    compat_avp: bool,
    outside: &'a Outside,
}

impl Request<'_> {
    /// What is rendered and how: as the commands of plugin.yaml say, else as discovery finds. `None` if the
    /// commands print nothing.
    fn planned(&self, files: &dyn Files, path: TreePath, cx: &Cx) -> anyhow::Result<Option<Planned>> {
        let options = |env: &Env| -> anyhow::Result<Options> {
            let mut options = options::resolve(&self.start.render, env, &path, true, self.chosen)?;
            if self.compat_avp {
                options.habits = Habits::Avp;
            }
            Ok(options)
        };
        if let Some(plan) = &self.start.plan {
            // The app's variables mean only what the commands make of them; they set no options by themselves.
            let base = options(&self.start.env.iter().cloned().collect())?;
            let env: Env = self.env.iter().cloned().collect();
            let request = run::Request { files, folder: &path, env: &env, outside: self.outside, cx };
            let mut planned = run::planned(plan, request, &base)?;
            if let Some(planned) = &mut planned {
                planned.options.helm.unknown_parameters = options::unread_parameters(&env, &plan.reads);
            }
            return Ok(planned);
        }
        let options = options(&self.start.env.iter().chain(self.env).cloned().collect())?;
        // With `--compat avp` a folder is rendered as plain YAML files, as argocd-vault-plugin does.
        let kind =
            if self.compat_avp { RootKind::Yaml } else { discover::kind_for_app(files, &path, &options, cx) };
        Ok(Some(Planned { root: Root { kind, dir: path }, options, written: BTreeMap::new() }))
    }
}

/// The empty rendering of commands that print nothing. The supervisor decides whether an empty result is allowed.
fn nothing() -> crate::render::Rendered {
    let message = "the commands of plugin.yaml print nothing for this folder";
    let warnings = vec![Diagnostic::warning(Class::Render, message)];
    crate::render::Rendered { warnings, engine: "none", ..crate::render::Rendered::default() }
}

/// Fills a cached rendering without building its documents, and answers. Returns `false` if it did not answer:
/// errors and warnings name lines, so they need the documents.
fn fill_values(
    channel: &SharedChannel,
    packed: &Bytes,
    options: &FillOptions,
    asked: &Arc<Asked>,
    cx: &Cx,
) -> Result<bool, OrderError> {
    let began = Instant::now();
    if options.print != Print::Json {
        return Ok(false);
    }
    let Some(values) = documents::unpack_values(packed) else { return Ok(false) };
    let (numbers, values): (Vec<u32>, Vec<Value>) = values.into_iter().unzip();
    let reads = Reads::with_concurrency(Split::of(asked, None, options), READS);
    let Some(filled) = drive(crate::fill::fill_values(values, options, &reads, cx), asked, channel)? else {
        return Ok(true);
    };
    let Some(filled) = filled else { return Ok(false) };
    let texts = filled.into_iter().map(manifests::text_of_json).collect::<anyhow::Result<Vec<_>>>()?;
    let filled: Vec<(u32, Text)> = numbers.into_iter().zip(texts).collect();
    say(channel, &filled, &[], &reads, began)?;
    Ok(true)
}

fn fill_all(
    channel: &SharedChannel,
    documents: Vec<(u32, Document)>,
    options: &FillOptions,
    (asked, reads): (&Asked, &Reads),
    revealed: &Revealed,
    cx: &Cx,
) -> Result<(), OrderError> {
    let began = Instant::now();
    let (numbers, documents): (Vec<u32>, Vec<Document>) = documents.into_iter().unzip();
    let filled = drive(crate::fill::fill(documents, options, reads, cx), asked, channel)?;
    let Some(filled) = filled else { return Ok(()) };
    let mut filled = filled?;
    let warnings = revealed.diagnostics(std::mem::take(&mut filled.warnings));
    let filled = manifests::finish(&numbers, filled, options.print == Print::Json, cx)?;
    say(channel, &filled, &warnings, reads, began)
}

/// Answers with filled manifests.
fn say(
    channel: &SharedChannel,
    filled: &[(u32, Text)],
    warnings: &[Diagnostic],
    reads: &Reads,
    began: Instant,
) -> Result<(), OrderError> {
    let report = Generated {
        filled: parts(filled.iter().map(|(number, text)| (*number, text.bytes().len()))),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        secrets: reads.count(),
        microseconds: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    let tail: Vec<&[u8]> = filled.iter().map(|(_, text)| text.bytes()).collect();
    channel.say(&Report::Generated(report), &tail).map_err(OrderError::Protocol)
}

/// Manifests as a report lists them. None is longer than 4 GiB, since the limit of memory is lower.
fn parts(manifests: impl Iterator<Item = (u32, usize)>) -> Vec<Part> {
    manifests
        .map(|(number, length)| Part { number, length: u32::try_from(length).unwrap_or(u32::MAX) })
        .collect()
}

/// The fill stage's options, parsed from what the supervisor sent.
fn fill_options(fill: &Fill) -> anyhow::Result<FillOptions> {
    let app = fill.app();
    let mut policy = PathPolicy::default();
    if let Some(globs) = &fill.globs {
        // The supervisor has validated these patterns when it started.
        policy = policy.allow_checked(globs, &app);
    }
    if let Some(globs) = &fill.namespaces {
        policy = policy.allow_namespaces(globs, &app);
    }
    if let Some(expression) = &fill.expression {
        policy = policy.require("AVP_PATH_VALIDATION", expression);
    }
    if let Some(expression) = &fill.authors_expression {
        policy = policy.narrow(AUTHORS_EXPRESSION, expression)?;
    }
    Ok(FillOptions {
        compat_avp: fill.compat_avp,
        kinds: fill.kinds.clone(),
        app,
        env: fill.env.clone(),
        policy,
        remove_missing_any: fill.remove_missing_any,
        // The plugin protocol takes JSON. With `--compat avp` YAML is printed as argocd-vault-plugin does, and then
        // converted.
        print: if fill.compat_avp { Print::Yaml } else { Print::Json },
        // [`manifests::sort`] has scanned the documents already.
        scanned: true,
        // The files of an archive are added when it is open.
        sources: None,
        vals_refs: fill.vals_refs,
        stores: fill.stores(),
    })
}
