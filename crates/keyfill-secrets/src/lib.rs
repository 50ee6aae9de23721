//! Secret stores: the Source trait, a Secret type that cannot print, Vault and file sources.
