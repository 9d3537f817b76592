//! What is done while the kernel answers slowly.

use std::net::{TcpListener, TcpStream};

use super::*;

/// A connection of this process to itself.
struct Connected {
    lookup: UserLookup,
    users: Users,
    _listening: TcpListener,
    caller: TcpStream,
    own: TcpStream,
}

fn connected() -> Connected {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let lookup = UserLookup::default();
    let users = lookup.add(&socket, socket.local_addr().unwrap());
    let caller = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    let (own, _) = socket.accept().unwrap();
    lookup.set(true);
    Connected { lookup, users, _listening: socket, caller, own }
}

impl Connected {
    fn ask(&self) -> Asked {
        self.users.ask(self.caller.local_addr().unwrap(), self.own.local_addr().unwrap())
    }

    fn is_slow(&self) -> bool {
        self.lookup.0.slow.load(Ordering::Relaxed)
    }
}

fn myself() -> User {
    User::of(rustix::process::geteuid().as_raw())
}

#[tokio::test]
async fn a_thread_asks_while_the_kernel_is_slow_and_until_it_is_quick_again() {
    let connected = connected();
    assert!(matches!(connected.ask(), Asked::Known(user) if user == myself()));
    connected.lookup.0.took(LONG + Duration::from_millis(1));
    assert!(connected.is_slow());
    loop {
        let asked = connected.ask();
        assert!(matches!(asked, Asked::UnderWay(_)), "{asked:?}");
        let user = asked.user(|| true).await;
        // A busy machine may stop that thread for longer than anybody waits.
        assert!(user == myself() || user == User::Unknown(NoUser::TooLate), "{user:?}");
        if !connected.is_slow() {
            break;
        }
    }
    assert!(matches!(connected.ask(), Asked::Known(user) if user == myself()));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_no_longer_than_said() {
    let (_answers_never, receiver) = oneshot::channel();
    let began = Instant::now();
    assert_eq!(Asked::UnderWay(receiver).user(|| true).await, User::Unknown(NoUser::TooLate));
    assert!(began.elapsed() >= PATIENCE);
    let (gone, receiver) = oneshot::channel();
    drop(gone);
    assert_eq!(Asked::UnderWay(receiver).user(|| true).await, User::Unknown(NoUser::Refused));
}

#[tokio::test]
async fn our_own_end_has_the_last_word() {
    let (answer, receiver) = oneshot::channel();
    answer.send(User::Is(1000)).unwrap();
    assert_eq!(Asked::UnderWay(receiver).user(|| false).await, User::Unknown(NoUser::Closed));
    assert_eq!(Asked::Known(User::Is(1000)).user(|| false).await, User::Unknown(NoUser::Closed));
    assert_eq!(Asked::Known(User::Is(1000)).user(|| true).await, User::Is(1000));
}
