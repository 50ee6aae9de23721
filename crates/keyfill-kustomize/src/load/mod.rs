//! Reading files: kustomizations and objects.

mod ahead;
mod batch;
mod decode;
mod deprecated;
mod fields;
mod helm;
mod kustomization;
mod loader;
mod names;
mod objects;
mod remote;
mod remotes;
mod spot;
mod submodules;
mod world;

pub use ahead::{Ahead, Listed};
pub use decode::{Item, Object};
pub use deprecated::Deprecated;
pub use fields::{
    Generator, GeneratorOptions, Label, Patch, PatchOptions, Replacement, ReplacementSource,
    ReplacementTarget, Replica, Selector, SortOptions, SortOrder, Variable, decode_field_specs,
    decode_generator_fields, decode_image, decode_patch, decode_replacement, decode_replacement_entry,
    decode_replica, decode_selector,
};
pub use helm::{ChartEntry, HelmGlobals, decode_chart_fields, decode_global_fields};
pub use kustomization::{FILE_NAMES, Kustomization, KustomizationKind};
pub use loader::{Base, LoadRestrictor, Loader};
pub use names::FileNames;
pub use objects::objects_of;
pub use remote::{Repository, is_remote_file, names_a_manifest};
pub use remotes::Remotes;
pub use spot::{Content, FieldPath, Source, Spot, Spotted};
pub use submodules::address as submodule_address;
pub use world::World;
