//! Do the pages of the registry do what the management API does, for whoever may, and nothing else?

use countersign_proto::management::NewCertificate;
use http::StatusCode;

use super::{
    desk::{Desk, form},
    keys::announced,
};
use crate::tests::{
    login::browser::{Browser, form_token, location, text},
    world::{Answer, Identity},
};

const SECTIONS: [(&str, &str); 8] = [
    ("applications", "applications:read"),
    ("certificates", "certificates:read"),
    ("mappings", "mappings:read"),
    ("principals", "principals:read"),
    ("roles", "roles:read"),
    ("sessions", "sessions:read"),
    ("keys", "keys:read"),
    ("audit", "audit:read"),
];

/// Every form that changes something, with what a good one holds; `{spare}` is a certificate.
fn forms() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    vec![
        (
            "new/applications",
            vec![("name", "billing"), ("title", "Billing")],
        ),
        ("applications/shop/edit", vec![("title", "Changed")]),
        ("applications/till/delete", vec![]),
        ("new/principals", vec![("name", "carol")]),
        ("principals/bert/edit", vec![("title", "Bertha")]),
        (
            "principals/bert/password",
            vec![("password", "correct horse"), ("again", "correct horse")],
        ),
        ("principals/bert/password/delete", vec![]),
        ("principals/carl/delete", vec![]),
        (
            "new/roles",
            vec![("name", "Clerk"), ("permissions", "audit:read")],
        ),
        ("roles/Own/edit", vec![("permissions", "audit:read")]),
        ("roles/Idle/delete", vec![]),
        (
            "new/mappings",
            vec![
                ("client_id", "shop"),
                ("certificate", "{spare}"),
                ("principal", "bert"),
            ],
        ),
        ("mappings/{mapping}/delete", vec![]),
        ("certificates/{spare}/revoke", vec![("reason", "lost")]),
        ("sessions/{session}/end", vec![]),
        ("keys/{key}/retire", vec![("reason", "too early")]),
        ("keys/rotate", vec![]),
        ("keys/rotate-at-once", vec![("reason", "found on a stick")]),
    ]
}

struct Scene {
    desk: Desk,
    spare: Identity,
    mapping: String,
    session: String,
    /// One that is announced.
    key: String,
}

impl Scene {
    async fn new() -> Scene {
        let desk = Desk::new().await;
        let world = &desk.world;
        for name in ["bert", "carl"] {
            world.principal(name, &[]).await;
        }
        for role in ["Own", "Idle"] {
            let role = serde_json::json!({"name": role, "permissions": ["roles:read"]});
            let role = serde_json::from_value(role).unwrap();
            world.change(crate::Change::CreateRole(role)).await;
        }
        let shop = world.application("shop", &["bert"]).await;
        let till = crate::tests::world::application("till");
        world.change(crate::Change::CreateApplication(till)).await;
        let spare = Identity::fresh("spare");
        world.register("shop", &spare).await;
        Scene {
            mapping: format!("shop-bert-{}", &shop.id()[..8]),
            session: world.terminal("bert").await.session,
            key: announced(&desk).await,
            spare,
            desk,
        }
    }

    fn filled(&self, text: &str) -> String {
        text.replace("{spare}", &self.spare.id())
            .replace("{mapping}", &self.mapping)
            .replace("{session}", &self.session)
            .replace("{key}", &self.key)
    }

    /// Sends a form of which `token` is the token.
    async fn send(
        &self,
        browser: &mut Browser,
        page: &str,
        fields: &[(&'static str, &'static str)],
        token: &str,
    ) -> Answer {
        let mut all = vec![("token", token.to_owned())];
        all.extend(
            fields
                .iter()
                .map(|(name, value)| (*name, self.filled(value))),
        );
        let page = format!("/console/{}", self.filled(page));
        browser.post(&page, &form(&all)).await
    }

    fn version(&self) -> u64 {
        self.desk.world.platform.registry().version()
    }
}

