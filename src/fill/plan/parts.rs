//! Finds and parses the placeholders of one string, and adds their secrets to the plan.

use super::super::annotations;
use super::super::datum::{Base64Form, decode_base64};
use super::super::encoded::{self, Codec, Sighting};
use super::super::locate;
use super::super::modifiers::{self, DEFAULT};
use super::super::paths::{self, PathError};
use super::super::placeholder::{self, Argument, Fault, Found, Placeholder, Target};
use super::super::problems::Precision;
use super::resource::Resource;
use super::walk::{Planner, ResolvedPath, Walk, WrittenPath};
use super::{
    Content, EVERY_KEY, Fetch, FetchStep, Look, MOST_SECRETS, Part, Site, SitePlace, Use, Wanted, of_object,
    shown,
};
use keyfill_diag::{Class, Diagnostic, Severity, Stopped};
use keyfill_go::strconv::parse_int;
use keyfill_secrets::{Keys, KvVersion, SecretRef};
use std::ops::Range;

/// The deepest nesting of encoded texts.
const MOST_LAYERS: u32 = 4;

/// A text that is searched for placeholders: the string itself, or an encoded part of it after decoding.
pub(super) struct Here<'t> {
    site: &'t Site,
    pub(super) text: &'t [u8],
    /// Position of the encoded part in the string; `None` if the text is the string itself.
    outer: Option<Range<usize>>,
    layer: u32,
}

impl Here<'_> {
    fn span(&self, span: &Range<usize>) -> Range<usize> {
        self.outer.clone().unwrap_or_else(|| span.clone())
    }
}

