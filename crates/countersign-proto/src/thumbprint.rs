//! Which certificate is named by this hash?

/// A hash that names a certificate: SHA-1 (`x5t`, RFC 7515 §4.1.7) or SHA-256 (`x5t#S256`, §4.1.8) of its DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thumbprint {
    /** finds a certificate, never a reason to trust one */
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// Why a text is not a thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThumbprintError {
    Length { digits: usize },
    Character { at: usize, found: char },
}

impl Thumbprint {
    /// SHA-1 of a certificate's DER.
    pub fn sha1_of(_der: &[u8]) -> Thumbprint {
        todo!()
    }
    /// SHA-256 of a certificate's DER.
    pub fn sha256_of(_der: &[u8]) -> Thumbprint {
        todo!()
    }
    /// Reads what people paste: hexadecimal in any case, with colons, spaces, dashes or none,
    /// with the invisible characters that certificate dialogs add.
    pub fn parse(_text: &str) -> Result<Thumbprint, ThumbprintError> {
        todo!()
    }
    /// Reads a `kid` strictly as one of the forms of [`crate::assertion::KidForm`]: 40 or 64 hex digits
    /// of one case, or 27 or 43 canonical base64url characters. Anything else is `None`.
    pub fn from_kid(_kid: &str) -> Option<Thumbprint> {
        todo!()
    }
    /// The digest.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Thumbprint::Sha1(d) => d,
            Thumbprint::Sha256(d) => d,
        }
    }
    /// Upper-case hexadecimal without separators: the default `kid`.
    pub fn to_hex(&self) -> String {
        todo!()
    }
    /// base64url without padding: the form of `x5t` and `x5t#S256`.
    pub fn to_base64url(&self) -> String {
        todo!()
    }
}

/// Upper-case hexadecimal.
impl std::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}