#[tokio::test]
async fn each_section_is_seen_by_whoever_may_read_it_and_by_nobody_else() {
    let desk = Desk::new().await;
    for (section, permission) in SECTIONS {
        let role = serde_json::json!({"name": permission, "permissions": [permission]});
        let role = serde_json::from_value(role).unwrap();
        desk.change(crate::Change::CreateRole(role)).await;
        desk.person(section, &[permission]).await;
    }
    for (reader, _) in SECTIONS {
        let mut browser = desk.signed_in(reader).await;
        let home = text(&browser.get("/console").await);
        for (section, permission) in SECTIONS {
            let page = browser.get(&format!("/console/{section}")).await;
            let may = section == reader;
            let expected = if may {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(page.status, expected, "{reader} at {section}");
            let link = format!("href=\"/console/{section}\"");
            assert_eq!(home.contains(&link), may, "{reader}: {section}");
            if !may {
                assert!(text(&page).contains(permission), "{reader} at {section}");
            }
        }
    }
}

// security.md 113
#[tokio::test]
async fn a_reader_changes_nothing_by_any_form_and_is_shown_none() {
    let scene = Scene::new().await;
    let mut rita = scene.desk.signed_in("rita").await;
    let home = rita.get("/console").await;
    let (token, before) = (form_token(&home), scene.version());
    for (page, fields) in forms() {
        let at = format!("/console/{}", scene.filled(page));
        let seen = rita.get(&at).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{page}");
        let sent = scene.send(&mut rita, page, &fields, &token).await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN, "{page}");
    }
    assert_eq!(scene.version(), before);
    for (section, _) in SECTIONS {
        let list = text(&rita.get(&format!("/console/{section}")).await);
        assert!(!list.contains("/console/new/"), "{section}");
    }
    let one = text(&rita.get("/console/applications/shop").await);
    assert!(!one.contains("/edit") && !one.contains("/delete"), "{one}");
    let session = scene.desk.world.store.session(&scene.session).await;
    assert_eq!(session.unwrap().unwrap().end_reason, None);
}

#[tokio::test]
async fn no_form_of_another_page_does_anything() {
    let scene = Scene::new().await;
    let mut anna = scene.desk.signed_in("anna").await;
    let mut otto = scene.desk.signed_in("otto").await;
    let of_otto = form_token(&otto.get("/console").await);
    let before = scene.version();
    for (page, fields) in forms() {
        for token in ["", "x", &of_otto] {
            let sent = scene.send(&mut anna, page, &fields, token).await;
            assert_eq!(sent.status, StatusCode::FORBIDDEN, "{page} by {token:?}");
        }
    }
    assert_eq!(scene.version(), before);
}

#[tokio::test]
async fn an_administrator_does_all_of_it_by_its_forms() {
    let scene = Scene::new().await;
    let mut anna = scene.desk.signed_in("anna").await;
    for (page, fields) in forms() {
        let at = format!("/console/{}", scene.filled(page));
        let seen = anna.get(&at).await;
        assert_eq!(seen.status, StatusCode::OK, "{page}: {}", text(&seen));
        let sent = scene
            .send(&mut anna, page, &fields, &form_token(&seen))
            .await;
        assert_eq!(
            sent.status,
            StatusCode::SEE_OTHER,
            "{page}: {}",
            text(&sent)
        );
        let next = anna.get(&location(&sent)).await;
        assert_eq!(next.status, StatusCode::OK, "{page}");
        assert!(text(&next).contains("role=\"status\""), "{page}");
    }
    let registry = scene.desk.world.platform.registry();
    assert_eq!(registry.application("billing").unwrap().name, "Billing");
    assert_eq!(registry.application("shop").unwrap().name, "Changed");
    assert!(registry.application("till").is_none());
    assert_eq!(registry.principal("bert").unwrap().display_name, "Bertha");
    assert!(registry.principal("carol").is_some() && registry.principal("carl").is_none());
    assert_eq!(registry.role("Own").unwrap().permissions, ["audit:read"]);
    assert!(registry.role("Idle").is_none() && registry.mapping(&scene.mapping).is_none());
    let spare = registry.certificate(&scene.spare.id()).unwrap();
    assert_eq!(spare.record.revocation_reason.as_deref(), Some("lost"));
    // It was set, and taken away.
    let account = scene.desk.world.store.account("bert").await.unwrap();
    let actions = scene.desk.actions().await;
    let was = |action: &str| actions.iter().any(|it| it == action);
    assert!(account.is_none() && was("password.set") && was("password.delete"));
}

