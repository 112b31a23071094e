//! What must hold of a text that somebody presents as an opaque token?

use std::sync::OnceLock;

use countersign::proto::{
    exchange::RefreshToken,
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    token::AccessToken,
};

use super::{CHANGES, changes::changed};

const PREFIX: &str = OpaqueToken::PREFIX;

/// Of a text as it comes, and of a good token that was changed.
pub fn hold(input: &[u8]) {
    if let [CHANGES, which, changes @ ..] = input {
        let good = good(usize::from(*which));
        let text = changed(good.expose(), changes);
        if changes.len() / 3 == 1 && text != good.expose() {
            // One mistake is always noticed: that is what the checksum is for.
            assert!(OpaqueToken::parse(&text, PREFIX).is_err(), "{text}");
        }
        return is_read_in_one_way(&text);
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = (AccessToken::new(text), RefreshToken::new(text));
        is_read_in_one_way(text);
    }
}

fn is_read_in_one_way(text: &str) {
    if let Ok(id) = TokenId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    let Ok(token) = OpaqueToken::parse(text, PREFIX) else {
        return;
    };
    assert!(text.ends_with(token.expose()));
    let label = &text[..text.len() - token.expose().len()];
    assert!(label.is_empty() || label.ends_with("--"), "{text}");
    let again = OpaqueToken::compose(PREFIX, token.kind(), token.id(), token.secret());
    assert_eq!(again.expose(), token.expose());
    assert_eq!(
        TokenId::parse(&token.id().to_string()).as_ref(),
        Ok(token.id())
    );
    assert!(!format!("{token:?}").contains(&token.expose()[token.expose().len() - 40..]));
    assert!(OpaqueToken::parse(token.expose(), "other").is_err());
    assert!(AccessToken::new(token.expose()).is_ok());
}

fn good(which: usize) -> &'static OpaqueToken {
    static GOOD: OnceLock<Vec<OpaqueToken>> = OnceLock::new();
    let good = GOOD.get_or_init(|| {
        let id = TokenId::from_bytes(*b"sixteen bytes id");
        let compose =
            |kind| OpaqueToken::compose(PREFIX, kind, &id, b"known to both ends and no other!");
        OpaqueKind::ALL.into_iter().map(compose).collect()
    });
    &good[which % good.len()]
}
