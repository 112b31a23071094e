//! Which settings are there?

use super::{Key, Permitted};

/// Every setting, in the order of the documents.
pub const KEYS: &[Key] = &[
    key(
        "issuer",
        Permitted::Text("a URL: https, or http on loopback; no query, fragment or user"),
        "none: required",
        "The platform's identifier: the `iss` of its tokens and the `aud` of assertions.",
    ),
    key(
        "listen.address",
        Permitted::Text("an IP address and a port"),
        "127.0.0.1:8085",
        "Where the platform listens. Beyond loopback it needs `[tls]` or `listen.behind_proxy`.",
    ),
    key(
        "listen.behind_proxy",
        Permitted::Flag,
        "false",
        "A proxy in front speaks TLS, so that plain HTTP here is meant.",
    ),
    key(
        "listen.trusted_proxies",
        Permitted::List("IP addresses and networks, as in `10.1.0.0/16`"),
        "[]",
        "Proxies that say by whom they were asked. The last address that they name and that is no proxy of these is where a request comes from. From anybody else the header is not read.",
    ),
    key(
        "listen.proxy_header",
        Permitted::OneOf(&["x-forwarded-for", "forwarded"]),
        "x-forwarded-for",
        "Where they say it. The other header is not read: a proxy may pass on what a client wrote there.",
    ),
    key(
        "listen.leave_s",
        Permitted::Number {
            min: 0,
            max: 600,
            unit: "seconds",
        },
        "0",
        "How long the platform goes on accepting after it was told to stop, while `/readyz` says 503: as long as a balancer needs to notice. Then `limits.drain_s` begins.",
    ),
    key(
        "tls.certificate",
        Permitted::Text("a file"),
        "none: no TLS",
        "PEM with the chain of the listener, leaf first. Read again when it changes, and on SIGHUP.",
    ),
    key(
        "tls.key",
        Permitted::Text("a file"),
        "none: no TLS",
        "PEM with the private key of the listener.",
    ),
    key(
        "store.url",
        Permitted::Text("`sqlite:FILE`, `postgres://USER@HOST/DATABASE` or `memory:`"),
        "sqlite:countersign.db",
        "What the platform remembers in. Several nodes share one PostgreSQL. `memory:` forgets all when the process ends.",
    ),
    key(
        "store.password_file",
        Permitted::Text("a file"),
        "none: the password of the URL, or PGPASSWORD of the environment",
        "Holds the password of PostgreSQL in one line. Others than its owner and its group may not read it.",
    ),
    key(
        "secrets.file",
        Permitted::Text("a file"),
        "countersign.secrets; none with `memory:`",
        "Key-encryption key, pepper, refresh key and login key, mode 0600, made at the first start. Back it up apart from the store: without it the stored keys are lost.",
    ),
    key(
        "session.refresh_limit",
        Permitted::Number {
            min: 0,
            max: 1_000,
            unit: "refreshes",
        },
        "10",
        "How often a session, got through a browser, is refreshed at most.",
    ),
    key(
        "session.absolute_s",
        Permitted::Number {
            min: 60,
            max: 31_536_000,
            unit: "seconds",
        },
        "43200",
        "The end of a session after its beginning. No refresh moves it.",
    ),
    key(
        "session.idle_s",
        Permitted::Number {
            min: 60,
            max: 31_536_000,
            unit: "seconds",
        },
        "43200",
        "Time without a refresh after which a session is refreshed no more.",
    ),
    key(
        "session.binding",
        Permitted::OneOf(&["same_device", "code"]),
        "same_device",
        "How a token reaches the terminal: over loopback alone, or by a typed code too. Somebody can be talked out of a code.",
    ),
    key(
        "console.enabled",
        Permitted::Flag,
        "true",
        "Whether there is a console at `/console`, and a sign-in for it.",
    ),
    key(
        "console.session_s",
        Permitted::Number {
            min: 60,
            max: 604_800,
            unit: "seconds",
        },
        "28800",
        "The end of a session of the console after its beginning.",
    ),
    key(
        "console.idle_s",
        Permitted::Number {
            min: 60,
            max: 604_800,
            unit: "seconds",
        },
        "1800",
        "Time without a request after which a session of the console is over.",
    ),
    key(
        "token.interactive_s",
        Permitted::Number {
            min: 30,
            max: 86_400,
            unit: "seconds",
        },
        "3600",
        "How long a token of kind 0 lives, at most to the end of its session.",
    ),
    key(
        "token.non_interactive_s",
        Permitted::Number {
            min: 30,
            max: 86_400,
            unit: "seconds",
        },
        "900",
        "How long a token of kind 1 lives.",
    ),
    key(
        "token.platform_s",
        Permitted::Number {
            min: 30,
            max: 3_600,
            unit: "seconds",
        },
        "300",
        "How long a token of kind 2 lives.",
    ),
    key(
        "tokens.prefix",
        Permitted::Text("1 to 16 characters of a-z 0-9"),
        "csn",
        "What refresh tokens and granted tokens begin with, so that a scanner can find one that leaked. Tokens with the prefix from before a change are refused.",
    ),
    key(
        "tokens.personal_lifetime_default_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "7776000",
        "How long a personal access token lives when its grant does not say.",
    ),
    key(
        "tokens.personal_lifetime_max_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "31536000",
        "How long a personal access token may live.",
    ),
    key(
        "tokens.app_lifetime_default_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "7776000",
        "How long an app token lives when its grant does not say.",
    ),
    key(
        "tokens.app_lifetime_max_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "31536000",
        "How long an app token may live.",
    ),
    key(
        "tokens.system_lifetime_default_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "7776000",
        "How long a system token lives when its grant does not say.",
    ),
    key(
        "tokens.system_lifetime_max_s",
        Permitted::Number {
            min: 60,
            max: 3_153_600_000,
            unit: "seconds",
        },
        "31536000",
        "How long a system token may live.",
    ),
    key(
        "tokens.may_never_expire",
        Permitted::List("kinds: `personal`, `app`, `system`"),
        "[]",
        "The kinds of which a token may have no end. A JWT always has one.",
    ),
    key(
        "tokens.max_per_identity",
        Permitted::Number {
            min: 1,
            max: 1_000_000,
            unit: "tokens",
        },
        "100",
        "How many live tokens one principal may have, and how many system tokens there may be.",
    ),
    key(
        "tokens.rotation_grace_s",
        Permitted::Number {
            min: 0,
            max: 2_592_000,
            unit: "seconds",
        },
        "86400",
        "How long a rotated token lives beside its successor, unless the rotation says otherwise.",
    ),
    key(
        "tokens.expiry_warning_s",
        Permitted::Number {
            min: 0,
            max: 31_536_000,
            unit: "seconds",
        },
        "1209600",
        "How long before its end a token is shown as expiring.",
    ),
    key(
        "tokens.cache_max",
        Permitted::Number {
            min: 0,
            max: 10_000_000,
            unit: "tokens",
        },
        "100000",
        "How many granted tokens a node remembers, of up to a kilobyte each. Without, each use reads the store.",
    ),
    key(
        "assertion.lifetime_max_s",
        Permitted::Number {
            min: 10,
            max: 3_600,
            unit: "seconds",
        },
        "300",
        "Longest `exp - iat` of an assertion.",
    ),
    key(
        "limits.per_source_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "requests",
        },
        "600",
        "Requests at credential endpoints from one source: an IPv4 address, or an IPv6 /64. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.failures_per_source_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "requests",
        },
        "60",
        "Refused credentials from one source, after which it waits. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.api_per_source_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "requests",
        },
        "6000",
        "Requests at the management API from one source. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.per_client_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "requests",
        },
        "6000",
        "Requests of one application, or of one principal, from all sources together, once it was recognised.",
    ),
    key(
        "limits.exempt",
        Permitted::List("IP addresses and networks, as in `10.1.0.0/16`"),
        "[]",
        "Sources of which no request and no failure is limited, such as a gateway that introspects for everybody.",
    ),
    key(
        "limits.connections",
        Permitted::Number {
            min: 1,
            max: 1_000_000,
            unit: "connections",
        },
        "4096",
        "Connections at one time.",
    ),
    key(
        "limits.connections_per_source",
        Permitted::Number {
            min: 1,
            max: 1_000_000,
            unit: "connections",
        },
        "1024",
        "Connections of one source at one time: an IPv4 address, or an IPv6 /64. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.header_s",
        Permitted::Number {
            min: 1,
            max: 300,
            unit: "seconds",
        },
        "10",
        "Time to send the header of a request.",
    ),
    key(
        "limits.body_s",
        Permitted::Number {
            min: 1,
            max: 300,
            unit: "seconds",
        },
        "10",
        "Time to send the body of a request.",
    ),
    key(
        "limits.idle_s",
        Permitted::Number {
            min: 1,
            max: 3_600,
            unit: "seconds",
        },
        "60",
        "Time without a request before a connection is closed.",
    ),
    key(
        "limits.drain_s",
        Permitted::Number {
            min: 0,
            max: 600,
            unit: "seconds",
        },
        "30",
        "Time for running requests to end when the platform stops.",
    ),
    key(
        "limits.body_bytes",
        Permitted::Number {
            min: 20_480,
            max: 1_048_576,
            unit: "bytes",
        },
        "65536",
        "Longest body of a request.",
    ),
    key(
        "limits.logins_per_source",
        Permitted::Number {
            min: 1,
            max: 1_000_000,
            unit: "sign-ins",
        },
        "20",
        "Sign-ins through a browser that one source may have under way. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.logins_per_source_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "sign-ins",
        },
        "30",
        "Sign-ins through a browser that one source may begin. Not counted behind a proxy that is not trusted.",
    ),
    key(
        "limits.logins_per_minute",
        Permitted::Number {
            min: 1,
            max: 1_000_000_000,
            unit: "sign-ins",
        },
        "6000",
        "Sign-ins through a browser that may begin, from all sources together.",
    ),
    key(
        "login.hello_s",
        Permitted::Number {
            min: 1,
            max: 60,
            unit: "seconds",
        },
        "10",
        "Time for a terminal to prove its key after it has connected.",
    ),
    key(
        "login.total_s",
        Permitted::Number {
            min: 30,
            max: 3_600,
            unit: "seconds",
        },
        "600",
        "How long a sign-in through a browser may take from its link to its token.",
    ),
    key(
        "login.review_s",
        Permitted::Number {
            min: 10,
            max: 3_600,
            unit: "seconds",
        },
        "120",
        "Time to allow a sign-in, once the person has signed in.",
    ),
    key(
        "login.loopback_s",
        Permitted::Number {
            min: 5,
            max: 600,
            unit: "seconds",
        },
        "60",
        "How long the value lives that a browser brings to a port of its own machine.",
    ),
    key(
        "login.code_s",
        Permitted::Number {
            min: 10,
            max: 600,
            unit: "seconds",
        },
        "180",
        "How long a code lives that is typed in the terminal.",
    ),
    key(
        "login.code_tries",
        Permitted::Number {
            min: 1,
            max: 5,
            unit: "tries",
        },
        "3",
        "Wrong values after which a sign-in ends.",
    ),
    key(
        "login.accept_s",
        Permitted::Number {
            min: 5,
            max: 600,
            unit: "seconds",
        },
        "60",
        "Time for the terminal to accept who signed in, and to acknowledge the token.",
    ),
    key(
        "login.ping_s",
        Permitted::Number {
            min: 1,
            max: 300,
            unit: "seconds",
        },
        "25",
        "How often a connected terminal is asked whether it is still there.",
    ),
    key(
        "login.silence_s",
        Permitted::Number {
            min: 2,
            max: 600,
            unit: "seconds",
        },
        "60",
        "Silence after which a connected terminal counts as gone.",
    ),
    key(
        "login.resume_s",
        Permitted::Number {
            min: 1,
            max: 3_600,
            unit: "seconds",
        },
        "120",
        "Time for a terminal that lost its connection to come back.",
    ),
    key(
        "bootstrap.certificate",
        Permitted::Text("a file"),
        "none",
        "PEM. In an empty store this certificate maps to the principal `admin` with the role Administrator.",
    ),
    key(
        "bootstrap.client_id",
        Permitted::Text("1 to 255 characters of A-Z a-z 0-9 . _ ~ -"),
        "countersign-admin",
        "The application that the bootstrap certificate signs in as.",
    ),
    key(
        "identity_provider.kind",
        Permitted::OneOf(&["built-in", "openid-connect"]),
        "built-in",
        "Who proves which person sits at a browser: accounts of the platform with passwords, or a provider of your own.",
    ),
    key(
        "identity_provider.name",
        Permitted::Text("a text for people"),
        "none: `countersign`, or the host of `identity_provider.issuer`",
        "What people read on pages and in their terminal.",
    ),
    key(
        "identity_provider.issuer",
        Permitted::Text("a URL: https, or http on loopback; no query, fragment or user"),
        "none: required with `openid-connect`",
        "The provider's issuer, exactly as it writes it.",
    ),
    key(
        "identity_provider.client_id",
        Permitted::Text("a text"),
        "none: required with `openid-connect`",
        "What the provider calls the platform.",
    ),
    key(
        "identity_provider.client_secret_file",
        Permitted::Text("a file"),
        "none: a public client, with PKCE alone",
        "The client's secret, for `client_secret_basic` or `client_secret_post`. A line break at its end does not count.",
    ),
    key(
        "identity_provider.certificate",
        Permitted::Text("a file"),
        "none",
        "PEM with the certificate by which the platform authenticates to the provider (`private_key_jwt`), leaf first.",
    ),
    key(
        "identity_provider.key",
        Permitted::Text("a file"),
        "none",
        "PEM with the private key of that certificate.",
    ),
    key(
        "identity_provider.scopes",
        Permitted::List("scopes, with `openid` among them"),
        r#"["openid", "profile"]"#,
        "What the provider is asked for. With `principal_claim = \"email\"` the default holds `email` too.",
    ),
    key(
        "identity_provider.principal_claim",
        Permitted::OneOf(&["sub", "preferred_username", "email"]),
        "sub",
        "Which claim of the ID token names the principal. Whoever chooses its value at the provider chooses who he is here. `email` counts only while `email_verified` is true.",
    ),
    key(
        "identity_provider.create_principals",
        Permitted::Flag,
        "false",
        "Whether somebody whom the provider vouches for, and who is no principal yet, becomes one.",
    ),
    key(
        "identity_provider.roles",
        Permitted::List("names of roles"),
        "[]",
        "The roles of principals that are made so. One that exists already keeps the roles that it has.",
    ),
    key(
        "trusted_issuer.issuer",
        Permitted::Text("a URL: https, or http on loopback; no query, fragment or user"),
        "none: required",
        "Another issuer whose tokens are believed at the API, by the keys that its metadata names. `[[trusted_issuer]]` may stand 16 times.",
    ),
    key(
        "trusted_issuer.audience",
        Permitted::Text("the `aud` of its tokens"),
        "none: required",
        "What it calls this platform. A token for anybody else is refused.",
    ),
    key(
        "trusted_issuer.principal_claim",
        Permitted::Text("the name of a claim"),
        "sub",
        "Which claim of its tokens names the principal, who must be registered here.",
    ),
    key(
        "trusted_issuer.role_claim",
        Permitted::Text("the name of a claim"),
        "none: all roles that the principal has",
        "Which claim names roles: of those that the principal has here the token carries these, and never another.",
    ),
    key(
        "forwarding.issuer",
        Permitted::Text("a URL: https, or http on loopback; no query, fragment or user"),
        "none: `identity_provider.issuer`",
        "The provider to which the assertions of applications that are set to forward are sent as well.",
    ),
    key(
        "forwarding.timeout_s",
        Permitted::Number {
            min: 1,
            max: 60,
            unit: "seconds",
        },
        "10",
        "How long that provider may take.",
    ),
    key(
        "outbound.ca_bundle",
        Permitted::Text("a file"),
        "none: the certificate authorities of the system",
        "PEM with certificate authorities that the platform trusts besides those of the system, when it asks a provider.",
    ),
    key(
        "events.webhook",
        Permitted::Text("a URL: https, or http on loopback; no fragment or user"),
        "none: events are logged and counted",
        "Where events are delivered, as docs/events.md says.",
    ),
    key(
        "events.webhook_ca_bundle",
        Permitted::Text("a file"),
        "none: those of `outbound.ca_bundle`",
        "PEM with certificate authorities that are trusted besides those of the system, for the receiver of events alone.",
    ),
    key(
        "signing.algorithm",
        Permitted::OneOf(&["ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256"]),
        "ES256",
        "What a new key of the issuer signs by.",
    ),
    key(
        "signing.rotate_every_s",
        Permitted::Number {
            min: 3_600,
            max: 315_360_000,
            unit: "seconds",
        },
        "7776000",
        "How long a key of the issuer signs before another takes its place.",
    ),
    key(
        "signing.announce_s",
        Permitted::Number {
            min: 300,
            max: 2_592_000,
            unit: "seconds",
        },
        "86400",
        "How long a new key is published before it signs. Whoever keeps the key set longer than the 300 s that he is told meets a key that he does not know.",
    ),
    key(
        "signing.retire_after_s",
        Permitted::Number {
            min: 300,
            max: 315_360_000,
            unit: "seconds",
        },
        "31536000",
        "How long a key verifies after it stopped to sign. At least as long as the longest token lives, such as `tokens.app_lifetime_max_s`.",
    ),
    key(
        "signing.secret_file",
        Permitted::Text("a file"),
        "none",
        "Secrets that sign app tokens in the form of a JWT by HS256, one a line, 32 bytes or more, mode 0600: the first signs, all verify. Without it the key of the issuer signs them.",
    ),
    key(
        "log.format",
        Permitted::OneOf(&["text", "json"]),
        "text",
        "The form of a log line.",
    ),
    key(
        "log.filter",
        Permitted::Text("directives such as `info,countersign_server=debug`"),
        "info",
        "Which lines are logged.",
    ),
    key(
        "lab.shared_certificate",
        Permitted::Flag,
        "false",
        "Laboratory only: one certificate may be registered for both usages. Logged at each start.",
    ),
];

const fn key(
    name: &'static str,
    permitted: Permitted,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        permitted,
        default,
        meaning,
    }
}
