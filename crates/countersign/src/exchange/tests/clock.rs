//! Is a clock that is wrong learnt from the server, once and not from just anybody?

use super::*;

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_learnt_from_the_date_of_a_refusal() {
    let server = Scripted::new(|number, asked| {
        let believed = asked.claim("iat").as_u64().unwrap() + 5 == START;
        let response = match believed {
            true => granted(&format!("token-{number}")),
            false => refused(401, "invalid_client"),
        };
        Answer::Is(with_header(response, "date", &date(START)))
    });
    for wrong_by in [-3600, 3600, 11] {
        let before = server.count();
        let clock = TestClock::new();
        clock.set_off(wrong_by);
        let client = builder(&server, &clock).build().unwrap();
        client.token().await.unwrap();
        assert_eq!(server.count() - before, 2, "{wrong_by}");
        // What was learnt is kept: no further refusal.
        client.renew().await.unwrap();
        assert_eq!(server.count() - before, 3, "{wrong_by}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_learnt_from_the_time_that_the_server_tells() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(answer(
            401,
            &json!({ "error": "invalid_client", "reason": "clock_skew", "server_time": START + 600 }),
        )),
        _ => Answer::Is(granted("t")),
    });
    let token = client(&server).token().await.unwrap();
    assert_eq!(server.asked()[1].claim("iat"), START + 595);
    // The token's life is told by the clock that will judge it: ours.
    assert_eq!(token.expires_at, UnixTime::from_secs(START + 900));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_about_the_clock_is_answered_once() {
    let server = Scripted::new(|number, _| {
        let drifting = START + 100 * number as u64;
        let response = answer(
            401,
            &json!({ "error": "invalid_client", "reason": "clock_skew" }),
        );
        Answer::Is(with_header(response, "date", &date(drifting)))
    });
    let error = client(&server).token().await.unwrap_err();
    assert_eq!(server.count(), 2);
    assert_eq!(error.kind(), ErrorKind::IdentityRejected);
    assert!(error.hint().unwrap().contains("clock"));
}

#[tokio::test(start_paused = true)]
async fn a_date_that_hardly_differs_or_cannot_be_believed_is_no_reason_to_ask_again() {
    for off in [0, 10, 25 * 3600] {
        let server = Scripted::new(move |_, _| {
            Answer::Is(with_header(
                refused(401, "invalid_client"),
                "date",
                &date(START + off),
            ))
        });
        client(&server).token().await.unwrap_err();
        assert_eq!(server.count(), 1, "{off}");
    }
}