#[tokio::test]
async fn an_operator_registers_a_certificate_that_he_pastes() {
    let scene = Scene::new().await;
    let mut otto = scene.desk.signed_in("otto").await;
    let fresh = Identity::fresh("fresh");
    let page = otto.get("/console/new/certificates?client_id=shop").await;
    assert!(text(&page).contains("value=\"shop\""));
    let fields = |pem: &str| {
        form(&[
            ("token", form_token(&page)),
            ("pem", pem.to_owned()),
            ("usage", "client".to_owned()),
            ("client_id", "shop".to_owned()),
            ("alias", String::new()),
        ])
    };
    let wrong = otto
        .post("/console/new/certificates", &fields("no PEM"))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = text(&wrong);
    assert!(
        shown.contains("Nothing was done") && shown.contains("no PEM</textarea>"),
        "{shown}"
    );
    let made = otto
        .post("/console/new/certificates", &fields(&fresh.pem))
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", text(&made));
    assert!(location(&made).starts_with(&format!("/console/certificates/{}", fresh.id())));
    let again = otto
        .post("/console/new/certificates", &fields(&fresh.pem))
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let asked = NewCertificate {
        pem: fresh.pem.clone(),
        client_id: Some("shop".to_owned()),
        usage: countersign_proto::management::CertificateUsage::Client,
        kid_alias: None,
    };
    let expected = crate::registry::CertificateEntry::new(&asked)
        .unwrap()
        .record;
    let registry = scene.desk.world.platform.registry();
    assert_eq!(registry.certificate(&fresh.id()).unwrap().record, expected);
}

#[tokio::test]
async fn what_is_refused_is_shown_with_what_was_typed() {
    let scene = Scene::new().await;
    let mut anna = scene.desk.signed_in("anna").await;
    let token = form_token(&anna.get("/console").await);
    for (page, fields, status, said) in [
        (
            "new/applications",
            vec![("name", "shop"), ("title", "T y p e d")],
            409,
            "T y p e d",
        ),
        (
            "new/applications",
            vec![("name", "a b"), ("title", "x")],
            422,
            "value=\"a b\"",
        ),
        (
            "new/applications",
            vec![("name", "x"), ("longest", "an hour")],
            422,
            "no whole number",
        ),
        (
            "new/roles",
            vec![("name", "x"), ("permissions", "every:thing")],
            422,
            "every:thing</textarea>",
        ),
        ("applications/shop/delete", vec![], 409, "Nothing was done"),
        (
            "principals/bert/password",
            vec![("password", "short"), ("again", "short")],
            422,
            "8 to 1024",
        ),
        (
            "principals/bert/password",
            vec![("password", "long enough"), ("again", "other")],
            422,
            "differ",
        ),
        (
            "certificates/{spare}/revoke",
            vec![("reason", " ")],
            422,
            "Say why",
        ),
        (
            "roles/Reader/edit",
            vec![("permissions", "*")],
            422,
            "built in",
        ),
        ("principals/nobody/edit", vec![], 404, "Not found"),
    ] {
        let sent = scene.send(&mut anna, page, &fields, &token).await;
        let shown = text(&sent);
        assert_eq!(sent.status.as_u16(), status, "{page}: {shown}");
        assert!(shown.contains(said), "{page}: {shown}");
        for (name, value) in fields {
            let secret = name == "password" && shown.contains(&format!("value=\"{value}\""));
            assert!(!secret, "{page} shows a password");
        }
    }
}

