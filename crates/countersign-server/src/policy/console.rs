//! Who may use the console?
//!
//! A role may ask that its tokens reach a terminal over loopback alone, since somebody can be talked
//! out of a code. That is about the way from one device to another, and the console has none: the
//! browser that signs in is the one that uses the session, and nothing is carried anywhere. So such
//! a role is not kept out.

use countersign_proto::management::Principal;

/// Whether a session of this principal may be used. `None`: there is no such principal.
pub(crate) fn may_use_console(principal: Option<&Principal>) -> bool {
    principal.is_some_and(|principal| principal.enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_enabled_may_use_the_console_whatever_the_roles_ask_of_a_terminal() {
        let principal = |enabled, roles: &[&str]| Principal {
            name: "anna".to_owned(),
            display_name: String::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            enabled,
            password_set_at: None,
        };
        for (principal, expected) in [
            (Some(principal(true, &[])), true),
            // This one requires loopback.
            (Some(principal(true, &["Administrator"])), true),
            (Some(principal(false, &["Administrator"])), false),
            (None, false),
        ] {
            assert_eq!(
                may_use_console(principal.as_ref()),
                expected,
                "{principal:?}"
            );
        }
    }
}
