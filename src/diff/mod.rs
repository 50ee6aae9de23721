//! What a change does to the rendered manifests: two revisions of a repository rendered, their objects matched and
//! compared field by field.
//!
//! [`revisions`] opens both sides as trees of files. [`reach`] finds the roots that the changed files lead to, [`apps`]
//! the Applications.
//! [`compare`] renders each root on both sides, without filling it, and [`object`] finds the objects in the documents.
//! [`fields`] compares two objects, with lists matched as [`lists`] says; [`replaced`] knows the fields that cannot be
//! changed in place, [`images`] and [`secrets`] look across a whole root. Values of plain Secrets are covered
//! ([`hidden`]) before anything is compared, so that no format can print one.

pub mod apps;
pub mod compare;
pub mod fields;
mod hidden;
mod images;
pub mod lines;
mod lists;
mod object;
pub mod reach;
mod replaced;
pub mod revisions;
pub mod secrets;

pub use fields::FieldChange;
pub use images::ImageChange;
pub use object::ObjectId;
pub use secrets::ReferenceChange;

use keyfill_diag::Diagnostic;
use keyfill_yaml::Value;

/// What differs between two revisions.
#[derive(Debug, Default)]
pub struct Report {
    /// What the older side is called.
    pub base: String,
    /// What the newer side is called.
    pub head: String,
    /// How many files changed.
    pub files: usize,
    /// The roots that were rendered: those that differ or failed, in the order of their names.
    pub roots: Vec<RootDiff>,
    /// How many more were rendered and are the same.
    pub same: usize,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// What differs in one root.
#[derive(Debug, Default)]
pub struct RootDiff {
    /// The root's folder or the app's name; `OLD => NEW` where it was moved.
    pub name: String,
    /// Whether the root is there on both sides.
    pub presence: Presence,
    /// The objects that differ.
    pub objects: Vec<ObjectDiff>,
    /// The images that differ.
    pub images: Vec<ImageChange>,
    /// The references to secrets that differ.
    pub secrets: Vec<ReferenceChange>,
    /// Why it could not be rendered.
    pub failures: Vec<SideFailure>,
    /// What rendering said of the newer side.
    pub warnings: Vec<Diagnostic>,
}

/// On which sides something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// On the newer side only.
    Added,
    /// On the older side only.
    Removed,
    /// On both.
    #[default]
    Changed,
}

impl Presence {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// The sign before a line.
    pub fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// A side that could not be rendered.
#[derive(Debug)]
pub struct SideFailure {
    /// The revision.
    pub side: String,
    /// Why.
    pub problems: Vec<Diagnostic>,
}

/// What differs in one object.
#[derive(Debug)]
pub struct ObjectDiff {
    /// Which object.
    pub id: ObjectId,
    /// Its name before, where a name with a hash of its content changed.
    pub renamed_from: Option<String>,
    /// Whether it is there on both sides.
    pub presence: Presence,
    /// The hooks that it is, such as `PreSync` or `pre-install`; those of the newer side where it has any.
    pub hooks: Vec<String>,
    /// Fields that changed and cannot be changed in place: the object would have to be replaced.
    pub replaced_by: Vec<String>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
    /// All of it, where it was added or removed; values of Secrets are covered.
    pub content: Option<Value>,
}

impl RootDiff {
    /// Whether nothing differs and nothing failed.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && self.images.is_empty()
            && self.secrets.is_empty()
            && self.failures.is_empty()
            && self.presence == Presence::Changed
    }

    /// How many objects were added, removed and changed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for object in &self.objects {
            match object.presence {
                Presence::Added => counts.added += 1,
                Presence::Removed => counts.removed += 1,
                Presence::Changed => counts.changed += 1,
            }
            counts.replaced += usize::from(!object.replaced_by.is_empty());
        }
        counts
    }
}

impl Report {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.roots.iter().all(RootDiff::is_empty)
    }

    /// How many objects of all roots were added, removed and changed.
    pub fn counts(&self) -> Counts {
        self.roots.iter().map(RootDiff::counts).fold(Counts::default(), |sum, next| Counts {
            added: sum.added + next.added,
            removed: sum.removed + next.removed,
            changed: sum.changed + next.changed,
            replaced: sum.replaced + next.replaced,
        })
    }

    /// Why roots could not be rendered.
    pub fn failures(&self) -> Vec<Diagnostic> {
        let failures = self.roots.iter().flat_map(|root| &root.failures);
        failures.flat_map(|failure| failure.problems.iter().cloned()).collect()
    }
}

/// How many objects differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// On the newer side only.
    pub added: usize,
    /// On the older side only.
    pub removed: usize,
    /// On both, and not the same.
    pub changed: usize,
    /// Of the changed ones: those with a field that cannot be changed in place.
    pub replaced: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} removed, {} changed", self.added, self.removed, self.changed)?;
        if self.replaced > 0 { write!(f, " ({} replaced)", self.replaced) } else { Ok(()) }
    }
}
