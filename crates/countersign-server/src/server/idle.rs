//! When has a connection been silent, or slow, for too long?
//!
//! The stream wakes up when its deadline passes and then reads as broken. Before the first byte
//! of a request the idle limit holds; from that byte until the request's head is whole, the
//! header limit; while a request is worked on, none: the body has its own limit where it is read.
//! An answer that is not taken off our hands breaks the stream at the idle limit.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long a connection may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) idle: Duration,
}

/// Counts the requests of one connection that are being worked on.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<AtomicUsize>);

/// One request; counted until it is dropped.
pub(super) struct Working(InFlight);

impl InFlight {
    pub(super) fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::AcqRel);
        Working(self.clone())
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream with deadlines.
pub(super) struct Watched<S> {
    stream: S,
    patience: Patience,
    in_flight: InFlight,
    phase: Phase,
    deadline: Pin<Box<Sleep>>,
    /// Until when the other side has to take some more of what is written; none while it takes all.
    stalled: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has arrived yet: not even which HTTP it will be.
    First,
    /// Between requests.
    Idle,
    /// A head has begun to arrive.
    Head,
    /// A request is worked on.
    Working,
    /// HTTP/2 frames have no heads that could be timed here; only silence is.
    Frames,
}

/// What an HTTP/2 connection begins with (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2";

impl<S> Watched<S> {
    /// The first head has to arrive within the header limit.
    pub(super) fn new(stream: S, patience: Patience, in_flight: InFlight) -> Watched<S> {
        let deadline = Box::pin(sleep(patience.header));
        Watched {
            stream,
            patience,
            in_flight,
            phase: Phase::First,
            deadline,
            stalled: None,
        }
    }

    fn enter(&mut self, phase: Phase) {
        let wait = match phase {
            Phase::First | Phase::Head => self.patience.header,
            Phase::Idle | Phase::Frames | Phase::Working => self.patience.idle,
        };
        self.phase = phase;
        self.deadline.as_mut().reset(Instant::now() + wait);
    }

    /// Notices that a request began or ended since the last look.
    fn look(&mut self) {
        match (self.phase, self.in_flight.is_any()) {
            (Phase::First | Phase::Idle | Phase::Head, true) => self.enter(Phase::Working),
            (Phase::Working, false) => self.enter(Phase::Idle),
            _ => {}
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        match self.phase {
            Phase::Idle => self.enter(Phase::Head),
            Phase::First if bytes.starts_with(HTTP2_PREFACE) => self.enter(Phase::Frames),
            // Its deadline runs since the connection came.
            Phase::First => self.phase = Phase::Head,
            Phase::Frames => self.enter(Phase::Frames),
            Phase::Head | Phase::Working => {}
        }
    }

    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        let counts = match self.phase {
            Phase::Working => false,
            Phase::Frames => !self.in_flight.is_any(),
            Phase::First | Phase::Idle | Phase::Head => true,
        };
        counts && self.deadline.as_mut().poll(context).is_ready()
    }

    /// What came of a write, which may wait no longer than the idle limit for the other side.
    fn written<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let idle = self.patience.idle;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.look();
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending if self.is_overdue(context) => {
                Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                let received = buffer.filled().get(before..).unwrap_or_default();
                if !received.is_empty() {
                    self.received(received);
                }
                Poll::Ready(result)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An answer is flushed when its request has ended. The reader may be asleep since before
        // that, and must be woken at the deadline that holds from now on.
        self.look();
        let _ = self.is_overdue(context);
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.written(result, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(60),
    };

    fn watched(room: usize) -> (Watched<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(room);
        (Watched::new(ours, PATIENCE, InFlight::default()), theirs)
    }

    /// Reads what was written, so that it came as one piece.
    async fn arrives(watched: &mut Watched<DuplexStream>, client: &mut DuplexStream, text: &[u8]) {
        client.write_all(text).await.unwrap();
        watched.read_exact(&mut vec![0; text.len()]).await.unwrap();
    }

    // security.md 110
    #[tokio::test(start_paused = true)]
    async fn the_preface_of_http2_in_the_midst_of_a_head_buys_no_time() {
        let (mut watched, mut client) = watched(64);
        arrives(&mut watched, &mut client, b"GET /").await;
        arrives(&mut watched, &mut client, HTTP2_PREFACE).await;
        let start = Instant::now();
        let error = watched.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= PATIENCE.header + Duration::from_secs(1));
    }

    // security.md 110
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_breaks_the_stream() {
        let (mut watched, _client) = watched(64);
        let start = Instant::now();
        let written = tokio::time::timeout(2 * PATIENCE.idle, watched.write_all(&[0; 65]))
            .await
            .expect("it still waits");
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= PATIENCE.idle);
    }

    // security.md 110
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_taken_slowly_is_written_whole() {
        let (mut watched, mut client) = watched(64);
        let writing = tokio::spawn(async move { watched.write_all(&[7; 64 * 4]).await });
        let mut taken = vec![0; 64];
        for _ in 0..4 {
            tokio::time::advance(PATIENCE.idle / 2).await;
            client.read_exact(&mut taken).await.unwrap();
        }
        writing.await.unwrap().unwrap();
    }
}
