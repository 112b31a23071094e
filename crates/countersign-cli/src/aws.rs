//! How is a token exchanged for credentials of AWS?
//!
//! By AssumeRoleWithWebIdentity of the security token service (STS): the role trusts the platform as
//! an OpenID provider, and the request needs no signature of AWS, since the token speaks for itself.

mod xml;

use std::time::Duration;

use countersign::{HttpTransport, Transport as _, proto::time::UnixTime};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use self::xml::Answer;
use crate::{
    args::AwsOptions,
    failure::{Exit, Failure},
    session::Held,
    times,
};

const STS: &str = "https://sts.amazonaws.com/";
const RESULT: &str = "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult";

/// Credentials of a role, for a while.
pub(crate) struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    expiration: String,
    pub(crate) expires_at: UnixTime,
}

/// What is asked of which service.
pub(crate) struct Exchange {
    endpoint: Url,
    role: String,
    session_name: Option<String>,
    duration: Option<Duration>,
}

impl Exchange {
    /// Reads what was typed.
    pub(crate) fn read(typed: &AwsOptions) -> Result<Exchange, Failure> {
        let endpoint = typed.sts_endpoint.as_deref().unwrap_or(STS);
        let duration = typed
            .role_duration
            .as_deref()
            .map(role_duration)
            .transpose()?;
        let session_name = typed
            .role_session_name
            .as_deref()
            .map(session_name)
            .transpose()?;
        Ok(Exchange {
            endpoint: crate::address::confidential("--sts-endpoint", endpoint)?,
            role: role(typed.role_arn.as_deref().unwrap_or_default())?,
            session_name,
            duration,
        })
    }

    /// Asks.
    pub(crate) async fn credentials(&self, held: &Held) -> Result<Credentials, Failure> {
        let transport = HttpTransport::builder().build()?;
        let answer = transport.send(self.request(held)?).await.map_err(|error| {
            Failure::from(error)
                .about("the security token service")
                .hint("is --sts-endpoint the right one, and is it reached from here?")
        })?;
        read(answer.status().is_success(), answer.body(), held)
    }

    fn request(&self, held: &Held) -> Result<http::Request<Vec<u8>>, Failure> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let name = match &self.session_name {
            Some(name) => name.clone(),
            None => named_after(held.token.principal.as_deref().unwrap_or_default()),
        };
        form.append_pair("Action", "AssumeRoleWithWebIdentity")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", &self.role)
            .append_pair("RoleSessionName", &name)
            .append_pair("WebIdentityToken", held.token.access_token.expose());
        if let Some(duration) = self.duration {
            form.append_pair("DurationSeconds", &duration.as_secs().to_string());
        }
        http::Request::post(self.endpoint.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/xml")
            .body(form.finish().into_bytes())
            .map_err(|error| Failure::other(format!("no request can be made: {error}")))
    }
}

impl Credentials {
    /// What a credential process prints.
    pub(crate) fn of_a_process(&self) -> Value {
        json!({
            "Version": 1,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key.as_str(),
            "SessionToken": self.session_token.as_str(),
            "Expiration": self.expiration,
        })
    }

    /// What an endpoint for containers answers.
    pub(crate) fn of_a_container(&self) -> Value {
        json!({
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key.as_str(),
            "Token": self.session_token.as_str(),
            "Expiration": self.expiration,
        })
    }
}

fn read(went_well: bool, body: &[u8], held: &Held) -> Result<Credentials, Failure> {
    let senseless =
        || Failure::other("the security token service gave an answer that makes no sense");
    let answer = Answer::read(body).ok_or_else(senseless)?;
    if !went_well {
        return Err(refused(&answer, held));
    }
    let member = |name: &str| {
        let value = answer.text(&format!("{RESULT}/Credentials/{name}"));
        let value = value.filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(senseless)
    };
    let expiration = member("Expiration")?;
    Ok(Credentials {
        access_key_id: member("AccessKeyId")?,
        secret_access_key: Zeroizing::new(member("SecretAccessKey")?),
        session_token: Zeroizing::new(member("SessionToken")?),
        expires_at: UnixTime::parse(&expiration).ok_or_else(senseless)?,
        expiration,
    })
}

