//! What can be wrong between here and the server, and at the server?

use std::{net::ToSocketAddrs, time::Duration};

use countersign::{
    Clock, SystemClock, Transport,
    proto::{
        metadata::{Metadata, check_issuer, well_known},
        time::UnixTime,
    },
};

use super::Check;
use crate::{
    args::Environment,
    failure::{Exit, Failure},
    profile::shown_address,
    session::{Session, block_on, transport},
};

/// Assertions live for a minute and may be dated ahead by another.
const SKEW_MAX: Duration = Duration::from_secs(60);
const SKEW_SEEN: Duration = Duration::from_secs(5);

/// Whether there is a certificate with its key to sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Ready,
    /// Which was said already.
    Missing,
}

pub(crate) fn checks(
    session: &Session<'_>,
    signer: Signer,
    environment: &Environment,
) -> Vec<Check> {
    let server = &session.profile.server;
    let issuer = match check_issuer(server) {
        Ok(issuer) => issuer,
        Err(error) => {
            let detail = format!("{:?}: {error}", shown_address(server));
            let hint = "https://HOST, or http:// on loopback only";
            return vec![Check::bad("address", Exit::Usage, detail, hint)];
        }
    };
    let mut checks = vec![Check::good("address", server)];
    checks.push(proxy(environment));
    checks.push(names(&issuer, environment));
    if session.is_tachyon() {
        checks.extend(tachyon(session, &issuer, signer, environment));
        return checks;
    }
    let answer = block_on(ask(session, &issuer));
    let (date, metadata) = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            checks.push(match by_proxy(&issuer, environment) {
                Some(proxies) => {
                    let hint = format!(
                        "requests go through the proxy that {proxies} names: is it right, and does it run?"
                    );
                    Check::bad("connection", failure.exit(), failure.message(), &hint)
                }
                None => Check::failed("connection", &failure, "is it running?"),
            });
            checks.push(Check::skipped("sign-in", "no connection"));
            return checks;
        }
    };
    checks.push(Check::good(
        "connection",
        match issuer.scheme() {
            "https" => "answers; its TLS certificate is in order",
            _ => "answers, without TLS, on this machine",
        },
    ));
    checks.push(clock(date, SystemClock.now()));
    match metadata {
        Ok(metadata) => {
            checks.push(Check::good(
                "discovery",
                format!("token endpoint {}", metadata.token_endpoint),
            ));
            checks.push(browser_sign_in(session, &metadata));
            checks.push(match signer {
                Signer::Ready => sign_in(session),
                Signer::Missing => Check::skipped("sign-in", "no certificate can sign"),
            });
        }
        Err(problem) => {
            let hint = "the server's address must be exactly its issuer identifier";
            checks.push(Check::bad("discovery", Exit::Failure, problem, hint));
            checks.push(Check::skipped("sign-in", "no token endpoint is known"));
        }
    }
    checks
}

/// What a server of the dialect says, which is not much: no metadata, no clock that is asked for.
fn tachyon(
    session: &Session<'_>,
    issuer: &url::Url,
    signer: Signer,
    environment: &Environment,
) -> Vec<Check> {
    let asked = session
        .tachyon_site()
        .and_then(|site| block_on(async { Ok(site.generation().await?) }));
    let generation = match asked {
        Ok(generation) => generation,
        Err(failure) => {
            let hint = match by_proxy(issuer, environment) {
                Some(proxies) => format!("requests go through the proxy that {proxies} names"),
                None => "is it running, and is it of this dialect?".to_owned(),
            };
            return vec![
                Check::failed("connection", &failure, &hint),
                Check::skipped("sign-in", "no connection"),
            ];
        }
    };
    let mut checks = vec![
        Check::good("connection", "answers"),
        Check::good(
            "dialect",
            format!("Tachyon, signs people in by {}", generation.name()),
        ),
        Check::doubtful(
            "browser sign-in",
            "is not tied to this terminal in this dialect",
            "open no address that came from somebody else",
        ),
    ];
    checks.push(match signer {
        _ if session.profile.browser => persons_sign_in(session),
        Signer::Missing => Check::skipped("sign-in", "no certificate can sign"),
        Signer::Ready => {
            let client = session.tachyon_client();
            match client.and_then(|client| block_on(async { Ok(client.renew().await?) })) {
                Ok(token) => {
                    Check::good("sign-in", format!("a token until {}", token.expires_at()))
                }
                Err(failure) => {
                    let hint =
                        "does the identity provider know this certificate, and is it mapped?";
                    Check::failed("sign-in", &failure, hint)
                }
            }
        }
    });
    checks
}

fn proxy(environment: &Environment) -> Check {
    if environment.proxies.is_empty() {
        Check::good("proxy", "none in the environment")
    } else {
        Check::good(
            "proxy",
            format!("set by {}", environment.proxies.join(", ")),
        )
    }
}