impl Planner<'_> {
    /// Searches a string, or a mapping's key, for placeholders.
    pub(super) fn string(
        &mut self,
        resource: &mut Resource<'_>,
        written: &[u8],
        is_key: bool,
        in_map: bool,
        walk: &mut Walk<'_>,
    ) -> Result<(), Stopped> {
        let avp = self.options.compat_avp;
        let whole = if is_key { None } else { self.whole_base64(resource, written) };
        let escaped = whole.is_none() && may_be_encoded(resource, written);
        let reference = whole.is_none() && !is_key && self.holds_reference(written);
        if whole.is_none() && !escaped && !reference && !written.contains(&b'<') {
            if resource.is_secret && !is_key && self.look == Look::All {
                let path = walk.keys();
                if path.len() == resource.root.len() + 2
                    && resource.site_place(&path, is_key, avp) == SitePlace::Base64
                {
                    self.check_data(resource, written, walk);
                }
            }
            return Ok(());
        }
        let path = walk.keys();
        let mut site = Site {
            ordinal: walk.strings,
            place: resource.site_place(&path, is_key, avp),
            removable: (in_map || resource.annotations.remove_missing_any || self.options.remove_missing_any)
                && resource.removes_missing(self.options),
            is_key,
            path,
            text: written.to_vec(),
            parts: Vec::new(),
            object: resource.object.clone(),
        };
        site.parts = match whole {
            Some(text) => {
                let span = 0..written.len();
                let here = Here { site: &site, text: &text, outer: Some(span.clone()), layer: 1 };
                let parts = self.parts(resource, &here)?;
                // AVP encodes such base64 again even if it fills nothing in it, so that its line breaks are lost.
                if parts.is_empty() && !(avp && written.iter().any(|b| matches!(b, b'\n' | b'\r'))) {
                    return Ok(());
                }
                let codec = Codec::Base64(Base64Form::Standard);
                vec![Part { span, content: Content::Encoded { codec, text, parts, guess: false } }]
            }
            None if is_key && avp => {
                self.unfilled_key(resource, &site);
                return Ok(());
            }
            None => {
                let here = Here { site: &site, text: written, outer: None, layer: 0 };
                let mut parts = self.parts(resource, &here)?;
                if reference {
                    self.references(resource, &here, &mut parts)?;
                }
                parts
            }
        };
        if !site.parts.is_empty() {
            walk.sites.push(site);
        }
        Ok(())
    }

    /// The decoded text of a Secret's base64 string, if that contains a placeholder.
    fn whole_base64(&self, resource: &Resource<'_>, written: &[u8]) -> Option<Vec<u8>> {
        if !resource.is_secret || written.len() < 4 {
            return None;
        }
        let avp = self.options.compat_avp;
        decode_base64(written).filter(|bytes| {
            placeholder::find(bytes, true).next().is_some()
                || (!avp && !encoded::look(bytes, resource.has_keys()).is_empty())
        })
    }

    /// Warns of a placeholder in a mapping's key, which AVP does not fill.
    fn unfilled_key(&mut self, resource: &Resource<'_>, site: &Site) {
        let Some(found) = placeholder::find(&site.text, false).next() else { return };
        let (Found::Placeholder(span) | Found::Broken(span, _)) = found;
        let message = format!(
            "{}: keys of mappings are not filled, as with argocd-vault-plugin",
            shown(&site.text[span])
        );
        self.site_warning(resource, site, None, message, None);
    }

    /// The placeholders of a text, also those in encoded parts of it.
    fn parts(&mut self, resource: &mut Resource<'_>, here: &Here<'_>) -> Result<Vec<Part>, Stopped> {
        let mut parts = self.direct(resource, here)?;
        if here.layer < MOST_LAYERS {
            self.encoded(resource, here, &mut parts)?;
        }
        Ok(parts)
    }

    fn direct(&mut self, resource: &mut Resource<'_>, here: &Here<'_>) -> Result<Vec<Part>, Stopped> {
        let mut parts = Vec::new();
        let mut finder = placeholder::find(here.text, resource.has_keys());
        while let Some(found) = finder.next() {
            self.tick()?;
            match found {
                Found::Placeholder(span) => {
                    let token = &here.text[span.clone()];
                    match placeholder::parse(token, resource.has_keys()) {
                        Ok(parsed) => {
                            let fetch = self.fetch(resource, here, &span, token, &parsed, false);
                            let content = fetch.map(|fetch| Content::Value(Box::new(fetch)));
                            parts.extend(content.map(|content| Part { span, content }));
                        }
                        Err(fault) => self.broken(resource, here, &span, fault, false),
                    }
                }
                Found::Broken(span, fault) => {
                    let is_text = fault.is_avps() && finder.is_text_to_avp(span.start);
                    self.broken(resource, here, &span, fault, is_text);
                }
            }
        }
        Ok(parts)
    }

    /// Adds the encoded parts of a text that do not overlap with placeholders found in it.
    fn encoded(
        &mut self,
        resource: &mut Resource<'_>,
        here: &Here<'_>,
        parts: &mut Vec<Part>,
    ) -> Result<(), Stopped> {
        let avp = self.options.compat_avp;
        let sightings = encoded::look(here.text, resource.has_keys() && !avp);
        if sightings.is_empty() {
            return Ok(());
        }
        let mut added = Vec::new();
        let mut known = parts.iter().map(|part| part.span.clone()).peekable();
        for sighting in sightings {
            self.tick()?;
            let span = sighting.span().clone();
            while known.next_if(|other| other.end <= span.start).is_some() {}
            if known.peek().is_some_and(|other| other.start < span.end) {
                continue;
            }
            match sighting {
                Sighting::Lost { what, .. } => self.lost(resource, here, &span, what),
                Sighting::Encoded { .. } if avp => self.lost(resource, here, &span, "an encoding"),
                Sighting::Encoded { codec, text, guess, .. } => {
                    let outer = Some(here.span(&span));
                    let inner = Here { site: here.site, text: &text, outer, layer: here.layer + 1 };
                    let inner = match codec {
                        Codec::Base64(_) => self.parts(resource, &inner)?,
                        _ => self.direct(resource, &inner)?,
                    };
                    if !inner.is_empty() {
                        let content = Content::Encoded { codec, text, parts: inner, guess };
                        added.push(Part { span, content });
                    }
                }
            }
        }
        parts.extend(added);
        parts.sort_by_key(|part| part.span.start);
        Ok(())
    }

    /// Reports a placeholder that cannot be filled, since it was changed.
    fn lost(&mut self, resource: &Resource<'_>, here: &Here<'_>, span: &Range<usize>, what: &str) {
        let token = shown(&here.text[span.clone()]);
        let message = format!("{token}: the placeholder was changed by {what} and is not filled");
        let hint = "take the function that changes it out of the template, or put the placeholder where nothing does";
        self.site_warning(resource, here.site, Some(&here.span(span)), message, Some(hint));
    }

    /// Reports a problem of a string: a warning for `generate`, an error for `check`.
    fn site_warning(
        &mut self,
        resource: &Resource<'_>,
        site: &Site,
        span: Option<&Range<usize>>,
        message: String,
        hint: Option<&str>,
    ) {
        let severity = if self.look == Look::All { Severity::Error } else { Severity::Warning };
        let order = (resource.number, site.ordinal, span.map_or(0, |span| span.start));
        let make = |exact: Precision<'_>| {
            let place = site.place(resource.document, span, exact);
            let mut made = Diagnostic::warning(Class::Render, message).at(place);
            made.severity = severity;
            made.hint = hint.map(str::to_owned);
            of_object(made, &resource.object)
        };
        let problems = match severity {
            Severity::Error => &mut self.plan.problems,
            Severity::Warning => &mut self.plan.warnings,
        };
        problems.add(order, Class::Render, make);
    }

    fn broken(
        &mut self,
        resource: &Resource<'_>,
        here: &Here<'_>,
        span: &Range<usize>,
        fault: Fault,
        is_text: bool,
    ) {
        let order = (resource.number, here.site.ordinal, here.span(span).start);
        let stays = self.options.compat_avp && is_text;
        let make = |exact: Precision<'_>| {
            let place = here.site.place(resource.document, self_span(here, span).as_ref(), exact);
            let message = format!("{}: the placeholder {fault}", shown(&here.text[span.clone()]));
            let made = if stays {
                let message = format!("{message}; it stays as it is, as with argocd-vault-plugin");
                Diagnostic::warning(Class::Render, message)
            } else {
                let hint = fault.hint().map_or_else(
                    || {
                        format!(
                            "write <path:PATH#KEY>, or set the annotation {}: \"true\" to keep the text",
                            annotations::IGNORE
                        )
                    },
                    str::to_owned,
                );
                Diagnostic::error(Class::Render, message).hint(hint)
            };
            of_object(made.at(place), &resource.object)
        };
        let problems = if stays { &mut self.plan.warnings } else { &mut self.plan.problems };
        problems.add(order, Class::Render, make);
    }

    /// Plans a placeholder. `optional` says that its value may be missing, since a default follows.
    pub(super) fn fetch(
        &mut self,
        resource: &mut Resource<'_>,
        here: &Here<'_>,
        span: &Range<usize>,
        token: &[u8],
        parsed: &Placeholder,
        optional: bool,
    ) -> Option<Fetch> {
        let mut steps = Vec::with_capacity(parsed.calls.len());
        let mut usable = true;
        for (number, call) in parsed.calls.iter().enumerate() {
            if let (DEFAULT, [Argument::Placeholder(inner)]) = (call.name.as_str(), call.words.as_slice()) {
                let inner_token = call.argument.as_bytes();
                let optional = optional || parsed.calls[number + 1..].iter().any(|call| call.name == DEFAULT);
                match self.fetch(resource, here, span, inner_token, inner, optional) {
                    Some(fetch) => steps.push(FetchStep::Or(Box::new(fetch))),
                    None => usable = false,
                }
                continue;
            }
            match modifiers::prepare(call, self.options.compat_avp) {
                Ok(action) => steps.push(FetchStep::Apply(action)),
                Err(error) => {
                    let message = format!("{}: {}", shown(token), error.message);
                    self.fetch_error(resource, here, span, Class::Render, message, error.hint);
                    usable = false;
                }
            }
        }
        let mut fetch =
            Fetch { token: token.to_vec(), secret: 0, key: parsed.target.key().to_owned(), steps };
        // AVP removes entries whose keys are missing, but not entries whose secrets are missing.
        let removable = here.site.removable && !self.options.compat_avp;
        let optional = optional || removable || fetch.has_default(0);
        fetch.secret = match &parsed.target {
            Target::Key(_) => self.keys_from(resource, !optional)?,
            Target::Path { path, version, .. } => {
                self.told_when_read(resource);
                let allowed = self.allowed(resource, path).and_then(|resolved| {
                    let version = self.version(resolved.store.as_deref(), version.as_deref());
                    version
                        .map(|version| resolved.at(version, resource.annotations.kv))
                        .map_err(|message| (Class::Missing, message))
                });
                match allowed {
                    Ok(secret) => {
                        let order = (resource.number, here.site.ordinal, here.span(span).start);
                        self.want(secret, !optional, || Use {
                            order,
                            path: here.site.path.clone(),
                            token: here.outer.is_none().then(|| here.text[span.clone()].to_vec()),
                            object: resource.object.clone(),
                        })
                    }
                    Err((class, why)) => {
                        let message = format!("{}: {why}", shown(token));
                        self.fetch_error(resource, here, span, class, message, None);
                        return None;
                    }
                }
            }
        };
        let keys = &mut self.plan.wanted[fetch.secret].keys;
        if fetch.key == EVERY_KEY {
            *keys = Keys::All;
        } else {
            keys.add(&fetch.key);
        }
        usable.then_some(fetch)
    }

    pub(super) fn fetch_error(
        &mut self,
        resource: &Resource<'_>,
        here: &Here<'_>,
        span: &Range<usize>,
        class: Class,
        message: String,
        hint: Option<String>,
    ) {
        let order = (resource.number, here.site.ordinal, here.span(span).start);
        self.plan.problems.add(order, class, |exact| {
            let place = here.site.place(resource.document, self_span(here, span).as_ref(), exact);
            let mut made = Diagnostic::error(class, message).at(place);
            made.hint = hint;
            of_object(made, &resource.object)
        });
    }

    /// The version in the form that is sent to the store.
    fn version(&self, store: Option<&str>, written: Option<&str>) -> Result<Option<String>, String> {
        let Some(text) = written else { return Ok(None) };
        if !self.options.stores.counts_versions(store) {
            return Ok(Some(text.trim().to_owned()));
        }
        if self.options.compat_avp
            && let Ok(number) = parse_int(text.trim(), 0)
        {
            // AVP passes the number to Vault, which parses it as Go does, and returns the newest version for
            // numbers below 1.
            return Ok((number > 0).then(|| number.to_string()));
        }
        match text.trim().parse::<i64>() {
            // The store's client refuses it too, but `check` has no store, so that it is reported here.
            Err(_) if self.look == Look::All => {
                Err(format!("there is no version {text:?}: versions are numbers"))
            }
            _ => Ok(Some(text.to_owned())),
        }
    }

    /// Reports the annotation problems that are reported only once the document reads a secret.
    fn told_when_read(&mut self, resource: &mut Resource<'_>) {
        if self.options.compat_avp && !resource.told_when_read {
            resource.told_when_read = true;
            let problems = resource.annotations.problems.clone();
            for problem in problems.iter().filter(|problem| problem.only_when_read) {
                self.annotation_problem(resource, problem);
            }
        }
    }

    /// The index of the annotation's secret; `None` if its path must not be read, which is reported once.
    pub(super) fn keys_from(&mut self, resource: &mut Resource<'_>, required: bool) -> Option<usize> {
        if let Some(known) = resource.keys_from {
            if let (Some(number), true) = (known, required) {
                self.require(number, resource);
            }
            return known;
        }
        self.told_when_read(resource);
        let written = resource.annotations.path.clone().unwrap_or_default();
        let allowed = self
            .allowed(resource, &written)
            .map_err(|(class, message)| (annotations::PATH, class, message))
            .and_then(|resolved| {
                let annotations = &resource.annotations;
                let version = self.version(resolved.store.as_deref(), annotations.version.as_deref());
                version
                    .map(|version| resolved.at(version, annotations.kv))
                    .map_err(|message| (annotations::SECRET_VERSION, Class::Missing, message))
            });
        let secret = match allowed {
            Ok(secret) => Some(self.want(secret, required, || annotation_use(resource))),
            Err((name, class, message)) => {
                self.annotation_error(resource, name, class, message);
                None
            }
        };
        resource.keys_from = Some(secret);
        secret
    }

    fn require(&mut self, number: usize, resource: &Resource<'_>) {
        let wanted = &mut self.plan.wanted[number];
        if wanted.required.is_none() {
            wanted.required = Some(annotation_use(resource));
        }
    }

    fn annotation_error(&mut self, resource: &Resource<'_>, name: &str, class: Class, message: String) {
        self.plan.problems.add((resource.number, resource.first_string, 0), class, |exact| {
            let path = resource.annotation_path(name);
            let place = locate::place(resource.document, &path, false, None, exact);
            of_object(Diagnostic::error(class, message).at(place), &resource.object)
        });
    }

    /// The store, the namespace and the canonical form of a path, if the policy allows it; else the error.
    fn allowed(&mut self, resource: &Resource<'_>, written: &str) -> Result<ResolvedPath, (Class, String)> {
        let options = self.options;
        let of_manifest = &resource.annotations.store;
        let of_namespace = &resource.annotations.namespace;
        let key = WrittenPath {
            store: of_manifest.clone(),
            namespace: of_namespace.clone(),
            path: written.to_owned(),
        };
        let resolved = self.paths.entry(key).or_insert_with(|| {
            let (store, path) = paths::resolve(written, of_manifest.as_deref(), options)?;
            let namespace = of_namespace.as_deref().map(|name| paths::rendered(name, options)).transpose()?;
            match options.policy.check_in(&options.stores, store.as_deref(), namespace.as_deref(), &path) {
                Ok(()) => Ok(ResolvedPath { store, namespace, path }),
                Err(message) => Err(PathError { message, forbidden: true }),
            }
        });
        resolved
            .clone()
            .map_err(|error| (if error.forbidden { Class::Forbidden } else { Class::Render }, error.message))
    }

    /// The index of a secret in `Plan::wanted`; the secret is added if it is new.
    fn want(&mut self, secret: SecretRef, required: bool, place: impl FnOnce() -> Use) -> usize {
        if let Some(number) = self.known.get(&secret) {
            let wanted = &mut self.plan.wanted[*number];
            if required && wanted.required.is_none() {
                wanted.required = Some(place());
            }
            return *number;
        }
        let number = self.plan.wanted.len();
        if number >= MOST_SECRETS {
            // The run will be refused, so that the index is never used.
            self.too_many = true;
            return number - 1;
        }
        self.known.insert(secret.clone(), number);
        let first = place();
        let required = required.then(|| first.clone());
        self.plan.wanted.push(Wanted { secret, keys: Keys::none(), first, required });
        number
    }
}

impl ResolvedPath {
    /// The reference that reads the path with this version.
    fn at(self, version: Option<String>, kv: Option<KvVersion>) -> SecretRef {
        SecretRef { store: self.store, path: self.path, version, kv, namespace: self.namespace }
    }
}

/// The part of the string that a problem points to; `None` if the placeholder does not occur literally in the string.
fn self_span(here: &Here<'_>, span: &Range<usize>) -> Option<Range<usize>> {
    match &here.outer {
        None => Some(span.clone()),
        // Inside an encoded part the problem points to the whole part, unless the part is the whole string.
        Some(outer) => (outer.len() < here.site.text.len()).then(|| outer.clone()),
    }
}

fn annotation_use(resource: &Resource<'_>) -> Use {
    Use {
        order: (resource.number, resource.first_string, 0),
        path: resource.annotation_path(annotations::PATH),
        token: None,
        object: resource.object.clone(),
    }
}

/// Whether a text may contain encoded placeholders.
fn may_be_encoded(resource: &Resource<'_>, text: &[u8]) -> bool {
    // The shortest encoded placeholder is `<k>` in base64.
    text.len() >= 4
        && (encoded::path_forms().is_match(text) || (resource.has_keys() && encoded::may_hold_keys(text)))
}
