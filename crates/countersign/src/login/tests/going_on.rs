//! Does a login go on where it was, wherever its connection breaks?

use super::*;

/// How the platform loses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Before this step: what it would have told or heard then is lost.
    Before(u32),
    /// After this step.
    After(u32),
    Never,
}

/// A platform that remembers what it told, as the real one does.
struct Memory {
    events: Vec<ServerBody>,
    told: usize,
    step: u32,
    cut: Cut,
    was_cut: bool,
    /// After a break everything is told again, also what had arrived.
    repeats: bool,
    heard: Vec<&'static str>,
}

impl Memory {
    fn new(session: ServerBody, cut: Cut) -> Memory {
        Memory {
            events: vec![
                session,
                status(LoginStatus::Opened),
                status(LoginStatus::SignedIn),
                wanted(Binding::Code),
            ],
            told: 1,
            step: 0,
            cut,
            was_cut: false,
            repeats: false,
            heard: Vec::new(),
        }
    }

    /// Whether the connection breaks now.
    fn breaks(&mut self, here: Cut) -> bool {
        let breaks = !self.was_cut && self.cut == here;
        self.was_cut |= breaks;
        breaks
    }

    /// Serves until the login is complete.
    async fn serve(&mut self, platform: &mut Platform, mut peer: Peer) {
        while !self.converse(&mut peer).await {
            drop(peer);
            let (again, last_seq) = platform.resume(self.events.len() as u64).await;
            peer = again;
            self.told = usize::try_from(last_seq).unwrap();
            if self.repeats {
                self.told = 0;
            }
        }
    }

    /// Until the end of the login (`true`) or of the connection.
    async fn converse(&mut self, peer: &mut Peer) -> bool {
        loop {
            while self.told < self.events.len() {
                self.step += 1;
                if self.breaks(Cut::Before(self.step)) {
                    return false;
                }
                let event = self.events[self.told].clone();
                self.told += 1;
                let is_last = matches!(event, ServerBody::Bye);
                let message = ServerMessage::numbered(self.told as u64, event);
                peer.send(&message).await;
                if is_last {
                    return true;
                }
                if self.breaks(Cut::After(self.step)) {
                    return false;
                }
            }
            self.step += 1;
            if self.breaks(Cut::Before(self.step)) {
                return false;
            }
            let Some(message) = peer.hear_or_end().await else {
                return false;
            };
            self.take_in(&message);
            if self.breaks(Cut::After(self.step)) {
                return false;
            }
        }
    }

    fn take_in(&mut self, message: &ClientMessage) {
        self.heard.push(message.name());
        match message {
            ClientMessage::Confirm { .. } => {
                self.events.extend([confirmed(), identity("anna")]);
            }
            ClientMessage::Accept => self.events.push(granted("anna")),
            ClientMessage::Received => self.events.push(ServerBody::Bye),
            other => panic!("{other:?}"),
        }
    }
}

/// What the terminal of a person who does as asked goes through.
async fn go_through(login: &mut Login) -> Vec<String> {
    let mut met = Vec::new();
    loop {
        let event = login.next().await.unwrap();
        met.push(name(&event));
        match event {
            LoginEvent::NeedCode { .. } => login.confirm_code("BCDF-GHJK").await.unwrap(),
            LoginEvent::Identity { .. } => login.accept().await.unwrap(),
            LoginEvent::Signed(_) => return met,
            _ => {}
        }
    }
}

const WHOLE: [&str; 6] = [
    "Opened",
    "SignedIn",
    "NeedCode",
    "Confirmed",
    "Identity",
    "Signed",
];

async fn run(
    transport: &HttpTransport,
    cut: Cut,
    repeats: bool,
) -> (bool, Vec<String>, Vec<&'static str>) {
    let mut pair = Pair::over(transport.clone()).await;
    let (mut login, peer) = pair.begin(by_code()).await;
    let mut memory = Memory::new(pair.platform.session(&peer), cut);
    memory.repeats = repeats;
    let served = memory.serve(&mut pair.platform, peer);
    let (met, ()) = tokio::join!(go_through(&mut login), served);
    (memory.was_cut, met, memory.heard)
}

