//! Shows how a change affects the rendered manifests: two revisions of a repository are rendered, and their
//! objects are matched and compared field by field.
//!
//! [`revisions`] opens both sides as trees of files. [`reach`] finds the roots that the changed files affect,
//! [`apps`] the Applications. [`compare`] renders each root on both sides, without filling it, and [`object`]
//! finds the objects in the documents. [`fields`] compares two objects, with lists matched as [`lists`] says;
//! [`replaced`] knows the fields that cannot be changed in place, [`images`] and [`secrets`] compare a whole root.
//! Values of Secrets are replaced ([`hidden`]) before objects are compared, so that no format can print one.

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

/// The differences between two revisions.
#[derive(Debug, Default)]
pub struct Report {
    /// The name of the older side.
    pub base: String,
    /// The name of the newer side.
    pub head: String,
    /// The number of changed files.
    pub files: usize,
    /// The rendered roots that differ or failed, in the order of their names.
    pub roots: Vec<RootDiff>,
    /// The number of rendered roots without a difference.
    pub same: usize,
    /// Notes about what could not be compared.
    pub notes: Vec<String>,
}

/// The differences in one root.
#[derive(Debug, Default)]
pub struct RootDiff {
    /// The root's folder or the app's name; `OLD => NEW` if the folder was moved.
    pub name: String,
    /// On which sides the root exists.
    pub presence: Presence,
    /// The objects that differ.
    pub objects: Vec<ObjectDiff>,
    /// The images that differ.
    pub images: Vec<ImageChange>,
    /// The references to secrets that differ.
    pub secrets: Vec<ReferenceChange>,
    /// The errors of sides that could not be rendered.
    pub failures: Vec<SideFailure>,
    /// Warnings from rendering the newer side.
    pub warnings: Vec<Diagnostic>,
}

/// On which sides something exists.
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
    /// The presence in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// The sign at the beginning of a line.
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
    /// The side's name.
    pub side: String,
    /// The errors.
    pub problems: Vec<Diagnostic>,
}

/// The differences in one object.
#[derive(Debug)]
pub struct ObjectDiff {
    /// The object.
    pub id: ObjectId,
    /// Its name on the older side, if the hash suffix of its name changed.
    pub renamed_from: Option<String>,
    /// On which sides the object exists.
    pub presence: Presence,
    /// Its hooks, such as `PreSync` or `pre-install`: those of the newer side, or if it has none, of the older side.
    pub hooks: Vec<String>,
    /// Changed fields that are immutable, so that the object would have to be replaced.
    pub replaced_by: Vec<String>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
    /// The whole object, if it was added or removed, with values of Secrets replaced.
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

    /// The numbers of added, removed and changed objects.
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

    /// The numbers of added, removed and changed objects in all roots.
    pub fn counts(&self) -> Counts {
        self.roots.iter().map(RootDiff::counts).fold(Counts::default(), |sum, next| Counts {
            added: sum.added + next.added,
            removed: sum.removed + next.removed,
            changed: sum.changed + next.changed,
            replaced: sum.replaced + next.replaced,
        })
    }

    /// The errors of all roots that could not be rendered.
    pub fn failures(&self) -> Vec<Diagnostic> {
        let failures = self.roots.iter().flat_map(|root| &root.failures);
        failures.flat_map(|failure| failure.problems.iter().cloned()).collect()
    }
}

/// The numbers of objects that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that are only on the newer side.
    pub added: usize,
    /// Objects that are only on the older side.
    pub removed: usize,
    /// Objects that are on both sides and differ.
    pub changed: usize,
    /// Those of the changed objects in which an immutable field changed.
    pub replaced: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} removed, {} changed", self.added, self.removed, self.changed)?;
        if self.replaced > 0 { write!(f, " ({} replaced)", self.replaced) } else { Ok(()) }
    }
}
