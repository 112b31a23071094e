//! How does a test put a guard before its own service?

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use countersign_guard::{Guard, GuardBuilder, Introspector, TransportError};
use countersign_proto::{
    management::{GrantedForm, GrantedKind, NewToken, Principal, Role},
    time::UnixTime,
    token::AccessToken,
};
use http::{Request, Response};

use crate::{ManualClock, TestPlatform, TestkitError, Wire};

/// The scope that permits to introspect.
const INTROSPECT: &str = "introspect";
/// Who asks, and its role.
const PRINCIPAL: &str = "testkit-guard";

impl TestPlatform {
    /// A guard that believes the tokens of this platform for `audience`, over its wire and on its
    /// clock: for a service in this process.
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign_testkit::TestPlatform;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let platform = TestPlatform::new().await?;
    /// let api = "https://orders.test";
    /// let client = platform.application("shop").audience(api).register().await?;
    /// let guard = platform.guard(api).build()?;
    ///
    /// let mut request = http::Request::get("https://orders.test/orders").body(())?;
    /// countersign::authorize::authorize(&client, &mut request).await?;
    /// let (head, ()) = request.into_parts();
    /// assert_eq!(guard.check(&head).await?.principal(), "shop");
    ///
    /// // An hour later the token is nobody's.
    /// platform.clock().advance(Duration::from_secs(3600));
    /// assert_eq!(guard.check(&head).await.unwrap_err().word(), "expired");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard(&self, audience: &str) -> GuardBuilder {
        Guard::builder(self.issuer())
            .audience(audience)
            .transport(Arc::new(self.wire().clone()))
            .clock(Arc::new(self.clock().clone()))
    }

    /// As whom such a guard asks this platform about tokens for `audience`, which is that of an
    /// application: by an app token of a principal that is made for that.
    pub async fn introspector(&self, audience: &str) -> Result<Introspector, TestkitError> {
        let admin = self.admin()?;
        if admin.principal(PRINCIPAL).await.is_err() {
            let role = Role {
                name: PRINCIPAL.to_owned(),
                description: String::new(),
                permissions: vec![format!("scope:{INTROSPECT}")],
                require_loopback: false,
                token_lifetime_max_s: None,
                built_in: false,
            };
            admin.create_role(&role).await?;
            let principal = Principal {
                name: PRINCIPAL.to_owned(),
                display_name: PRINCIPAL.to_owned(),
                roles: vec![PRINCIPAL.to_owned()],
                enabled: true,
                password_set_at: None,
            };
            admin.create_principal(&principal).await?;
        }
        let given = admin
            .create_token(&NewToken {
                kind: GrantedKind::App,
                form: GrantedForm::Opaque,
                name: format!("guard of {audience}"),
                description: String::new(),
                owner: Some(PRINCIPAL.to_owned()),
                roles: Vec::new(),
                scopes: vec![INTROSPECT.to_owned()],
                audience: Some(audience.to_owned()),
                expires_at: None,
                lifetime_s: None,
                never_expires: false,
            })
            .await?;
        let token = AccessToken::new(given.expose())
            .map_err(|error| TestkitError::Answer(error.to_string()))?;
        Ok(Introspector::token(move || {
            let token = token.clone();
            async move { Ok(token) }
        }))
    }
}

impl countersign_guard::Transport for Wire {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + '_>> {
        Box::pin(async move {
            let sent = countersign::Transport::send(self, request).await;
            sent.map_err(as_the_guard_says)
        })
    }
}

impl countersign_guard::Clock for ManualClock {
    fn now(&self) -> UnixTime {
        ManualClock::now(self)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        countersign::Clock::sleep(self, duration)
    }
}

