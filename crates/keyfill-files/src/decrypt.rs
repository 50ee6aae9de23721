//! Files of the tree that are encrypted.
//!
//! Engines ask a [`Decrypt`] and never see a key. Whether a file may be decrypted, and with which keys, is the
//! answerer's to decide.

use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Report};
use std::fmt;

/// Decrypts files that were read from a tree.
pub trait Decrypt: Send + Sync {
    /// Whether decryption is switched on at all.
    fn is_on(&self) -> bool {
        true
    }

    /// Whether a file is one that [`Self::decrypt`] takes: a quick look at its text. `name` is its path; the ending
    /// says the format. Nothing is where decryption is switched off.
    fn is_encrypted(&self, name: &str, bytes: &[u8]) -> bool;

    /// The plain file. What it returns is secret: it goes into the rendered result and nowhere else.
    fn decrypt(&self, name: &str, bytes: &[u8], cx: &Cx) -> Result<Bytes, DecryptError>;
}

/// Why a file was not decrypted. Pointer-sized. Its texts hold no secret.
#[derive(Clone, Debug)]
pub struct DecryptError(Box<Diagnostic>);

impl DecryptError {
    /// An error with its place.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self(Box::new(diagnostic))
    }

    /// What went wrong, where, and what to do.
    pub fn diagnostic(&self) -> &Diagnostic {
        &self.0
    }
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for DecryptError {}

impl Report for DecryptError {
    fn class(&self) -> Class {
        self.0.class
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::clone(&self.0)]
    }
}

/// Decrypts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDecrypt;

impl Decrypt for NoDecrypt {
    fn is_on(&self) -> bool {
        false
    }

    fn is_encrypted(&self, _: &str, _: &[u8]) -> bool {
        false
    }

    fn decrypt(&self, name: &str, _: &[u8], _: &Cx) -> Result<Bytes, DecryptError> {
        let message = format!("{name} is encrypted, and files are not decrypted here");
        let diagnostic = Diagnostic::error(Class::Render, message);
        Err(DecryptError::new(diagnostic.hint("an administrator turns decryption on with KEYFILL_SOPS=true")))
    }
}
