//! How does a program use a token that somebody granted to it, and go on when it is replaced?

mod end;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use countersign_proto::{
    bearer,
    time::UnixTime,
    token::{AccessToken, TokenType},
};
use http::header;

use crate::{
    Clock, Error, ErrorKind, SystemClock, authorize,
    certificate_store::{Exposure, read_whole},
    error::printable,
};

/// A token that somebody granted to this program: a personal access token, an app token or a system
/// token. Cheap to clone; clones share what they know.
///
/// Nothing is exchanged and nothing renewed: the token itself is presented. To rotate it, write the
/// successor into the file; no restart is needed.
#[derive(Clone)]
pub struct GrantedCredential {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None`: always the token that is known.
    file: Option<PathBuf>,
    known: ArcSwapOption<AccessToken>,
    /// The second of the last look at the file.
    looked_at: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// No second of any clock.
const NEVER: u64 = u64::MAX;

impl GrantedCredential {
    /// Always this token.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] when it cannot stand in an `Authorization` header (RFC 6750 §2.1).
    pub fn fixed(token: &str) -> Result<GrantedCredential, Error> {
        let token = presentable(token).map_err(|problem| {
            Error::new(ErrorKind::Settings, format!("the granted token {problem}"))
        })?;
        Ok(GrantedCredential::new(
            None,
            Some(token),
            Arc::new(SystemClock),
        ))
    }

    /// The token in this file, alone, with or without a line end. Nothing is read yet.
    ///
    /// The file is looked at again at most once a second of `clock`. One that cannot be read, or
    /// holds no token, leaves the token from before in use.
    pub fn file(path: &Path, clock: Arc<dyn Clock>) -> GrantedCredential {
        GrantedCredential::new(Some(path.to_owned()), None, clock)
    }

    /// The token as it is now.
    ///
    /// # Errors
    /// [`ErrorKind::Credential`] when the file has no token, and there was none before.
    pub async fn token(&self) -> Result<AccessToken, Error> {
        if !self.is_due() {
            return self.known();
        }
        let credential = self.clone();
        let looked = tokio::task::spawn_blocking(move || credential.look());
        looked.await.map_err(|_| {
            Error::new(
                ErrorKind::Credential,
                "the granted token could not be looked for",
            )
        })?
    }

    /// Sets the `Authorization` header on one request, as [`authorize::authorize`] does.
    ///
    /// # Errors
    /// As there; else those of [`GrantedCredential::token`]. The request is then as it was.
    pub async fn authorize<B>(&self, request: &mut http::Request<B>) -> Result<(), Error> {
        let url = authorize::whole_url(request.uri())?;
        self.apply(&url, request.headers_mut()).await
    }

    /// Sets the header for one request.
    pub(crate) async fn apply(
        &self,
        url: &url::Url,
        headers: &mut http::HeaderMap,
    ) -> Result<(), Error> {
        authorize::check_destination(url)?;
        let token = self.token().await?;
        let value = bearer::authorization(&token, TokenType::Bearer);
        headers.insert(header::AUTHORIZATION, value);
        headers.remove(crate::dpop::PROOF);
        Ok(())
    }

    fn new(
        file: Option<PathBuf>,
        known: Option<AccessToken>,
        clock: Arc<dyn Clock>,
    ) -> GrantedCredential {
        GrantedCredential {
            inner: Arc::new(Inner {
                file,
                known: ArcSwapOption::from_pointee(known),
                looked_at: AtomicU64::new(NEVER),
                clock,
            }),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    fn is_due(&self) -> bool {
        let looked_at = self.inner.looked_at.load(Ordering::Acquire);
        self.inner.file.is_some() && looked_at != self.now().as_secs()
    }

    fn known(&self) -> Result<AccessToken, Error> {
        let known = self.inner.known.load();
        let known = known.as_deref().cloned();
        known.ok_or_else(|| Error::new(ErrorKind::Credential, "there is no granted token"))
    }

    fn look(&self) -> Result<AccessToken, Error> {
        let Some(file) = &self.inner.file else {
            return self.known();
        };
        let second = self.now().as_secs();
        match read(file) {
            Ok((token, exposure)) => {
                let before = self.inner.known.swap(Some(Arc::new(token.clone())));
                if before.is_none_or(|before| *before != token) {
                    let file = file.display();
                    tracing::info!(%file, "the granted token of this file is in use");
                    if let Exposure::Everybody(_) = exposure {
                        tracing::warn!(%file, "everybody on this machine may read the granted token");
                    }
                }
                self.inner.looked_at.store(second, Ordering::Release);
                Ok(token)
            }
            Err(problem) => {
                let text = printable(&format!("{} {problem}", file.display()));
                let known = self.known().map_err(|_| {
                    Error::new(ErrorKind::Credential, text.clone())
                        .with_hint("write the token alone into the file, for its owner to read")
                })?;
                tracing::warn!(%text, "the granted token from before stays in use");
                self.inner.looked_at.store(second, Ordering::Release);
                Ok(known)
            }
        }
    }
}

fn read(file: &Path) -> Result<(AccessToken, Exposure), String> {
    let whole = read_whole(file)?;
    let text = std::str::from_utf8(&whole.bytes).map_err(|_| "is not text".to_owned())?;
    let token =
        presentable(text.trim()).map_err(|problem| format!("holds a token that {problem}"))?;
    Ok((token, whole.exposure))
}

/// A token that can stand in a header; else what is wrong with it, without a word of it.
fn presentable(text: &str) -> Result<AccessToken, String> {
    AccessToken::new(text).map_err(|_| match text {
        "" => "is empty".to_owned(),
        _ => "holds a character that no bearer token has, or is longer than 16 KiB".to_owned(),
    })
}

/// The file at most: the token is never printed.
impl fmt::Debug for GrantedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedCredential")
            .field("file", &self.inner.file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
