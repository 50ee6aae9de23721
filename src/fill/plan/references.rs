//! Plans references of vals in a string, as placeholders for the same values.

use super::super::placeholder::Placeholder;
use super::super::vals;
use super::parts::Here;
use super::resource::Resource;
use super::walk::Planner;
use super::{Content, Part, shown};
use keyfill_diag::{Class, Stopped};

impl Planner<'_> {
    /// Whether a text may contain a reference of vals, and such references are enabled.
    pub(super) fn holds_reference(&self, text: &[u8]) -> bool {
        self.options.vals_refs && memchr::memmem::find(text, vals::MARK).is_some()
    }

    /// Adds the references of a text to its parts.
    pub(super) fn references(
        &mut self,
        resource: &mut Resource<'_>,
        here: &Here<'_>,
        parts: &mut Vec<Part>,
    ) -> Result<(), Stopped> {
        if !self.holds_reference(here.text) {
            return Ok(());
        }
        let mut added = Vec::new();
        for reference in vals::find(here.text) {
            self.tick()?;
            let span = reference.span.clone();
            if parts.iter().any(|part| part.span.start < span.end && span.start < part.span.end) {
                continue;
            }
            let token = &here.text[span.clone()];
            let planned: Result<Placeholder, vals::Refusal> =
                vals::placeholder(&reference, &self.options.stores);
            match planned {
                Ok(placeholder) => {
                    let fetch = self.fetch(resource, here, &span, token, &placeholder, false);
                    let content = fetch.map(|fetch| Content::Value(Box::new(fetch)));
                    added.extend(content.map(|content| Part { span, content }));
                }
                Err(refusal) => {
                    let class = if refusal.forbidden { Class::Forbidden } else { Class::Render };
                    let message = format!("{}: {}", shown(token), refusal.message);
                    self.fetch_error(resource, here, &span, class, message, None);
                }
            }
        }
        parts.extend(added);
        parts.sort_by_key(|part| part.span.start);
        Ok(())
    }
}
