//! How does somebody go through the pages of a sign-in without a browser's engine, as fast as requests go?
//!
//! A browser without script, pictures and rules of its own: it keeps cookies and submits forms. What a real browser
//! makes of the same pages is asked in `browser.rs`.

use std::{collections::BTreeMap, sync::Arc};

use countersign::{Transport, TransportError};
use http::{HeaderMap, Request, StatusCode, header};
use url::Url;

/// Somebody with cookies.
#[derive(Clone)]
pub(crate) struct Person {
    transport: Arc<dyn Transport>,
    cookies: BTreeMap<String, String>,
}

/// An answer of the platform, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A form of a page: where it goes, and its hidden fields.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    action: Url,
    hidden: Vec<(String, String)>,
}

impl Person {
    /// Somebody new.
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Person {
        Person {
            transport,
            cookies: BTreeMap::new(),
        }
    }

    /// Opens an address as if it had been typed. Redirects are not followed.
    pub(crate) async fn open(&mut self, url: &Url) -> Result<Page, TransportError> {
        self.send(
            Request::get(url.as_str())
                .body(Vec::new())
                .expect("a request"),
        )
        .await
    }

    /// Opens an address, and where it redirects to, as long as that is on the same site.
    pub(crate) async fn go(&mut self, url: &Url) -> Result<Page, TransportError> {
        let mut page = self.open(url).await?;
        for _ in 0..5 {
            match page.redirect() {
                Some(next) if next.origin() == url.origin() => page = self.open(&next).await?,
                _ => break,
            }
        }
        Ok(page)
    }

    /// Submits a form with further fields. Redirects are not followed.
    pub(crate) async fn submit(
        &mut self,
        form: &Form,
        fields: &[(&str, &str)],
    ) -> Result<Page, TransportError> {
        let hidden = form
            .hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden.chain(fields.iter().copied()))
            .finish();
        let request = Request::post(form.action.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, form.action.origin().ascii_serialization())
            .body(body.into_bytes())
            .expect("a request");
        self.send(request).await
    }

    /// Submits the hidden fields of a form to another address.
    pub(crate) async fn submit_to(
        &mut self,
        form: &Form,
        action: &Url,
    ) -> Result<Page, TransportError> {
        let form = Form {
            action: action.clone(),
            ..form.clone()
        };
        self.submit(&form, &[]).await
    }

    /// Goes where an answer redirects to, if it does.
    pub(crate) async fn follow(&mut self, page: &Page) -> Result<(), TransportError> {
        if let Some(next) = page.redirect() {
            self.open(&next).await?;
        }
        Ok(())
    }

    /// Signs in at the built-in provider, unless that was done; ends on the page that follows.
    pub(crate) async fn sign_in(
        &mut self,
        login: &Url,
        name: &str,
        password: &str,
    ) -> Result<Page, TransportError> {
        let page = self.go(login).await?;
        if page.url.path().ends_with("/review") {
            return Ok(page);
        }
        let fields = [("name", name), ("password", password)];
        let page = self.submit(&page.form("/sign-in"), &fields).await?;
        match page.redirect() {
            Some(next) => self.go(&next).await,
            None => Ok(page),
        }
    }

    /// Allows it on the page that asks; answers where the value is to be brought.
    pub(crate) async fn allow(&mut self, login: &Url) -> Result<Page, TransportError> {
        let page = self
            .open(&format!("{login}/review").parse().expect("an address"))
            .await?;
        self.submit(&page.form("/allow"), &[]).await
    }

    /// Sends any request, with the cookies.
    pub(crate) async fn send(
        &mut self,
        mut request: Request<Vec<u8>>,
    ) -> Result<Page, TransportError> {
        let url: Url = request.uri().to_string().parse().expect("an address");
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request.headers_mut().insert(
                header::COOKIE,
                cookies.join("; ").parse().expect("a header"),
            );
        }
        let answer = self.transport.send(request).await?;
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie
                .to_str()
                .expect("ASCII")
                .split(';')
                .next()
                .unwrap_or_default();
            let (name, value) = cookie.split_once('=').expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(Page {
            url,
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        })
    }

    /// The cookies, by name.
    pub(crate) fn cookies(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.cookies
    }
}

impl Page {
    /// Where it redirects to.
    pub(crate) fn redirect(&self) -> Option<Url> {
        let location = self.headers.get(header::LOCATION)?.to_str().expect("ASCII");
        Some(self.url.join(location).expect("an address"))
    }

    /// The form whose action ends like this.
    pub(crate) fn form(&self, action: &str) -> Form {
        self.forms()
            .into_iter()
            .find(|form| form.action.path().ends_with(action))
            .unwrap_or_else(|| {
                panic!(
                    "{} {} has no form for {action}:\n{}",
                    self.url, self.status, self.body
                )
            })
    }

    /// All forms; a button that sends its form elsewhere makes another one.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let read = |form: &str| {
            let (tag, rest) = form.split_once('>')?;
            let action = attribute(tag, "action").unwrap_or_default();
            let action = self.url.join(&action).ok()?;
            let inside = rest.split("</form>").next()?;
            let hidden = inside
                .split("<input")
                .skip(1)
                .filter_map(|input| input.split('>').next())
                .filter(|input| attribute(input, "type").as_deref() == Some("hidden"))
                .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
                .collect();
            Some(Form { action, hidden })
        };
        self.body.split("<form").skip(1).filter_map(read).collect()
    }
}

/// The value of an attribute within a tag, as our pages write it.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&").replace("&#38;", "&"))
}
