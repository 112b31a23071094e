//! What must hold of the form of a request to an endpoint (RFC 6749 §3.2, RFC 7009, RFC 7662)?

use std::collections::BTreeMap;

use countersign::proto::{
    exchange::{Form, MAX_FORM_BYTES, ReceivedTokenRequest},
    token_form::TokenForm,
};
use url::{Url, form_urlencoded};

use super::rereading::is_shown_safely;

/// Of a body as it is.
pub fn hold(input: &[u8]) {
    let mut form = match Form::parse(input) {
        Ok(form) => form,
        Err(why) => return is_shown_safely(&why),
    };
    assert!(input.len() <= MAX_FORM_BYTES);
    // Another reader of the same body sees the same parameters, each once.
    let mut seen = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(input) {
        assert!(seen.insert(name.into_owned(), value.into_owned()).is_none());
    }
    for (name, value) in &seen {
        assert_eq!(form.contains(name), !value.is_empty(), "{name:?}");
        assert_eq!(form.take(name).unwrap_or_default(), *value, "{name:?}");
        assert!(!form.contains(name), "{name:?}");
    }
    let form = || Form::parse(input).expect("the same body");
    if let Ok(request) = TokenForm::from_form(form()) {
        assert_eq!(seen["token"], request.token.expose());
        assert!(!seen.contains_key("client_secret") || seen["client_secret"].is_empty());
        let endpoint = Url::parse("https://id.example/oauth2/introspect").expect("a URL");
        let written = request.to_http(&endpoint);
        assert_eq!(written.uri().query(), None);
        let again = TokenForm::from_form(Form::parse(written.body()).expect("what was written"));
        let again = again.expect("what was written");
        assert_eq!(again.token.expose(), request.token.expose());
        assert_eq!(again.token_type_hint, request.token_type_hint);
        assert_eq!(again.client_id, request.client_id);
        let assertion = |form: &TokenForm| {
            let assertion = form.client_assertion.as_ref();
            assertion.map(|assertion| assertion.expose().to_owned())
        };
        assert_eq!(assertion(&again), assertion(&request));
    }
    if let Ok(request) = ReceivedTokenRequest::from_form(form(), false) {
        let wanted = match request {
            ReceivedTokenRequest::ClientCredentials { .. } => "client_credentials",
            ReceivedTokenRequest::Platform { .. } => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ReceivedTokenRequest::Refresh { .. } => "refresh_token",
            _ => return,
        };
        assert_eq!(seen["grant_type"], wanted);
    }
    for why in [
        TokenForm::from_form(form()).err(),
        ReceivedTokenRequest::from_form(form(), false).err(),
    ]
    .iter()
    .flatten()
    {
        is_shown_safely(why);
    }
    // A client that authenticates in the header does not do it in the body too.
    let beside = ReceivedTokenRequest::from_form(form(), true);
    assert!(beside.is_err());
}
