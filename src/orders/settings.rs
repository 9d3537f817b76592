//! The settings of orders.

use std::time::Duration;

use crate::settings::{TIME, section};

section! {
    /// What is done about orders of which nobody knows what became.
    #[derive(Clone, Copy, Debug)]
    pub struct Settings {
        /// Whether a number that is on its way, or in doubt, is kept from going a second time.
        pub one_flight: bool = flag("orders.one_flight"),
        /// How long a number in doubt is kept from going again.
        pub hold: Duration = milliseconds("orders.hold_ms", TIME),
        /// How long an order in doubt is asked for; zero leaves it to the shop.
        pub follow: Duration = milliseconds("orders.follow_ms", 0..=86_400_000),
        /// How many callers may wait for outcomes at once.
        pub waiting: usize = number("orders.waiting", "callers", 1..=4096),
    }
}