fn refused(answer: &Answer, held: &Held) -> Failure {
    let said = |name: &str| answer.text(&format!("ErrorResponse/Error/{name}"));
    let code = said("Code").unwrap_or("no reason given");
    // It has no reason to repeat what it was sent. If it does, we do not.
    let message = said("Message").filter(|text| !text.contains(held.token.access_token.expose()));
    let (exit, hint) = match code {
        "AccessDenied" => (
            Exit::Denied,
            "the trust policy of the role must permit sts:AssumeRoleWithWebIdentity to this token",
        ),
        "ExpiredTokenException" | "ExpiredToken" => (
            Exit::Expired,
            "is the clock of this machine right? countersign doctor compares it",
        ),
        "InvalidIdentityToken" | "IDPRejectedClaim" | "IDPCommunicationError" => (
            Exit::IdentityRejected,
            "AWS must know the issuer of the token as an OpenID provider, reach it, and list the \
             token's audience there: see countersign token --decode",
        ),
        _ => (
            Exit::Failure,
            "see countersign help token for what each option takes",
        ),
    };
    let message = message.map_or_else(String::new, |message| format!(": {message}"));
    Failure::new(
        exit,
        format!("the security token service said no: {code}{message}"),
    )
    .hint(hint)
}

fn role(arn: &str) -> Result<String, Failure> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account, resource]
            if partition.starts_with("aws")
                && !account.is_empty()
                && resource.len() > "role/".len()
                && resource.starts_with("role/")
                && arn.len() <= 2048
                && arn.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(arn.to_owned())
        }
        _ => Err(Failure::usage(format!("--role-arn {arn:?} names no role"))
            .hint("for example arn:aws:iam::111122223333:role/stock")),
    }
}

fn role_duration(text: &str) -> Result<Duration, Failure> {
    let duration = times::duration("--role-duration", text)?;
    match (900..=43_200).contains(&duration.as_secs()) {
        true => Ok(duration),
        false => Err(
            Failure::usage(format!("--role-duration {text:?} is not from 15m to 12h"))
                .hint("the role itself says how long it permits, 1h unless it was changed"),
        ),
    }
}

fn session_name(name: &str) -> Result<String, Failure> {
    match (2..=64).contains(&name.len()) && name.chars().all(fits_a_session_name) {
        true => Ok(name.to_owned()),
        false => Err(
            Failure::usage(format!("--role-session-name {name:?} is not taken by AWS"))
                .hint("2 to 64 letters, digits and characters of +=,.@-_"),
        ),
    }
}

/// A name that AWS takes, as near to the principal as may be.
fn named_after(principal: &str) -> String {
    let fit = |c: char| if fits_a_session_name(c) { c } else { '-' };
    let name: String = principal.chars().map(fit).take(64).collect();
    match name.len() {
        0 | 1 => "countersign".to_owned(),
        _ => name,
    }
}

fn fits_a_session_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@-_".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_by_its_arn_and_by_nothing_else() {
        for good in [
            "arn:aws:iam::111122223333:role/stock",
            "arn:aws-cn:iam::111122223333:role/path/to/stock",
        ] {
            assert_eq!(role(good).unwrap(), good);
        }
        for wrong in [
            "",
            "stock",
            "arn:aws:iam::111122223333:user/stock",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam:::role/stock",
            "arn:aws:sts::111122223333:role/stock",
            "arn:aws:iam::111122223333:role/a b",
        ] {
            assert_eq!(role(wrong).unwrap_err().code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn credentials_live_from_fifteen_minutes_to_twelve_hours() {
        assert_eq!(role_duration("15m").unwrap(), Duration::from_secs(900));
        assert_eq!(role_duration("12h").unwrap(), Duration::from_secs(43_200));
        for wrong in ["899", "43201", "soon"] {
            assert_eq!(role_duration(wrong).unwrap_err().code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_session_is_named_after_the_principal_by_what_aws_takes() {
        assert_eq!(named_after("alice@example"), "alice@example");
        assert_eq!(named_after("CN=a b/ä"), "CN=a-b--");
        assert_eq!(named_after(""), "countersign");
        assert_eq!(named_after(&"x".repeat(99)).len(), 64);
        assert!(session_name("a").is_err() && session_name("a/b").is_err());
    }
}
