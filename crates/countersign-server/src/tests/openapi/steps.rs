//! Which requests visit every endpoint of the management API, each where it can be done?

use serde_json::{Value, json};

use crate::tests::world::{Identity, World};

/// One request: what is named in the path, the query, and a body that is accepted.
pub(in crate::tests) struct Step {
    pub(in crate::tests) operation: &'static str,
    pub(in crate::tests) named: String,
    pub(in crate::tests) query: &'static str,
    pub(in crate::tests) body: Option<Value>,
}

/// What the id of the last thing that was made stands for in a path.
pub(in crate::tests) const MADE: &str = "made";

fn on(operation: &'static str, named: impl Into<String>) -> Step {
    Step {
        operation,
        named: named.into(),
        query: "",
        body: None,
    }
}

fn listed(operation: &'static str, query: &'static str) -> Step {
    Step {
        query,
        ..on(operation, "")
    }
}

fn with(operation: &'static str, named: impl Into<String>, body: Value) -> Step {
    Step {
        body: Some(body),
        ..on(operation, named)
    }
}

/// In this order each finds what it needs.
pub(in crate::tests) async fn all(world: &World) -> Vec<Step> {
    let spare = Identity::fresh("spare");
    let session = world.terminal("zoe").await.session;
    let mut steps = applications_and_certificates(&spare);
    steps.extend(people(&spare));
    steps.extend(tokens());
    steps.extend([
        with("revokeCertificate", spare.id(), json!({ "reason": "lost" })),
        on("deleteApplication", "billing"),
        listed("listSessions", "principal=zoe&state=active"),
        on("findSession", session.clone()),
        on("endSession", session.clone()),
        with("endSession", session, json!({ "with_tokens": true })),
        with("rotateKeys", "", json!({})),
        listed("listKeys", "limit=1"),
        on("findKey", MADE),
        with("retireKey", MADE, json!({ "reason": "lost" })),
        listed("listAudit", "actor=admin&outcome=ok&from=1"),
        on("whoami", ""),
    ]);
    steps
}

fn applications_and_certificates(spare: &Identity) -> Vec<Step> {
    let least = json!({ "client_id": "billing", "name": "Billing" });
    let whole = json!({
        "client_id": "billing", "name": "Billing", "scopes": ["invoices"],
        "audience": "https://billing.example", "dpop_bound_access_tokens": true,
        "accept_token_endpoint_audience": true, "forward": true,
        "accept_provider_audience": true, "assertion_lifetime_max_s": 300, "enabled": true,
    });
    let certificate = json!({
        "pem": spare.pem, "client_id": "billing", "usage": "client", "kid_alias": "key-1",
    });
    vec![
        with("createApplication", "", least),
        listed("listApplications", "name=BILL&enabled=true&limit=1"),
        on("findApplication", "billing"),
        with("updateApplication", "billing", whole),
        with("registerCertificate", "", certificate),
        listed(
            "listCertificates",
            "client_id=billing&usage=client&state=valid",
        ),
        on("findCertificate", spare.id()),
    ]
}

fn people(spare: &Identity) -> Vec<Step> {
    let role = json!({ "name": "Clerk", "permissions": ["audit:read"] });
    let changed_role = json!({
        "name": "Clerk", "description": "reads", "permissions": ["audit:read", "roles:read"],
        "require_loopback": true, "built_in": false, "token_lifetime_max_s": 3_600,
    });
    let carol = json!({ "name": "carol / R&D" });
    let changed_carol = json!({
        "name": "carol / R&D", "display_name": "Carol", "roles": ["Clerk"], "enabled": true,
    });
    let mapping = json!({
        "certificate": spare.id(), "client_id": "billing", "principal": "carol / R&D",
        "is_default": true,
    });
    let password = json!({ "password": "correct horse", "with_tokens": true });
    vec![
        with("createRole", "", role),
        listed("listRoles", "name=cl&permission=audit:read"),
        on("findRole", "Clerk"),
        with("updateRole", "Clerk", changed_role),
        with("createPrincipal", "", carol),
        listed(
            "listPrincipals",
            "name=CAROL&enabled=true&has_password=false",
        ),
        on("findPrincipal", "carol / R&D"),
        with("updatePrincipal", "carol / R&D", changed_carol),
        with("setPassword", "carol / R&D", password),
        listed("listPrincipals", "has_password=true"),
        on("deletePassword", "carol / R&D"),
        with("createMapping", "", mapping),
        listed("listMappings", "client_id=billing"),
        on("findMapping", MADE),
        on("deleteMapping", MADE),
        on("deletePrincipal", "carol / R&D"),
        on("deleteRole", "Clerk"),
    ]
}

fn tokens() -> Vec<Step> {
    let least = json!({ "kind": "personal", "name": "laptop" });
    let whole = json!({
        "kind": "app", "form": "opaque", "name": "nightly", "description": "copies",
        "roles": ["Administrator"], "scopes": ["audit:read"],
        "audience": "https://platform.example", "lifetime_s": 3_600, "never_expires": false,
    });
    let imported = json!({
        "kind": "app", "name": "old", "token": "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5",
        "revoked": false,
    });
    let rotation = json!({ "grace_s": 60, "keep_until_grace_ends": true, "lifetime_s": 3_600 });
    vec![
        with("createToken", "", least),
        listed(
            "listTokens",
            "name=LAP&kind=personal&state=active&owner=admin",
        ),
        on("findToken", MADE),
        with(
            "describeToken",
            MADE,
            json!({ "name": "desk", "description": "" }),
        ),
        with("rotateToken", MADE, json!({})),
        on("confirmToken", MADE),
        with("createToken", "", whole),
        with("rotateToken", MADE, rotation),
        on("abortToken", MADE),
        with("revokeToken", MADE, json!({ "reason": "lost" })),
        on("deleteToken", MADE),
        with("importToken", "", imported),
        with(
            "revokeTokens",
            "",
            json!({ "owner": "admin", "reason": "left" }),
        ),
        with(
            "revokeTokens",
            "",
            json!({ "created_by": "zoe", "reason": "left" }),
        ),
    ]
}
