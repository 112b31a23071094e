//! Where does somebody go who has signed in, and can nobody send him elsewhere?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Platform;

/// A page of the console, with its query: never an address of anybody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnPath(String);

/// Longest, in bytes. A list with all its filters is shorter.
const LONGEST: usize = 1024;

impl ReturnPath {
    /// The first page of the console.
    pub(super) fn home(platform: &Platform) -> ReturnPath {
        ReturnPath(super::path(platform, ""))
    }

    /// As somebody asks for it; the first page unless it is one of the console's.
    ///
    /// It is read as a browser reads it, and what a browser would make of it is what is kept: so
    /// nothing that looks like a path, and is none to a browser, gets through.
    pub(super) fn asked(platform: &Platform, text: &str) -> ReturnPath {
        ReturnPath::read(platform, text).unwrap_or_else(|| ReturnPath::home(platform))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// For a cookie, in which not every character may stand.
    pub(super) fn for_cookie(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    pub(super) fn from_cookie(platform: &Platform, text: &str) -> ReturnPath {
        let decoded = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        ReturnPath::asked(platform, &String::from_utf8(decoded).unwrap_or_default())
    }

    fn read(platform: &Platform, text: &str) -> Option<ReturnPath> {
        if text.len() > LONGEST || !text.starts_with('/') {
            return None;
        }
        let issuer = &platform.settings().issuer;
        let url = issuer.join(text).ok()?;
        let home = super::path(platform, "");
        let is_ours = url.origin() == issuer.origin()
            && url
                .path()
                .strip_prefix(&home)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // Signing in and out leads nowhere.
        let around = ["/sign-in", "/sign-out"].map(|page| super::path(platform, page));
        if !is_ours || around.iter().any(|page| page == url.path()) {
            return None;
        }
        let query = url.query().map(|query| format!("?{query}"));
        let path = format!("{}{}", url.path(), query.unwrap_or_default());
        (path.len() <= LONGEST).then_some(ReturnPath(path))
    }
}
