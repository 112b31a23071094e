//! Did anything change in a store since it was read?

use std::path::PathBuf;

use super::Stamp;

/// What is compared to know that. Equal stamps of files mean equal contents, except within the
/// granularity of the file system's clock; those of tokens are the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stamps {
    /// The files of a store, and the stamp of each that is there.
    Files(Vec<(PathBuf, Option<Stamp>)>),
    /// What is in the tokens of a store.
    #[cfg(feature = "pkcs11")]
    Tokens(crate::pkcs11::Contents),
}

impl Stamps {
    pub(crate) fn of_files(files: impl Iterator<Item = PathBuf>) -> Stamps {
        let stamped = files.map(|path| {
            let stamp = Stamp::of(&path).ok();
            (path, stamp)
        });
        Stamps::Files(stamped.collect())
    }
}
