//! How does a profile become a token of the 1E/Tachyon dialect?

use std::sync::Arc;

use countersign::{
    SystemClock, Token,
    tachyon::{TachyonClient, TachyonSite, TachyonToken},
};

use super::{Held, Session, block_on, check_server, transport};
use crate::{
    certificate_choice::Choice,
    failure::{Exit, Failure},
    profile::Profile,
};

impl Session<'_> {
    /// Whether this is a profile of the dialect.
    pub(crate) fn is_tachyon(&self) -> bool {
        self.profile.dialect.is_some()
    }

    /// A client that signs in with the certificate of this profile.
    pub(crate) fn tachyon_client(&self) -> Result<TachyonClient, Failure> {
        let profile = &self.profile;
        check_server(profile)?;
        let app_id = profile.app_id.as_deref().ok_or_else(|| {
            Failure::usage("no application is named").hint("say which with --app-id")
        })?;
        let choice = Choice::of_profile(profile, self.environment)?;
        let source = choice.into_source(self.output)?;
        let mut builder = TachyonClient::builder(&profile.server, app_id, source)
            .consumer(profile.consumer())
            .transport(Arc::new(transport(profile)?));
        if let Some(endpoint) = &profile.audience {
            builder = builder.token_endpoint(endpoint);
        }
        Ok(builder.build()?)
    }

    /// The server of this profile.
    pub(crate) fn tachyon_site(&self) -> Result<TachyonSite, Failure> {
        site(&self.profile)
    }

    pub(super) fn tachyon_fetch(&self) -> Result<Token, Failure> {
        let client = self.tachyon_client()?;
        block_on(async { Ok(client.renew().await?.object().clone()) })
    }

    pub(super) fn tachyon_give_back(&self, held: &Held) -> Result<(), Failure> {
        let site = self.tachyon_site()?;
        let token = TachyonToken::kept(held.token.clone());
        block_on(async { Ok(site.log_out(&token).await?) })
    }

    /// Why what a person signed in with has no successor.
    pub(super) fn tachyon_has_no_refresh(&self) -> Failure {
        Failure::new(
            Exit::RefreshLimit,
            "what a person signed in with is not refreshed in the Tachyon dialect: how is not public",
        )
    }

    pub(super) fn tachyon_has_no_management(&self) -> Failure {
        Failure::new(
            Exit::Policy,
            format!(
                "{} is a server of the Tachyon dialect: it has no management API of ours",
                self.profile.server
            ),
        )
        .hint("its own API takes what countersign token --output header prints")
    }
}

fn site(profile: &Profile) -> Result<TachyonSite, Failure> {
    check_server(profile)?;
    let transport = Arc::new(transport(profile)?);
    let clock = Arc::new(SystemClock);
    let consumer = profile.consumer();
    Ok(TachyonSite::new(
        &profile.server,
        consumer,
        transport,
        clock,
    )?)
}

/// Whether the server of a profile speaks the dialect and nothing else. What cannot be found out is a
/// no: something has failed already, and that is what is to be told.
pub(crate) fn is_all_there_is(profile: &Profile) -> bool {
    let asked =
        site(profile).and_then(|site| block_on(async { Ok(site.is_all_there_is().await?) }));
    asked.unwrap_or(false)
}
