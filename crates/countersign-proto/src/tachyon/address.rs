//! Which addresses that a server names are opened or asked?

use std::fmt;

use url::{Host, Url};

use super::TachyonError;
use crate::metadata::is_loopback;

/// An address may have at most so many bytes.
pub const MAX_ADDRESS_BYTES: usize = 16 * 1024;

/// Why an address is neither opened nor asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// More than [`MAX_ADDRESS_BYTES`].
    TooLong,
    /// It is no absolute URL, or has a character that is none of a URL.
    NotAUrl,
    /// Neither `https`, nor `http` on loopback: no file, no script, no plain text on a network.
    Scheme,
    /// It has a user name or a password, which make a host look like another.
    Userinfo,
    /// It is on loopback, and the server that names it is not.
    ThisMachine,
}

/// Reads an address that `server` names as that `of` something.
///
/// The identity provider is another host than the server, and nothing says which: whoever is the
/// server may name any page. So what is refused is what is no page, and what would be a request to
/// this machine in the name of a server elsewhere.
pub(super) fn read(text: &str, server: &Url, of: &'static str) -> Result<Url, TachyonError> {
    check(text, server).map_err(|why| TachyonError::Address { of, why })
}

fn check(text: &str, server: &Url) -> Result<Url, AddressError> {
    if text.len() > MAX_ADDRESS_BYTES {
        return Err(AddressError::TooLong);
    }
    // The URL parser forgives these, and a person would see another address than is opened.
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    {
        return Err(AddressError::NotAUrl);
    }
    let url = Url::parse(text).map_err(|_| AddressError::NotAUrl)?;
    match (url.scheme(), is_loopback(&url)) {
        ("http" | "https", _) if is_here(&url) && !is_loopback(server) => {
            Err(AddressError::ThisMachine)
        }
        ("https", _) | ("http", true) => Ok(()),
        _ => Err(AddressError::Scheme),
    }?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Userinfo);
    }
    Ok(url)
}

/// Whether a request to that address may reach this machine, by whatever name.
fn is_here(url: &Url) -> bool {
    let also_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let inner = address.to_ipv4_mapped();
            address.is_unspecified()
                || inner.is_some_and(|inner| inner.is_loopback() || inner.is_unspecified())
        }
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    };
    also_here || is_loopback(url)
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::TooLong => write!(f, "is longer than {MAX_ADDRESS_BYTES} bytes"),
            AddressError::NotAUrl => f.write_str("is no URL"),
            AddressError::Scheme => f.write_str("is neither https nor http on loopback"),
            AddressError::Userinfo => f.write_str("has a user name or a password in it"),
            AddressError::ThisMachine => {
                f.write_str("is on this machine, and the server that names it is not")
            }
        }
    }
}

impl std::error::Error for AddressError {}
