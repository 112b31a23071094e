//! Is a token granted once by a form, however often the form is sent?

use http::StatusCode;

use super::{
    desk::{Desk, form},
    tokens::{FOR_RITA, NEW, carried, everything, given, sent},
};
use crate::tests::{
    login::browser::{Browser, text},
    world::Answer,
};

/// A form as a browser would send it, and send it again.
async fn filled_in(browser: &mut Browser, path: &str, fields: &[(&'static str, &str)]) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", text(&page));
    let mut all = carried(&page);
    all.extend(
        fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    form(&all)
}

async fn count(desk: &Desk) -> usize {
    let page = desk.world.store.tokens(everything(desk)).await.unwrap();
    page.items.len()
}

#[track_caller]
fn is_told(answer: &Answer, string: &str, on: &str) {
    let page = text(answer);
    assert_eq!(answer.status, StatusCode::CONFLICT, "{page}");
    assert!(page.contains("not shown again"), "{page}");
    assert!(page.contains(&format!("href=\"{on}\"")), "{page}");
    assert!(!page.contains(string), "the string is shown again");
}

#[tokio::test]
async fn whoever_loads_the_string_again_is_told_that_it_was_shown() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let fields = filled_in(&mut anna, NEW, &FOR_RITA).await;
    let (string, on) = given(&anna.post(NEW, &fields).await);
    for _ in 0..2 {
        is_told(&anna.post(NEW, &fields).await, &string, &on);
    }
    desk.world.advance(600);
    is_told(&anna.post(NEW, &fields).await, &string, &on);
    assert_eq!(count(&desk).await, 1);
    assert!(
        string.contains(on.rsplit('/').next().unwrap()),
        "its own id"
    );

    // Another form is another token, whatever is typed into it.
    given(&sent(&mut anna, NEW, &FOR_RITA).await);
    assert_eq!(count(&desk).await, 2);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_at_once_grants_one_token() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let fields = filled_in(&mut anna, NEW, &FOR_RITA).await;
    let mut copy = anna.clone();
    let (one, other) = tokio::join!(anna.post(NEW, &fields), copy.post(NEW, &fields));
    let mut statuses = [one.status, other.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT]);
    assert_eq!(count(&desk).await, 1);
}

#[tokio::test]
async fn a_form_that_was_refused_grants_when_it_is_right() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let wrong = filled_in(&mut anna, NEW, &[("kind", "app"), ("owner", "rita")]).await;
    let refused = anna.post(NEW, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut all = carried(&refused);
    all.extend(FOR_RITA.map(|(name, value)| (name, value.to_owned())));
    given(&anna.post(NEW, &form(&all)).await);
}

#[tokio::test]
async fn a_jwt_and_a_successor_are_granted_once_too() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let mut jwt = FOR_RITA;
    jwt[4].1 = "jwt";
    let fields = filled_in(&mut anna, NEW, &jwt).await;
    let (string, old) = given(&anna.post(NEW, &fields).await);
    is_told(&anna.post(NEW, &fields).await, &string, &old);

    let rotate = format!("{old}/rotate");
    let fields = filled_in(&mut anna, &rotate, &[]).await;
    let (string, new) = given(&anna.post(&rotate, &fields).await);
    assert_ne!(new, old);
    is_told(&anna.post(&rotate, &fields).await, &string, &new);
    // Even when the old one could be replaced again.
    sent(&mut anna, &format!("{new}/abort"), &[]).await;
    is_told(&anna.post(&rotate, &fields).await, &string, &new);
    assert_eq!(count(&desk).await, 2);
}

#[tokio::test]
async fn nobody_chooses_the_id_of_a_token() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let mut elsewhere = desk.signed_in("anna").await;
    let page = anna.get(NEW).await;
    let [token, (_, once)] = carried(&page).try_into().unwrap();
    let [_, (_, of_another_session)] = carried(&elsewhere.get(NEW).await).try_into().unwrap();
    let (id, mark) = once.split_once('.').unwrap();
    let another = countersign_proto::opaque::TokenId::from_bytes([0x44; 16]);
    for wrong in [
        None,
        Some(String::new()),
        Some(id.to_owned()),
        Some(format!("{another}.{mark}")),
        Some(format!("{id}.")),
        Some(of_another_session),
    ] {
        let mut all = vec![token.clone()];
        all.extend(wrong.clone().map(|wrong| ("once", wrong)));
        all.extend(FOR_RITA.map(|(name, value)| (name, value.to_owned())));
        let answer = anna.post(NEW, &form(&all)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong:?}");
    }
    assert_eq!(count(&desk).await, 0);
}
