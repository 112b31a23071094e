//! Does a store keep what `Store` promises?
//!
//! Each law is a function on `Arc<dyn Store>`; [`laws_of`] makes a test of each for one store. The
//! numbers are those of the promises in the documentation of `Store`.

use std::sync::Arc;

use countersign_proto::{
    assertion::Purpose,
    management::{Application, Principal, Role, SigningKeyState},
    time::UnixTime,
};

use super::{JtiPurpose, JtiRecord, KeyChange, NewAuditEntry, Outcome, Store, StoredKey};
use crate::registry::Change;

pub(super) mod acknowledged;

pub(super) mod jti;

pub(super) mod change;

pub(super) mod audit;

pub(super) mod query;

pub(super) mod tokens;

pub(super) mod granted;

pub(super) mod rotation;

pub(super) mod revocation;

pub(super) mod origin;

pub(super) mod lineage;

pub(super) mod token_lists;

pub(super) mod keys;

pub(super) mod logins;

pub(super) mod sessions;

pub(super) mod session_begun;

pub(super) mod accounts;

pub(super) mod watch;

/// A test of every law for the store that `$open` opens, empty. `$open` answers the store and
/// something that is kept until the end, such as the folder that it is in.
macro_rules! laws_of {
    ($open:path) => {
        $crate::store::laws::laws_of! { $open =>
            acknowledged {
                law_2_a_read_sees_every_write_that_was_acknowledged,
                a_closed_store_says_so,
            }
            jti {
                law_3_of_a_thousand_equal_records_one_is_fresh,
                law_3_a_jti_is_fresh_once_for_each_client_and_purpose,
                law_3_a_jti_is_replayed_whatever_its_end,
                law_3_a_jti_is_remembered_until_its_end_and_forgotten_in_batches,
                law_3_what_was_forgotten_stays_refused_when_the_clock_is_set_back,
                law_3_replays_among_new_records_do_not_spoil_them,
            }
            change {
                law_4_a_change_comes_with_its_audit_row,
                law_4_a_change_that_does_not_fit_changes_nothing,
                law_4_of_several_changes_all_are_made_or_none,
                law_4_changes_that_race_are_each_made_or_refused,
                law_5_a_dropped_future_leaves_everything_or_nothing,
            }
            audit {
                the_audit_is_read_in_pages_newest_first,
            }
            query {
                the_audit_is_read_by_what_stands_in_it,
                sessions_are_listed_by_where_they_stand_now,
            }
            tokens {
                a_denied_token_stays_denied_to_its_end_and_a_day,
            }
            keys {
                keys_are_read_oldest_first_as_they_were_written,
                law_13_of_many_changes_of_one_version_of_the_keys_one_is_made,
            }
            granted {
                a_granted_token_is_read_as_it_was_written_by_id_and_by_digest,
                law_10_a_granted_token_belongs_to_a_principal_or_to_nobody,
                a_digest_and_an_id_are_taken_once,
                law_12_nobody_has_more_live_tokens_than_the_limit,
                law_12_the_limit_holds_under_fifty_grants_at_once,
                what_people_read_of_a_token_changes_and_nothing_else,
                the_newest_use_of_a_token_is_remembered,
            }
            rotation {
                a_rotation_gives_a_token_a_successor_that_lives_beside_it,
                law_11_of_fifty_equal_rotations_one_is_made,
                law_11_nothing_follows_a_token_that_is_over_or_has_a_successor,
                a_rotation_to_an_id_or_a_digest_that_is_taken_changes_nothing,
                a_confirmed_rotation_ends_the_old_token,
                the_first_use_ends_the_old_token_only_where_it_is_to,
                an_aborted_rotation_leaves_the_old_token_as_it_was,
                rotations_of_one_line_are_aborted_the_last_first,
                a_rotation_whose_grace_has_ended_is_settled,
                law_11_of_many_settlements_one_is_made,
                law_12_a_rotation_needs_no_room_and_makes_none,
                law_12_a_line_of_rotations_takes_room_for_each_beyond_two,
                law_12_a_token_that_outlives_its_successor_counts,
                the_version_grows_with_what_ends_a_token_and_not_with_a_grant,
            }
            revocation {
                tokens_are_revoked_as_they_are_selected,
                all_that_somebody_granted_is_revoked_together,
                nothing_is_revoked_when_more_would_end_than_was_judged,
                with_a_token_goes_what_was_granted_with_it_and_with_that,
                with_a_token_goes_the_other_end_of_its_rotation_while_both_live,
                law_10_with_a_certificate_go_the_tokens_that_rest_on_it,
                law_10_with_a_mapping_go_the_tokens_that_its_principal_granted_by_it,
                law_10_with_an_application_and_a_principal_go_their_tokens,
                law_10_a_role_that_is_deleted_is_gone_from_every_token,
            }
            origin {
                law_10_nothing_is_granted_by_a_mapping_or_an_application_that_is_gone,
                law_10_nothing_is_granted_in_a_session_that_has_ended,
                law_10_a_granted_token_grants_by_what_it_rests_on_itself,
                what_was_granted_with_a_token_that_was_replaced_is_rotated_still,
            }
            lineage {
                with_a_token_goes_what_all_those_before_it_granted,
                with_a_token_goes_what_took_the_place_of_what_it_granted,
                law_10_with_what_it_rests_on_goes_a_token_that_took_the_place_of_another,
                a_token_that_others_go_back_to_is_forgotten_after_them,
            }
            token_lists {
                granted_tokens_are_listed_in_pages_newest_first,
                granted_tokens_are_listed_by_what_is_asked_for,
                granted_tokens_are_listed_and_counted_by_their_state,
                a_granted_token_is_listed_for_thirty_days_after_its_end,
                the_end_of_a_grace_is_written_down,
                granted_tokens_are_forgotten_in_batches,
            }
            logins {
                a_login_is_read_as_it_was_written_by_id_and_by_handle,
                an_id_and_a_handle_are_taken_once,
                live_logins_are_counted_by_their_source,
                law_7_of_many_updates_of_one_version_one_is_made_with_all_beside_it,
                law_7_an_update_that_does_not_fit_does_nothing,
                law_7_a_session_is_acknowledged_once_and_only_while_it_is_pending,
                a_login_is_forgotten_ten_minutes_after_its_end,
            }
            sessions {
                a_session_is_read_as_it_was_written,
                sessions_are_listed_in_pages_newest_first,
                law_6_of_many_equal_advances_one_is_made,
                law_6_a_chain_has_as_many_refreshes_as_its_limit_and_never_one_more,
                law_6_nothing_advances_that_is_pending_or_ended_or_past_its_end,
                law_6_advances_of_many_sessions_at_once_are_each_counted_once,
                an_advance_remembers_the_secret_that_it_replaced,
                a_session_ends_once_with_one_audit_row,
                a_session_that_was_refreshed_meanwhile_does_not_end,
                all_sessions_of_a_principal_end_together,
                a_session_that_is_not_acknowledged_in_time_ends,
                a_session_is_listed_for_thirty_days_after_its_end,
            }
            session_begun {
                law_4_a_session_begins_with_its_audit_row_and_wakes_whoever_watches,
                law_8_no_session_begins_for_somebody_who_is_no_principal,
                a_session_begins_once,
            }
            accounts {
                an_account_is_made_replaced_and_removed_with_its_audit_row,
                everybody_who_has_a_password_is_listed_with_when_it_was_set,
                a_hash_is_replaced_only_while_it_is_the_one_that_was_read,
                law_8_nobody_has_an_account_or_a_session_who_is_not_a_principal,
                law_8_with_a_principal_go_its_account_and_its_sessions,
            }
            watch {
                law_9_a_change_wakes_whoever_watches_once_it_can_be_read,
                law_9_an_end_of_a_token_wakes_and_a_grant_does_not,
                law_9_what_did_not_happen_wakes_nobody,
            }
        }
    };
    ($open:path => $($topic:ident { $($law:ident),* $(,)? })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                let (store, _kept) = $open().await;
                $crate::store::laws::$topic::$law(store).await;
            }
        )*)*
    };
}
pub(super) use laws_of;