#[tokio::test]
async fn nobody_gives_away_at_the_console_what_he_has_not() {
    let scene = Scene::new().await;
    let helpdesk = serde_json::json!({
        "name": "Helpdesk",
        "permissions": ["principals:read", "principals:write", "mappings:write", "roles:read", "roles:write"],
    });
    let helpdesk = serde_json::from_value(helpdesk).unwrap();
    scene.desk.change(crate::Change::CreateRole(helpdesk)).await;
    scene.desk.person("heidi", &["Helpdesk"]).await;
    let mut heidi = scene.desk.signed_in("heidi").await;
    let (token, before) = (form_token(&heidi.get("/console").await), scene.version());
    for (page, fields) in [
        (
            "new/principals",
            vec![("name", "evil"), ("roles", "Administrator")],
        ),
        ("principals/bert/edit", vec![("roles", "Administrator")]),
        ("principals/anna/edit", vec![("title", "x")]),
        (
            "principals/anna/password",
            vec![("password", "correct horse"), ("again", "correct horse")],
        ),
        ("principals/anna/delete", vec![]),
        (
            "new/mappings",
            vec![
                ("client_id", "shop"),
                ("certificate", "{spare}"),
                ("principal", "anna"),
            ],
        ),
        ("new/roles", vec![("name", "x"), ("permissions", "*")]),
    ] {
        let sent = scene.send(&mut heidi, page, &fields, &token).await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN, "{page}");
    }
    assert_eq!(scene.version(), before);
}

#[tokio::test]
async fn what_somebody_typed_is_text_on_every_page() {
    const EVIL: &str = "\"><script>alert(1)</script>'&\u{202e}";
    let scene = Scene::new().await;
    let mut principal = crate::tests::world::principal("<b>eve</b>", &[]);
    principal.display_name = EVIL.replace('\u{202e}', "");
    scene
        .desk
        .change(crate::Change::CreatePrincipal(principal))
        .await;
    let mut application = crate::tests::world::application("evil");
    application.name = EVIL.replace('\u{202e}', "");
    scene
        .desk
        .change(crate::Change::CreateApplication(application))
        .await;
    let mut anna = scene.desk.signed_in("anna").await;
    let asked: String = url::form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    for page in [
        "principals".to_owned(),
        "principals/%3Cb%3Eeve%3C%2Fb%3E".to_owned(),
        "principals/%3Cb%3Eeve%3C%2Fb%3E/edit".to_owned(),
        "principals/%3Cb%3Eeve%3C%2Fb%3E/delete".to_owned(),
        "principals/%3Cb%3Eeve%3C%2Fb%3E/password".to_owned(),
        "applications".to_owned(),
        "applications/evil".to_owned(),
        "applications/evil/edit".to_owned(),
        format!("principals?name={asked}"),
        format!("audit?actor={asked}&from={asked}&after={asked}"),
        format!("certificates?client_id={asked}&state={asked}"),
        format!("sessions?principal={asked}"),
        format!("new/mappings?principal={asked}"),
    ] {
        let answer = anna.get(&format!("/console/{page}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        let shown = text(&answer);
        assert!(
            !shown.contains("<script>alert") && !shown.contains("<b>eve"),
            "{page}: {shown}"
        );
    }
}

#[tokio::test]
async fn lists_are_narrowed_and_turned_page_by_page() {
    let scene = Scene::new().await;
    for number in 0..30 {
        scene
            .desk
            .world
            .principal(&format!("p{number:02}"), &[])
            .await;
    }
    let mut anna = scene.desk.signed_in("anna").await;
    let first = text(&anna.get("/console/principals?name=P").await);
    assert!(
        first.contains(">p00<") && !first.contains(">p29<"),
        "{first}"
    );
    assert!(!first.contains(">rita<"));
    let (_, next) = first.split_once("rel=\"next\"").map_or(("", ""), |_| {
        let before = first.split("rel=\"next\"").next().unwrap();
        let href = before.rsplit("href=\"").next().unwrap();
        ("", href.split('"').next().unwrap())
    });
    let second = text(&anna.get(&next.replace("&#38;", "&")).await);
    assert!(
        second.contains(">p29<") && !second.contains(">p00<"),
        "{second}"
    );
    let audit = text(
        &anna
            .get("/console/audit?action=console.enter&outcome=ok")
            .await,
    );
    assert!(!audit.contains("password.set"), "{audit}");
    let nothing = text(&anna.get("/console/sessions?principal=nobody").await);
    assert!(nothing.contains("Nothing fits."));
    let ended = text(
        &anna
            .get("/console/sessions?state=active&principal=bert")
            .await,
    );
    assert!(ended.contains(&scene.session[..8]), "{ended}");
}