// login.md, "Tests to write first": the socket killed in every state, then resumed, the token
// delivered exactly once
#[tokio::test]
async fn a_connection_may_break_at_every_step_and_the_login_goes_on() {
    let transport = HttpTransport::builder().build().unwrap();
    let (_, met, heard) = run(&transport, Cut::Never, false).await;
    assert_eq!(met, WHOLE);
    assert_eq!(heard, ["confirm", "accept", "received"]);
    let mut broken = 0;
    for repeats in [false, true] {
        for cut in [Cut::Before as fn(u32) -> Cut, Cut::After] {
            for step in 1..=12 {
                let (was_cut, met, heard) = run(&transport, cut(step), repeats).await;
                let context = format!("{:?}, {repeats}: {met:?} {heard:?}", cut(step));
                let (breaks, events): (Vec<_>, Vec<_>) = met
                    .into_iter()
                    .partition(|event| ["Disconnected", "Resumed"].contains(&event.as_str()));
                assert_eq!(events, WHOLE, "{context}");
                let expected: &[&str] = if was_cut {
                    &["Disconnected", "Resumed"]
                } else {
                    &[]
                };
                assert_eq!(breaks, expected, "{context}");
                // What was taken in is not said twice.
                assert_eq!(heard, ["confirm", "accept", "received"], "{context}");
                broken += u32::from(was_cut);
            }
        }
    }
    // Ten steps, and no break after the last.
    assert_eq!(broken, 2 * (10 + 9));
}

#[tokio::test]
async fn what_is_said_while_nobody_hears_it_is_said_when_somebody_does() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    peer.tell(wanted(Binding::Code)).await;
    assert_eq!(next(&mut login).await, "NeedCode");
    drop(peer);
    assert_eq!(next(&mut login).await, "Disconnected");
    login.confirm_code("BCDF-GHJK").await.unwrap();
    let (event, (mut peer, last_seq)) = tokio::join!(login.next(), pair.platform.resume(2));
    assert_eq!(name(&event.unwrap()), "Resumed");
    assert_eq!(last_seq, 2);
    let (event, ()) = tokio::join!(login.next(), async {
        assert_eq!(peer.hear().await.name(), "confirm");
        peer.tell(confirmed()).await;
    });
    assert_eq!(name(&event.unwrap()), "Confirmed");
}

#[tokio::test]
async fn a_platform_that_is_away_for_a_while_is_asked_again_and_again() {
    let mut pair = Pair::new().await;
    let (mut login, peer) = pair.begin(by_code()).await;
    drop(peer);
    assert_eq!(next(&mut login).await, "Disconnected");
    let refusals = Arc::clone(&pair.platform.refusals);
    refusals.lock().unwrap().extend((0..6).map(|_| {
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_owned()
    }));
    let (event, _) = tokio::join!(login.next(), pair.platform.resume(1));
    assert_eq!(name(&event.unwrap()), "Resumed");
    assert!(refusals.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_platform_that_stays_away_for_two_minutes_has_forgotten_the_login() {
    let mut pair = Pair::new().await;
    let (mut login, peer) = pair.begin(by_code()).await;
    drop(peer);
    assert_eq!(next(&mut login).await, "Disconnected");
    pair.platform
        .refusals
        .lock()
        .unwrap()
        .extend((0..100).map(|_| {
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }));
    let error = login.next().await.unwrap_err();
    assert!(error.hint().unwrap().contains("start again"), "{error}");
    let waited = pair.clock.elapsed();
    assert!(waited >= Duration::from_secs(120), "{waited:?}");
    assert!(waited < Duration::from_secs(140), "{waited:?}");
}

#[tokio::test]
async fn a_login_that_the_platform_does_not_know_any_more_is_over() {
    let mut pair = Pair::new().await;
    let (mut login, peer) = pair.begin(by_code()).await;
    drop(peer);
    assert_eq!(next(&mut login).await, "Disconnected");
    let (ended, ()) = tokio::join!(login.next(), async {
        let mut peer = pair.platform.welcome().await;
        assert_eq!(peer.hear().await.name(), "resume");
        let expired = ServerMessage::plain(error(LoginErrorCode::Expired, true));
        peer.send(&expired).await;
    });
    let ended = ended.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Expired);
    assert_eq!(ended.login(), Some(&LoginErrorCode::Expired));
}

#[tokio::test]
async fn a_connection_that_is_silent_for_too_long_is_dead() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    // A ping is a sign of life, and is answered.
    pair.clock.turn(Duration::from_secs(50));
    let heard = tokio::select! {
        event = login.next() => panic!("{event:?}"),
        () = peer.ping() => true,
    };
    assert!(heard);
    let (event, ()) = tokio::join!(login.next(), async {
        pair.clock.turn(Duration::from_secs(61));
    });
    assert_eq!(name(&event.unwrap()), "Disconnected");
}