pub(super) async fn actions(store: &Arc<dyn Store>) -> Vec<String> {
    let page = store.audit(None, 500).await.unwrap();
    page.items.into_iter().map(|entry| entry.action).collect()
}

pub(super) fn jti(name: &str, forget_after: u64) -> JtiRecord {
    JtiRecord {
        client_id: "billing".to_owned(),
        purpose: JtiPurpose::Assertion(Purpose::Client),
        jti: name.to_owned(),
        forget_after: UnixTime::from_secs(forget_after),
    }
}

pub(super) fn audit(action: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        at: UnixTime::from_secs(7),
        actor: "admin".to_owned(),
        subject: "somebody".to_owned(),
        action,
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: Some("127.0.0.1".to_owned()),
        reason: None,
    }
}

pub(super) fn role(name: &str) -> Change {
    Change::CreateRole(Role {
        name: name.to_owned(),
        description: String::new(),
        permissions: vec!["audit:read".to_owned()],
        require_loopback: false,
        token_lifetime_max_s: None,
        built_in: false,
    })
}

/// A store in which `carol` is a principal.
pub(super) async fn with_carol(store: &Arc<dyn Store>) {
    let carol = Change::All(vec![role("clerks"), principal("carol", "clerks")]);
    store
        .change(carol, audit("principal.create"))
        .await
        .unwrap();
}

pub(super) fn principal(name: &str, role: &str) -> Change {
    Change::CreatePrincipal(Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: vec![role.to_owned()],
        enabled: true,
        password_set_at: None,
    })
}

fn application(client_id: &str) -> Change {
    Change::CreateApplication(Application {
        name: String::new(),
        ..Application::new(client_id)
    })
}

pub(super) fn key(kid: &str, created_at: u64) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        algorithm: "ES256".to_owned(),
        created_at: UnixTime::from_secs(created_at),
        key_version: 1,
        sealed: vec![1, 2, 3],
        state: SigningKeyState::Active,
        active_at: UnixTime::from_secs(created_at),
        stopped_at: None,
        retires_at: None,
    }
}

/// Puts keys beside those that are there, whatever their version.
pub(super) async fn put_keys(store: &Arc<dyn Store>, keys: Vec<StoredKey>) {
    let change = KeyChange {
        version: store.issuer_keys().await.unwrap().version,
        keys,
        audit: Vec::new(),
    };
    assert!(store.change_issuer_keys(change).await.unwrap());
}
