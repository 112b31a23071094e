//! What is a token to be that somebody asks for?

use countersign::proto::{
    management::{GrantedForm, GrantedKind, NewToken},
    time::UnixTime,
};

use crate::{
    args::{GrantedEnd, GrantedTerms},
    failure::Failure,
    times::{day_or_moment, duration},
};

/// What it is to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Opaque,
    Jwt,
    Imported,
}

/// The terms that were typed, as far as they make sense for the kind. The rest is for the platform
/// to judge.
pub(super) fn new_token(
    kind: GrantedKind,
    form: Form,
    typed: &GrantedTerms,
    now: UnixTime,
) -> Result<NewToken, Failure> {
    let name = typed.name.clone().ok_or_else(|| {
        Failure::usage("the token has no name").hint("say with --name what it is for")
    })?;
    let mut new = NewToken {
        kind,
        form: match form {
            Form::Opaque => GrantedForm::Opaque,
            Form::Jwt => GrantedForm::Jwt,
            Form::Imported => GrantedForm::Imported,
        },
        name,
        description: typed.description.clone().unwrap_or_default(),
        owner: typed.owner.clone(),
        roles: typed.roles.clone(),
        scopes: typed.scopes.clone(),
        audience: typed.audience.clone(),
        expires_at: None,
        lifetime_s: None,
        never_expires: typed.end.never,
    };
    end(&typed.end, &mut new)?;
    check(&new, now)?;
    Ok(new)
}

/// What no platform could make of a token.
pub(super) fn check(new: &NewToken, now: UnixTime) -> Result<(), Failure> {
    if new.form == GrantedForm::Jwt && new.kind != GrantedKind::App {
        return Err(Failure::usage("only an app token can be a JWT")
            .hint("leave --jwt out, or make it with countersign app-token"));
    }
    if new.kind == GrantedKind::System && new.owner.is_some() {
        return Err(Failure::usage("a system token has no owner")
            .hint("leave the owner out, or make it with countersign app-token"));
    }
    if new.kind == GrantedKind::System && new.roles.is_empty() {
        return Err(
            Failure::usage("a system token has only the roles that are named")
                .hint("name one with --role"),
        );
    }
    match new.expires_at {
        Some(end) if end <= now => Err(Failure::usage(format!("its end, {end}, is over"))
            .hint("name a moment that is to come")),
        _ => Ok(()),
    }
}

fn end(typed: &GrantedEnd, new: &mut NewToken) -> Result<(), Failure> {
    if let Some(text) = &typed.expires {
        new.expires_at = Some(day_or_moment("--expires", text)?);
    }
    if let Some(text) = &typed.lifetime {
        new.lifetime_s = Some(duration("--lifetime", text)?.as_secs());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_795_336_200);

    fn typed() -> GrantedTerms {
        GrantedTerms {
            name: Some("shop".to_owned()),
            ..GrantedTerms::default()
        }
    }

    #[test]
    fn what_is_typed_is_what_is_asked_for() {
        let mut typed = typed();
        typed.roles = vec!["Seller".to_owned()];
        typed.scopes = vec!["stock:read".to_owned()];
        typed.end.lifetime = Some("30d".to_owned());
        let new = new_token(GrantedKind::App, Form::Jwt, &typed, NOW).unwrap();
        assert_eq!((new.kind, new.form), (GrantedKind::App, GrantedForm::Jwt));
        assert_eq!((new.name.as_str(), new.owner), ("shop", None));
        assert_eq!((new.expires_at, new.lifetime_s), (None, Some(2_592_000)));
        assert_eq!((new.roles, new.scopes), (typed.roles, typed.scopes));
        assert!(!new.never_expires);
    }

    #[test]
    fn what_no_platform_could_make_is_refused_here() {
        let refused = |kind, form, typed: &GrantedTerms| {
            let failure = new_token(kind, form, typed, NOW).unwrap_err();
            assert_eq!(failure.code(), 2);
            assert!(failure.hint_text().is_some());
            failure.message().to_owned()
        };
        use GrantedKind::{App, Personal, System};
        let nameless = GrantedTerms::default();
        assert_eq!(
            refused(App, Form::Opaque, &nameless),
            "the token has no name"
        );
        let jwt = refused(Personal, Form::Jwt, &typed());
        assert_eq!(jwt, "only an app token can be a JWT");
        let rightless = refused(System, Form::Opaque, &typed());
        assert!(rightless.contains("roles that are named"), "{rightless}");
        let mut owned = typed();
        owned.owner = Some("anna".to_owned());
        let owned = refused(System, Form::Opaque, &owned);
        assert_eq!(owned, "a system token has no owner");
        let mut over = typed();
        over.end.expires = Some("2026-11-22".to_owned());
        let over = refused(App, Form::Opaque, &over);
        assert_eq!(over, "its end, 2026-11-22T00:00:00Z, is over");
        let mut never = typed();
        never.end.lifetime = Some("soon".to_owned());
        assert!(refused(App, Form::Opaque, &never).contains("--lifetime \"soon\""));
    }
}