#[tokio::test]
async fn a_caller_who_stops_waiting_again_and_again_loses_nothing() {
    let mut pair = Pair::new().await;
    let (mut login, peer) = pair.begin(by_code()).await;
    let mut memory = Memory::new(pair.platform.session(&peer), Cut::After(3));
    let served = memory.serve(&mut pair.platform, peer);
    let client = async {
        let mut met = Vec::new();
        loop {
            // Each future is polled once and dropped.
            let Some(event) = futures_util::FutureExt::now_or_never(login.next()) else {
                tokio::task::yield_now().await;
                continue;
            };
            let event = event.unwrap();
            met.push(name(&event));
            match event {
                LoginEvent::NeedCode { .. } => login.confirm_code("BCDF-GHJK").await.unwrap(),
                LoginEvent::Identity { .. } => login.accept().await.unwrap(),
                LoginEvent::Signed(_) => return met,
                _ => {}
            }
        }
    };
    let (met, ()) = tokio::join!(client, served);
    let events: Vec<_> = met
        .iter()
        .filter(|event| !["Disconnected", "Resumed"].contains(&event.as_str()))
        .collect();
    assert_eq!(events, WHOLE.iter().collect::<Vec<_>>());
    assert_eq!(met.len(), WHOLE.len() + 2);
}

#[tokio::test]
async fn a_platform_that_fails_for_a_moment_ends_no_login() {
    let failed = || ServerMessage::plain(error(LoginErrorCode::ServerError, true));
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    peer.send(&failed()).await;
    assert_eq!(next(&mut login).await, "Disconnected");
    let (event, mut peer) = tokio::join!(login.next(), async {
        // It fails still when the login comes back.
        let mut peer = pair.platform.welcome().await;
        assert_eq!(peer.hear().await.name(), "resume");
        peer.send(&failed()).await;
        pair.platform.resume(1).await.0
    });
    assert_eq!(name(&event.unwrap()), "Resumed");
    peer.close(LoginErrorCode::ServerError.close_code()).await;
    assert_eq!(next(&mut login).await, "Disconnected");
    let (event, _) = tokio::join!(login.next(), pair.platform.resume(1));
    assert_eq!(name(&event.unwrap()), "Resumed");
}

#[tokio::test]
async fn a_platform_that_does_nothing_but_fail_for_two_minutes_ends_the_login() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    let failing = async {
        loop {
            let failed = error(LoginErrorCode::ServerError, true);
            peer.send(&ServerMessage::plain(failed)).await;
            peer = pair.platform.resume(1).await.0;
        }
    };
    let ended = async {
        loop {
            if let Err(ended) = login.next().await {
                return ended;
            }
        }
    };
    let ended = tokio::select! {
        ended = ended => ended,
        () = failing => panic!("it never ends"),
    };
    assert_eq!(ended.login(), Some(&LoginErrorCode::ServerError));
    let waited = pair.clock.elapsed();
    assert!(waited >= Duration::from_secs(120), "{waited:?}");
    assert!(waited < Duration::from_secs(140), "{waited:?}");
}
