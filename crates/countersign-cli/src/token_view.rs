//! What is shown of a token?

use countersign::proto::{
    tachyon::look_into,
    token::{TokenKind, inspect},
};
use serde_json::{Map, Value, json};

use crate::{
    output::{Block, Shown},
    session::Held,
};

/// Whether the token itself is part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Shown,
    LeftOut,
}

/// The token object, with header and claims. Nothing of it was verified by us.
pub(crate) fn decoded(held: &Held, secret: Secret) -> Shown {
    let token = &held.token;
    let parts = inspect(token.access_token.expose()).map(|parts| (parts.header, parts.claims));
    // Tokens of other servers are longer, or have parts of another kind.
    let parts = parts
        .or_else(|| look_into(&token.access_token).map(|inside| (inside.header, inside.claims)));
    let (header, claims) = match parts {
        Some((header, claims)) if claims.is_empty() => (Value::Object(header), Value::Null),
        Some((header, claims)) => (Value::Object(header), Value::Object(claims)),
        None => (Value::Null, Value::Null), // opaque, as some servers' are
    };
    let mut shown = object(held);
    if let Value::Object(members) = &mut shown.json {
        if secret == Secret::Shown {
            members.insert("token".to_owned(), token.access_token.expose().into());
        }
        members.insert("header".to_owned(), header.clone());
        members.insert("claims".to_owned(), claims.clone());
    }
    for (name, part) in [("Header", &header), ("Claims", &claims)] {
        let lines = match part {
            Value::Object(members) => members.iter().map(member).collect(),
            _ => vec!["the token is opaque".to_owned()],
        };
        shown.text.push(Block::Lines(name.to_owned(), lines));
    }
    shown
}

/// The fields of the token object, without the token.
pub(crate) fn object(held: &Held) -> Shown {
    let token = &held.token;
    let thumbprint = token
        .issue_cert_thumbprint
        .map(|thumbprint| thumbprint.to_hex());
    let refreshes = match token.kind {
        // Counted refresh belongs to interactive tokens.
        TokenKind::Interactive => held.refreshes_remaining,
        _ => Some(0),
    };
    let text = [
        (
            "Type",
            format!("{} ({})", token.kind.number(), kind_name(token.kind)),
        ),
        ("Principal", token.principal.clone().unwrap_or_default()),
        ("IssuedAt", token.issued_at.to_string()),
        ("Expires", token.expires_at.to_string()),
        (
            "RefreshesRemaining",
            match (token.kind, refreshes) {
                (TokenKind::Interactive, Some(0)) => "0 (then sign in again)".to_owned(),
                (TokenKind::Interactive, Some(refreshes)) => refreshes.to_string(),
                (TokenKind::Interactive, None) => "unknown".to_owned(),
                _ => "0 (renewed by a fresh assertion)".to_owned(),
            },
        ),
        ("IssueAppId", token.issue_app_id.clone()),
        ("IssuePrincipal", token.issue_principal.clone()),
        ("IssueCertSubject", token.issue_cert_subject.clone()),
        (
            "IssueCertThumbprint",
            thumbprint.clone().unwrap_or_default(),
        ),
    ];
    Shown {
        json: json!({
            "type": token.kind.number(),
            "principal": token.principal,
            "issued_at": token.issued_at.to_string(),
            "expires": token.expires_at.to_string(),
            "refreshes_remaining": refreshes,
            "issue_app_id": token.issue_app_id,
            "issue_principal": token.issue_principal,
            "issue_cert_subject": token.issue_cert_subject,
            "issue_cert_thumbprint": thumbprint.unwrap_or_default(),
        }),
        text: vec![Block::Fields(
            text.into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )],
    }
}

/// Adds members in front of an answer, in both forms.
pub(crate) fn with_lead(lead: &[(&str, &str)], shown: Shown) -> Shown {
    let mut members: Map<String, Value> = lead
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    if let Value::Object(rest) = shown.json {
        members.extend(rest);
    }
    let lead = lead
        .iter()
        .map(|(name, value)| (pascal(name), (*value).to_owned()));
    let mut lead: Vec<_> = lead.collect();
    let mut blocks = shown.text.into_iter();
    match blocks.next() {
        Some(Block::Fields(fields)) => lead.extend(fields),
        Some(other) => {
            return Shown {
                json: Value::Object(members),
                text: [Block::Fields(lead), other]
                    .into_iter()
                    .chain(blocks)
                    .collect(),
            };
        }
        None => {}
    }
    Shown {
        json: Value::Object(members),
        text: std::iter::once(Block::Fields(lead)).chain(blocks).collect(),
    }
}

/// `expires_at` as `ExpiresAt`.
pub(crate) fn pascal(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

const fn kind_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Interactive => "interactive",
        TokenKind::NonInteractive => "non-interactive",
        TokenKind::Platform => "platform",
        TokenKind::PersonalAccess => "personal-access",
        TokenKind::App => "app",
        TokenKind::System => "system",
    }
}

fn member((name, value): (&String, &Value)) -> String {
    match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_member_names_in_another_spelling() {
        assert_eq!(pascal("issue_cert_subject"), "IssueCertSubject");
        assert_eq!(pascal("type"), "Type");
    }

    #[test]
    fn a_lead_stands_before_the_fields() {
        let shown = Shown {
            json: json!({"type": 1}),
            text: vec![Block::Fields(vec![("Type".to_owned(), "1".to_owned())])],
        };
        let shown = with_lead(&[("profile", "lab")], shown);
        assert_eq!(shown.json, json!({"profile": "lab", "type": 1}));
        assert!(matches!(&shown.text[0], Block::Fields(fields) if fields[0].0 == "Profile"));
    }
}
