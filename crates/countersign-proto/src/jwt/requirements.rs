//! What is demanded of a token besides its signature?

use std::time::Duration;

use super::Algorithm;
use crate::{json::Value, jws::media_type};

/// What is demanded of a token besides its signature. Each setting makes a difference; none of them
/// switches the signature, `exp` or `nbf` off.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirements {
    pub(super) issuer: Wanted,
    pub(super) audience: Wanted,
    pub(super) audience_form: AudienceForm,
    pub(super) subject: Option<String>,
    /// Any of these; every one when there is none.
    pub(super) types: Vec<String>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) claims: Vec<(String, Value)>,
    /// At `exp`.
    pub(super) leeway_after: Duration,
    /// At `nbf` and `iat`.
    pub(super) leeway_before: Duration,
    pub(super) longest_life: Option<Duration>,
}

/// How `aud` may be written (RFC 7519 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AudienceForm {
    /// A string, or an array of strings.
    OneOrSeveral,
    /// A string.
    One,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Anything,
    OneOf(Vec<String>),
}

impl Requirements {
    /// How far another machine's clock may differ unless another difference is set.
    pub const CLOCK_SKEW: Duration = Duration::from_secs(60);
    /// The largest difference that can be set.
    pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(600);

    /// The token is of this issuer. May be followed by [`Requirements::or_issued_by`].
    #[must_use]
    pub fn issued_by(issuer: &str) -> Requirements {
        Requirements {
            issuer: Wanted::OneOf(vec![issuer.to_owned()]),
            ..Requirements::of_any_issuer()
        }
    }

    /// The token may be of any issuer, or of none. For keys that sign for one issuer only.
    #[must_use]
    pub fn of_any_issuer() -> Requirements {
        Requirements {
            issuer: Wanted::Anything,
            audience: Wanted::OneOf(Vec::new()),
            audience_form: AudienceForm::OneOrSeveral,
            subject: None,
            types: Vec::new(),
            algorithms: None,
            claims: Vec::new(),
            leeway_after: Requirements::CLOCK_SKEW,
            leeway_before: Requirements::CLOCK_SKEW,
            longest_life: None,
        }
    }

    /// Or it is of this one.
    #[must_use]
    pub fn or_issued_by(mut self, issuer: &str) -> Requirements {
        self.issuer.add(issuer);
        self
    }

    /// The token is for this service, or for another that was named like this. A token that is for
    /// somebody is refused as long as no audience is named.
    #[must_use]
    pub fn for_audience(mut self, audience: &str) -> Requirements {
        self.audience.add(audience);
        self
    }

    /// The token may be for anybody. For looking at it, not for accepting it.
    #[must_use]
    pub fn for_any_audience(mut self) -> Requirements {
        self.audience = Wanted::Anything;
        self
    }

    /// The token is for one service: `aud` is a string and no array, not even of one (RFC 9068 §3).
    #[must_use]
    pub fn one_audience(mut self) -> Requirements {
        self.audience_form = AudienceForm::One;
        self
    }

    /// `sub` is this.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Requirements {
        self.subject = Some(subject.to_owned());
        self
    }

    /// `typ` is this media type. Default: any. May be followed by [`Requirements::or_typ`].
    #[must_use]
    pub fn typ(mut self, typ: &str) -> Requirements {
        self.types = vec![media_type(typ.to_owned())];
        self
    }

    /// Or it is this one.
    #[must_use]
    pub fn or_typ(mut self, typ: &str) -> Requirements {
        self.types.push(media_type(typ.to_owned()));
        self
    }

    /// Only these algorithms. Default: those of the key.
    #[must_use]
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Requirements {
        self.algorithms = Some(algorithms.to_vec());
        self
    }

    /// This claim is this value, or an array that has it.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Requirements {
        self.claims.push((name.to_owned(), value.into()));
        self
    }

    /// How far the issuer's clock may differ. At most 10 minutes; default 1 minute. Whole seconds.
    #[must_use]
    pub fn clock_skew(self, difference: Duration) -> Requirements {
        self.leeway(difference, difference)
    }

    /// The same, told apart: how long after its `exp` a token is still taken, and how long before its
    /// `nbf` and `iat`.
    #[must_use]
    pub fn leeway(mut self, after_exp: Duration, before_nbf: Duration) -> Requirements {
        self.leeway_after = after_exp.min(Requirements::CLOCK_SKEW_MAX);
        self.leeway_before = before_nbf.min(Requirements::CLOCK_SKEW_MAX);
        self
    }

    /// From `iat`, which must then be there, to `exp` at most so long. Default: any time.
    #[must_use]
    pub fn longest_life(mut self, longest: Duration) -> Requirements {
        self.longest_life = Some(longest);
        self
    }
}

impl Wanted {
    fn add(&mut self, value: &str) {
        match self {
            Wanted::Anything => *self = Wanted::OneOf(vec![value.to_owned()]),
            Wanted::OneOf(values) => values.push(value.to_owned()),
        }
    }
}