fn as_the_guard_says(error: countersign::TransportError) -> TransportError {
    use countersign::TransportError as Said;
    match error {
        Said::Timeout => TransportError::Timeout,
        Said::Interrupted(what) => TransportError::Interrupted(what),
        Said::TooLarge => TransportError::TooLarge,
        Said::Settings(what) => TransportError::Settings(what),
        other => TransportError::Connect(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use countersign_guard::{How, Refusal};
    use countersign_proto::management::GivenToken;

    use super::*;
    use crate::Fault;

    const API: &str = "https://orders.test";

    fn bearer(token: &str) -> http::request::Parts {
        let request = Request::get("https://orders.test/orders")
            .header("Authorization", format!("Bearer {token}"));
        request.body(()).unwrap().into_parts().0
    }

    async fn granted(platform: &TestPlatform, form: GrantedForm) -> GivenToken {
        let token = NewToken {
            kind: GrantedKind::App,
            form,
            name: "for the shop".to_owned(),
            description: String::new(),
            owner: None,
            roles: Vec::new(),
            scopes: Vec::new(),
            audience: Some(API.to_owned()),
            expires_at: None,
            lifetime_s: Some(3600),
            never_expires: false,
        };
        platform
            .admin()
            .unwrap()
            .create_token(&token)
            .await
            .unwrap()
    }

    // security.md 76, 79
    #[tokio::test]
    async fn a_granted_token_is_believed_until_it_is_revoked_and_the_answer_has_aged() {
        let platform = TestPlatform::new().await.unwrap();
        let shop = platform.application("shop").audience(API);
        shop.register().await.unwrap();
        let introspector = platform.introspector(API).await.unwrap();
        let guard = platform.guard(API).introspect_with(introspector);
        let guard = guard.build().unwrap();
        let given = granted(&platform, GrantedForm::Opaque).await;
        let head = bearer(given.expose());
        let caller = guard.check(&head).await.unwrap();
        assert_eq!(caller.how(), How::Introspection);
        assert_eq!(caller.issuer(), platform.issuer());
        assert!(caller.expires_at().is_some());

        let admin = platform.admin().unwrap();
        admin
            .revoke_token(&given.granted.id, "leaked")
            .await
            .unwrap();
        assert!(guard.check(&head).await.is_ok());
        platform.clock().advance(Duration::from_secs(5));
        assert_eq!(guard.check(&head).await.unwrap_err(), Refusal::Inactive);
        assert_eq!(platform.wire().requests_to("/oauth2/introspect"), 2);
    }

    // security.md 105, 106: the SDK proves, the guard believes.
    #[tokio::test]
    async fn a_bound_token_goes_from_the_sdk_to_the_guard() {
        let platform = TestPlatform::new().await.unwrap();
        let application = platform.application("shop").audience(API).dpop_bound();
        let credential = crate::fixtures::service();
        application.register().await.unwrap();
        let client = platform
            .client("shop", credential)
            .dpop(countersign::Dpop::Required);
        let client = client.build().unwrap();
        for (guard, first, again) in [
            (platform.guard(API), "believed", "proof_replayed"),
            // The client has not heard of a nonce of this guard, and the head goes as it is.
            (
                platform.guard(API).require_dpop_nonce(),
                "nonce_required",
                "nonce_required",
            ),
        ] {
            let guard = guard.build().unwrap();
            let mut request = Request::get("https://orders.test/orders?a=1")
                .body(())
                .unwrap();
            countersign::authorize::authorize(&client, &mut request)
                .await
                .unwrap();
            let (mut head, ()) = request.into_parts();
            for wanted in [first, again] {
                let word = match guard.check(&head).await {
                    Ok(caller) if caller.principal() == "shop" => "believed",
                    Ok(caller) => panic!("{caller:?}"),
                    Err(refusal) => refusal.word(),
                };
                assert_eq!(word, wanted);
            }
            let text = head.headers["Authorization"].to_str().unwrap().to_owned();
            let text = text.replace("DPoP ", "Bearer ");
            head.headers.insert("Authorization", text.parse().unwrap());
            assert_eq!(guard.check(&head).await.unwrap_err(), Refusal::BoundToKey);
        }
    }

    #[tokio::test]
    async fn a_guard_goes_on_while_the_platform_is_away() {
        let platform = TestPlatform::new().await.unwrap();
        let client = platform
            .application("shop")
            .audience(API)
            .register()
            .await
            .unwrap();
        let guard = platform.guard(API).build().unwrap();
        let token = client.token().await.unwrap();
        let head = bearer(token.access_token.expose());
        assert!(guard.check(&head).await.is_ok());
        platform.wire().always(Fault::DropRequest);
        platform.clock().advance(Duration::from_secs(600));
        assert!(guard.check(&head).await.is_ok());
        platform.clock().advance(Duration::from_secs(600));
        assert_eq!(guard.check(&head).await.unwrap_err().word(), "expired");
    }
}
