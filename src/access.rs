//! Who calls, and what he may do: a proof and the parameters that are signed go in, a verdict comes out.
//!
//! Pure: no sockets, no HTTP, no clock. The whole of it is one immutable value, so that a call is judged by one configuration
//! from its first byte to its last, whatever is loaded meanwhile.

mod authorization;
mod caller;
mod proof;
mod rights;
mod tokens;

use std::sync::Arc;

use crate::credentials::{App, LocalKey};
use crate::settings::section;

pub use caller::{BadEndpoint, Caller, Endpoints, Rights};
pub use proof::{Presented, Purpose, Unknown};
pub use rights::{Asked, Denied, Right, is_another_spelling};
use tokens::Tokens;

section! {
    /// What becomes of calls that a caller has no right to.
    #[derive(Clone, Copy, Debug)]
    pub struct Settings {
        /// Whether they are refused.
        pub mode: Mode = choice("access.mode", &Mode::WORDS),
    }
}

/// Whether rights are enforced, or only reported while they are being introduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What is not allowed is refused.
    Enforce,
    /// It passes, is logged and counted.
    Report,
}

impl Mode {
    const WORDS: [(&'static str, Self); 2] = [("enforce", Self::Enforce), ("report", Self::Report)];
}

/// Every caller that is known. Without any, every process that reaches the listener may call.
#[derive(Debug)]
pub struct Access {
    mode: Mode,
    callers: Vec<Arc<Caller>>,
    tokens: Tokens,
    /// The callers that name a user, as `(user, place in callers)`, sorted.
    users: Vec<(u32, usize)>,
    /// The callers that name a local key, by their places.
    local_keys: Vec<usize>,
}

impl Access {
    /// The callers, each with a secret of its own, which the configuration has seen to.
    pub fn new(settings: Settings, callers: Vec<Arc<Caller>>) -> Self {
        let places = || callers.iter().enumerate();
        let mut users: Vec<_> = places().filter_map(|(place, caller)| Some((caller.user?, place))).collect();
        users.sort_unstable();
        let local_keys = places().filter(|(_, caller)| caller.local_key.is_some()).map(|(place, _)| place);
        let local_keys = local_keys.collect();
        let tokens = places().filter_map(|(place, caller)| Some((caller.token.as_ref()?, place)));
        let tokens = Tokens::new(tokens);
        Self { mode: settings.mode, callers, tokens, users, local_keys }
    }

    /// Whether any process may call, because there are no `[callers]`.
    pub fn is_open(&self) -> bool {
        self.callers.is_empty()
    }

    /// Whether what is not allowed passes all the same.
    pub fn only_reports(&self) -> bool {
        self.mode == Mode::Report
    }

    /// Whether a caller is known by its process's user, so that the system has to be asked for it.
    pub fn names_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// Every caller, in the order of their names.
    pub fn callers(&self) -> &[Arc<Caller>] {
        &self.callers
    }

    /// The keys with which shops sign pages.
    pub fn local_keys(&self) -> impl Iterator<Item = &LocalKey> {
        self.local_keys.iter().filter_map(|&place| self.callers[place].local_key.as_ref())
    }

    /// The caller whose local key this is, as [`Access::local_keys`] gave it.
    pub fn owner_of(&self, key: &LocalKey) -> Option<&Arc<Caller>> {
        let owns = |place: &&usize| {
            let own = self.callers[**place].local_key.as_ref();
            own.is_some_and(|own| std::ptr::eq(own, key))
        };
        self.local_keys.iter().find(owns).map(|&place| &self.callers[place])
    }

    /// Tokens and local keys: none of them may stand in a request's text.
    pub fn secrets(&self) -> impl Iterator<Item = &LocalKey> {
        self.callers.iter().flat_map(|caller| caller.token.iter().chain(&caller.local_key))
    }
}

/// Whose app signs where a call names none.
pub fn unnamed_app<'a>(caller: Option<&'a Caller>, default: &'a Arc<App>) -> Option<&'a Arc<App>> {
    match caller.map(|caller| &caller.rights.apps[..]) {
        None | Some([]) => Some(default),
        Some([only]) => Some(only),
        // It must name one.
        Some(_) => None,
    }
}

/// The merchant that is added where a call names none. A caller's come before the app's.
pub fn unnamed_merchant<'a>(caller: Option<&'a Caller>, app: &'a App) -> Option<&'a str> {
    match caller.map(|caller| &caller.rights.mchids[..]) {
        None | Some([]) => app.mchid.as_deref(),
        Some([only]) => Some(only),
        // It must name one.
        Some(_) => None,
    }
}
