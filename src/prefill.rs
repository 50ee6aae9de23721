//! Fills placeholders in a chart's values before the chart is rendered.

use crate::fill::values::{Texts, fill_values, hold_placeholders, texts_of};
use crate::pipeline;
use crate::revealed::Revealed;
use crate::settings::Settings;
use crate::{report, store};
use keyfill_diag::{Cx, Diagnostic};
use keyfill_helm::FillValues;
use keyfill_secrets::Reads;
use keyfill_yaml::Value;
use std::fmt;
use std::sync::Arc;

/// Fills from the stores of the settings, which are created only if there are placeholders.
pub struct Prefill {
    settings: Settings,
    revealed: Arc<Revealed>,
}

impl fmt::Debug for Prefill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefill(..)")
    }
}

impl Prefill {
    /// Uses a run's settings, and records filled values in `revealed`.
    pub fn new(settings: Settings, revealed: Arc<Revealed>) -> Self {
        Self { settings, revealed }
    }

    fn filled(&self, texts: Texts, cx: &Cx) -> anyhow::Result<Vec<Value>> {
        let (source, _) = store::open(&self.settings)?;
        let reads = Reads::new(source);
        Ok(pipeline::runtime()?.block_on(fill_values(texts, &self.settings.fill, &reads, cx))?)
    }
}

impl FillValues for Prefill {
    fn fill(&self, texts: Texts, cx: &Cx) -> Result<Vec<Value>, Vec<Diagnostic>> {
        if !hold_placeholders(&texts, &self.settings.fill) {
            return Ok(texts.into_iter().map(|(_, text)| Value::Str(text.into())).collect());
        }
        let before = texts.clone();
        let filled = self.filled(texts, cx).map_err(|error| report::problems(&error))?;
        note(&self.revealed, &before, &filled);
        Ok(filled)
    }
}

/// Records every value that replaced a text.
pub fn note(revealed: &Revealed, before: &[(String, String)], filled: &[Value]) {
    for ((_, text), value) in before.iter().zip(filled) {
        if value.as_str() != Some(text) {
            texts_of(value, &mut |text| revealed.add(text.as_bytes()));
        }
    }
}
