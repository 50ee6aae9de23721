//! One run: the input, the settings, the rendering options, and the deadline. It is everything that a command
//! gives to the pipeline; generate, render, check and serve build it in the same way.

use crate::cli::render_args::RenderArgs;
use crate::fetch::Plan;
use crate::fill::Sources;
use crate::hydrated::FillWhen;
#[cfg(unix)]
use crate::memory;
use crate::outside::Outside;
use crate::overrun;
use crate::places::TreeTexts;
use crate::render::options::{self, Chosen, Options};
use crate::render::plain::Habits;
use crate::settings::{self, Given, Purpose, Settings};
use crate::sops::{Encrypted, Unlocks};
use crate::tree::{Boundary, Tree};
use anyhow::Result;
use keyfill_diag::{Class, Cx, Limits};
use keyfill_files::{FileKind, TreePath};
use std::path::Path;
use std::sync::Arc;

/// One run.
pub struct Run {
    /// The input.
    pub input: Input,
    /// The settings: stores, policies, limits.
    pub settings: Settings,
    /// The rendering options.
    pub options: Options,
    /// The services for what is not in the tree.
    pub outside: Outside,
    /// Whether placeholders are filled.
    pub fills: bool,
    /// Deadline, cancellation, limits.
    pub cx: Cx,
}

/// Where a run's documents come from.
pub enum Input {
    /// A rendered stream on stdin.
    Stdin,
    /// A folder or file of a tree.
    Tree(Tree),
}

impl Run {
    /// The run of a command line over a folder, a file, or `-` for stdin.
    pub fn of_command(given: &Given<'_>, render: &RenderArgs, path: &str) -> Result<Self> {
        let mut settings = settings::resolve(given, &given.read_files()?)?;
        let input = match path {
            "-" => Input::Stdin,
            path => Input::Tree(open(given, &settings, path)?),
        };
        let folder = input.tree().map_or_else(TreePath::root, |tree| tree.at.clone());
        let options = options(given, render, &settings, &folder)?;
        settings.fill.sources = input.tree().map(|tree| sources(given, tree));
        if settings.reads_encrypted() {
            settings.encrypted = Some(encrypted(given, &settings, &input)?);
        }
        let fetch = Plan::of(given, &settings)?.fetch(input.tree());
        let fills = input.is_filled(&settings);
        // Manifests that are rendered to be committed must not contain decrypted values.
        let generates = given.purpose == Purpose::Generate;
        let outside = Outside { fetch, ..Outside::of(&settings, generates && fills, !generates || fills) };
        let cx = settings.cx();
        Ok(Self { input, settings, options, outside, fills, cx })
    }

    /// Ends the process if the run exceeds its time or memory limits by a margin, because it does not check its
    /// `Cx` often enough.
    pub fn bound_process(&self) {
        let code = if self.settings.compat_avp { 1 } else { Class::Render.exit_code() };
        overrun::ends_after(&self.cx, code);
        #[cfg(unix)]
        memory::end_run_above(self.settings.memory.saturating_add(self.settings.memory / 4), code);
    }
}

/// The files that the store `sops` reads: those of the run's tree, relative to the app's folder; for stdin those
/// of the current folder.
fn encrypted(given: &Given<'_>, settings: &Settings, input: &Input) -> Result<Encrypted> {
    let tree = match input {
        Input::Tree(tree) => tree.clone(),
        Input::Stdin => open(given, settings, ".")?,
    };
    let dir = match tree.kind {
        FileKind::Dir => tree.at,
        _ => tree.at.parent().unwrap_or_else(TreePath::root),
    };
    Ok(Encrypted { files: tree.files, dir, service: Arc::new(Unlocks::of(settings)) })
}

/// The source files, to show lines in problems. `check` names files by their paths in the tree.
fn sources(given: &Given<'_>, tree: &Tree) -> Arc<dyn Sources> {
    Arc::new(match given.purpose {
        Purpose::Check => TreeTexts::by_path(tree),
        Purpose::Generate | Purpose::Render => TreeTexts::of(tree),
    })
}

/// The rendering options of a folder, from flags, variables and the administrator's settings.
pub fn options(
    given: &Given<'_>,
    render: &RenderArgs,
    settings: &Settings,
    folder: &TreePath,
) -> Result<Options> {
    let chosen = Chosen {
        engine: settings.effective.get("KEYFILL_ENGINE"),
        helm_compat: settings.effective.get("KEYFILL_HELM_COMPAT"),
        prefer: settings.effective.get("KEYFILL_PREFER"),
    };
    let for_cluster = given.purpose != Purpose::Render;
    let mut options = options::resolve(render, given.env, folder, for_cluster, chosen)?;
    if settings.compat_avp {
        options.habits = Habits::Avp;
    }
    Ok(options)
}

impl Input {
    /// The tree, unless documents come from stdin.
    pub fn tree(&self) -> Option<&Tree> {
        match self {
            Self::Stdin => None,
            Self::Tree(tree) => Some(tree),
        }
    }

    fn is_filled(&self, settings: &Settings) -> bool {
        match self {
            // stdin has no folder in which the hydrator's metadata could be.
            Self::Stdin => settings.filling == FillWhen::Always,
            Self::Tree(tree) => settings.filling.applies(&*tree.files, &tree.at),
        }
    }
}

fn open(given: &Given<'_>, settings: &Settings, path: &str) -> Result<Tree> {
    let named = given.run.root.as_deref().or_else(|| settings.effective.get("KEYFILL_ROOT").map(Path::new));
    // `check` reads a checkout; Argo CD's variables for an app do not apply to it.
    let boundary = match given.purpose {
        Purpose::Check => Boundary { named, ..Boundary::default() },
        Purpose::Generate | Purpose::Render => Boundary::of_env(named, given.env),
    };
    Tree::open(Path::new(path), boundary, Limits::default().file_bytes)
}
