//! Decryption of encrypted files in a tree.
//!
//! Engines call a [`Decrypt`] and never see a key. The implementation decides whether a file may be decrypted, and
//! with which keys.

use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Report};
use std::fmt;

/// Decrypts files that were read from a tree.
pub trait Decrypt: Send + Sync {
    /// Whether decryption is switched on at all.
    fn is_on(&self) -> bool {
        true
    }

    /// Whether [`Self::decrypt`] can decrypt a file: a quick check of its text. `name` is its path, whose
    /// extension gives the format. Always `false` if decryption is switched off.
    fn is_encrypted(&self, name: &str, bytes: &[u8]) -> bool;

    /// The decrypted file. It is secret, and must be used only in the rendered result.
    fn decrypt(&self, name: &str, bytes: &[u8], cx: &Cx) -> Result<Bytes, DecryptError>;
}

/// Why a file was not decrypted. Pointer-sized. Its texts contain no secret.
#[derive(Clone, Debug)]
pub struct DecryptError(Box<Diagnostic>);

impl DecryptError {
    /// Makes the error from a diagnostic with its position.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self(Box::new(diagnostic))
    }

    /// The diagnostic: message, position and hint.
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

/// An implementation that decrypts nothing.
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