/// The variables that name the proxy, where requests to this server go through one.
fn by_proxy(issuer: &url::Url, environment: &Environment) -> Option<String> {
    let loopback = match issuer.host()? {
        url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    (!loopback && !environment.proxies.is_empty()).then(|| environment.proxies.join(", "))
}

fn names(issuer: &url::Url, environment: &Environment) -> Check {
    let host = issuer.host_str().unwrap_or_default();
    let port = issuer.port_or_known_default().unwrap_or(443);
    match (host, port).to_socket_addrs() {
        Ok(mut found) => match found.next() {
            Some(address) => Check::good("name", format!("{host} is {}", address.ip())),
            None => Check::bad(
                "name",
                Exit::Network,
                format!("{host} has no address"),
                "look at the name",
            ),
        },
        Err(error) if environment.proxies.is_empty() => {
            let detail = format!("{host}: {error}");
            Check::bad(
                "name",
                Exit::Network,
                detail,
                "is the name right, and does DNS answer?",
            )
        }
        Err(_) => Check::skipped(
            "name",
            format!("{host} is not known here; the proxy may know it"),
        ),
    }
}

type Answer = (Option<UnixTime>, Result<Metadata, String>);

async fn ask(session: &Session<'_>, issuer: &url::Url) -> Result<Answer, Failure> {
    let transport = transport(&session.profile)?;
    let mut outcome = (None, Err("there is no metadata document".to_owned()));
    for url in well_known(issuer) {
        let request = http::Request::get(url.as_str())
            .body(Vec::new())
            .map_err(|error| Failure::usage(format!("{url}: {error}")))?;
        let response = transport.send(request).await?;
        let date = response.headers().get(http::header::DATE);
        let date = date
            .and_then(|date| date.to_str().ok())
            .and_then(UnixTime::from_http_date);
        outcome.0 = outcome.0.or(date);
        if !response.status().is_success() {
            outcome.1 = Err(format!("{url} answers {}", response.status()));
            continue;
        }
        outcome.1 = Metadata::parse(response.body(), &session.profile.server)
            .map_err(|error| format!("{url}: {error}"));
        if outcome.1.is_ok() {
            break;
        }
    }
    Ok(outcome)
}

fn clock(theirs: Option<UnixTime>, ours: UnixTime) -> Check {
    let Some(theirs) = theirs else {
        return Check::skipped("clock", "the server does not say what time it is");
    };
    let (difference, word) = match theirs > ours {
        true => (theirs.since(ours), "behind"),
        false => (ours.since(theirs), "ahead of"),
    };
    let detail = format!("{} s {word} the server's", difference.as_secs());
    let hint = "set this machine's clock by NTP";
    if difference > SKEW_MAX {
        Check::bad("clock", Exit::Failure, detail, hint)
    } else if difference > SKEW_SEEN {
        Check::doubtful("clock", detail, hint)
    } else {
        Check::good("clock", "agrees with the server's")
    }
}

/// Whether people can sign in there.
fn browser_sign_in(session: &Session<'_>, metadata: &Metadata) -> Check {
    let name = "browser sign-in";
    match &metadata.countersign_login_endpoint {
        Some(endpoint) => Check::good(name, format!("is offered at {endpoint}")),
        None if session.profile.browser => Check::bad(
            name,
            Exit::Failure,
            "the server does not offer it",
            "sign in with a certificate: countersign login SERVER --app-id ID --cert FILE",
        ),
        None => Check::skipped(name, "the server does not offer it"),
    }
}

/// What is left of the sign-in of a person; nobody is asked, and no refresh is counted.
fn persons_sign_in(session: &Session<'_>) -> Check {
    let name = "sign-in";
    let again = format!(
        "countersign login {} signs in again",
        session.profile.server
    );
    let held = match session.cached() {
        Ok(Some(held)) => held,
        Ok(None) => return Check::bad(name, Exit::RefreshLimit, "nothing is kept of it", &again),
        Err(failure) => return Check::failed(name, &failure, &again),
    };
    let refreshes = match held.refreshes_remaining {
        Some(refreshes) => format!("{refreshes} refreshes remain"),
        None => "the server does not say how many refreshes remain".to_owned(),
    };
    let principal = held.token.principal.as_deref().unwrap_or_default();
    match (
        held.token.lives(SystemClock.now()),
        held.refreshes_remaining,
    ) {
        (true, _) => Check::good(
            name,
            format!("{principal} until {}, {refreshes}", held.token.expires_at),
        ),
        (false, Some(0)) => Check::bad(name, Exit::RefreshLimit, refreshes, &again),
        (false, _) => Check::good(
            name,
            format!("{principal}; the token has ended, {refreshes}"),
        ),
    }
}

fn sign_in(session: &Session<'_>) -> Check {
    let name = "sign-in";
    if session.profile.browser {
        return persons_sign_in(session);
    }
    if session.profile.app_id.is_none() && !session.profile.as_platform {
        return Check::skipped(name, "no profile says how; countersign login makes one");
    }
    let client = match session.client() {
        Ok(client) => client,
        Err(failure) => return Check::failed(name, &failure, ""),
    };
    match block_on(async { Ok(client.renew().await?) }) {
        Ok(token) => {
            let principal = token
                .principal
                .as_deref()
                .unwrap_or("(the server does not say)");
            Check::good(
                name,
                format!("type {}, principal {principal}", token.kind.number()),
            )
        }
        Err(failure) => {
            let hint = "is the certificate registered for this application, and is there a mapping for it?";
            Check::failed(name, &failure, hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Finding;

    #[test]
    fn a_clock_that_is_minutes_off_is_bad_and_one_that_is_seconds_off_is_doubtful() {
        let server = UnixTime::from_secs(1_800_000_000);
        let find = |ours: u64| clock(Some(server), UnixTime::from_secs(ours)).finding;
        assert_eq!(find(1_800_000_003), Finding::Good);
        assert_eq!(find(1_799_999_990), Finding::Doubtful);
        assert_eq!(find(1_800_000_600), Finding::Bad(Exit::Failure));
        assert_eq!(clock(None, server).finding, Finding::Skipped);
    }
}
