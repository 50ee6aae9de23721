//! Discovery in a worker: whether a folder is for this plugin.

use super::{Beside, open, packed, patterns, tree_path};
use crate::discover;
use crate::outside::Outside;
use crate::plugin::run::{self, Request};
use crate::report::Problem;
use crate::serve::orders::{Discovery, Matches};
use crate::settings::Env;
use anyhow::Result;
use keyfill_diag::Cx;

/// Whether the app's folder is for this plugin. Patterns or a command of plugin.yaml decide; else it is if the
/// files that the folder reads hold placeholders or encrypted files that would be decrypted.
pub fn matches(rules: &Discovery, order: &Matches, beside: Beside, cx: &Cx) -> Result<bool> {
    let path = tree_path(&order.task.path)?;
    let files = open(packed(order.archive, beside)?, &path, cx)?;
    let fits = if !rules.file_name.is_empty() {
        patterns::file_name_fits(&files, &path, &rules.file_name)
    } else if !rules.glob.is_empty() {
        patterns::glob_fits(&files, &path, &rules.glob)
    } else if let Some(plan) = &rules.asked {
        let env: Env = order.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        run::matches(
            plan,
            Request { files: &files, folder: &path, env: &env, outside: &Outside::default(), cx },
        )?
    } else {
        let roots = discover::roots(&files, &path, cx);
        let is_ours = |root| rules.any || discover::is_ours(&files, root, rules.decrypts, cx);
        rules.configured && roots.iter().any(is_ours)
    };
    // If the deadline cut the search short, there is no answer: with "no" Argo CD would render the app without its
    // secrets.
    cx.check()
        .map_err(|stopped| Problem::input(format!("stopped while looking for placeholders: {stopped}")))?;
    Ok(fits)
}
