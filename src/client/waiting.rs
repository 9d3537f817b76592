//! Whom hyper's half of a connection wakes: the call that waits for it now, and no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

/// The waker that hyper's half is polled with. hyper keeps it in its channels, and wakes it when the next request is handed over,
/// long after the call that polled is over, and when a call asks for more, which runs already. Each of these would be one
/// poll of a whole task for nothing.
#[derive(Debug)]
pub(super) struct Waiting {
    call: Arc<Call>,
    waker: Waker,
}

/// The call that waits.
#[derive(Debug)]
struct Call {
    waker: AtomicWaker,
    /// Whether there may be something for hyper to do.
    is_due: AtomicBool,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_due.store(true, Release);
        self.waker.wake();
    }
}

impl Waiting {
    pub(super) fn new() -> Self {
        let call = Arc::new(Call { waker: AtomicWaker::new(), is_due: AtomicBool::new(true) });
        Self { waker: call.clone().into(), call }
    }

    /// This call is woken from now on. The context is for hyper; there is none when the call was woken for another reason.
    pub(super) fn begins(&self, cx: &Context<'_>) -> Option<Context<'_>> {
        // Before the look: what happens after it wakes.
        self.call.waker.register(cx.waker());
        self.call.is_due.swap(false, AcqRel).then(|| Context::from_waker(&self.waker))
    }

    /// The call has what it waited for. Whatever it does next is new to hyper.
    pub(super) fn ends(&self) {
        self.call.waker.take();
        self.call.is_due.store(true, Release);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    use super::*;
    use crate::client::connection::{Connection, Times};
    use crate::client::socket::CountingIo;
    use crate::client::wire::Wire;

    /// A task, and how often it was woken.
    #[derive(Default)]
    struct Task(AtomicUsize, AtomicWaker);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
            self.1.wake();
        }
    }

    impl Task {
        async fn calls(self: &Arc<Self>, connection: Box<Connection>) -> Box<Connection> {
            let deadline = Instant::now() + Duration::from_secs(20);
            let times =
                Times { write: Duration::from_secs(20), first_byte: Duration::from_secs(20), deadline };
            let mut call = pin!(async {
                let mut body = connection.exchange(Box::default(), times).await.unwrap().into_body();
                while body.data(deadline).await.unwrap().is_some() {}
                body.into_connection().unwrap()
            });
            let waker = Waker::from(self.clone());
            poll_fn(|cx| {
                self.1.register(cx.waker());
                call.as_mut().poll(&mut Context::from_waker(&waker))
            })
            .await
        }
    }

    #[test]
    fn hyper_is_polled_when_something_happened() {
        let waiting = Waiting::new();
        let begins = || waiting.begins(&Context::from_waker(Waker::noop())).is_some();
        assert_eq!([begins(), begins()], [true, false]);
        waiting.waker.wake_by_ref();
        assert_eq!([begins(), begins()], [true, false]);
        waiting.ends();
        assert_eq!([begins(), begins()], [true, false]);
    }

    #[tokio::test]
    async fn a_call_is_woken_by_its_own_answer_only() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            while peer.read(&mut [0; 1024]).await.is_ok_and(|bytes| bytes > 0) {
                peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
            }
        });
        let (io, traffic, probe) = CountingIo::new(tcp).unwrap();
        let mut connection = Connection::new(Wire::Plain(io), traffic, probe, 16 * 1024).await.unwrap();
        let tasks: [Arc<Task>; 3] = Default::default();
        for task in &tasks {
            connection = task.calls(connection).await;
        }
        assert_eq!(tasks.each_ref().map(|task| task.0.load(Relaxed)), [1; 3]);
    }
}
