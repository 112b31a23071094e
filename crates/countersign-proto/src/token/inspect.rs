//! What is in a token that nobody has verified?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    json::{self, Limits, Map, Value},
    jws,
};

/// The decoded parts of any JWT, for showing. Nothing here was verified; the type says so.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    /// The JOSE header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Decodes a JWT without believing it. `None` for an opaque or an encrypted token.
pub fn inspect(token: &str) -> Option<UnverifiedToken> {
    if token.len() > jws::MAX_BYTES {
        return None;
    }
    let mut segments = token.split('.');
    let (header, claims, _signature) = (segments.next()?, segments.next()?, segments.next()?);
    if segments.next().is_some() {
        return None;
    }
    let object = |segment: &str| {
        json::object(&URL_SAFE_NO_PAD.decode(segment).ok()?, &Limits::DOCUMENT).ok()
    };
    Some(UnverifiedToken {
        header: object(header)?,
        claims: object(claims)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7515 App. A.1: a token that nobody here can verify is still shown.
    #[test]
    fn a_token_is_inspected_without_belief() {
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4\
                    MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27\
                    uhbUJU1p1r_wW1gFWFOEjXk";
        let token = inspect(text).unwrap();
        assert_eq!(token.header["alg"], "HS256");
        assert_eq!(token.claims["iss"], "joe");
        for opaque in [
            "",
            "abc",
            "a.b",
            "a.b.c",
            "e30.e30.AA.",
            "e30.e30",
            "csn_pat_x.y.z",
        ] {
            assert!(inspect(opaque).is_none(), "{opaque}");
        }
    }
}
