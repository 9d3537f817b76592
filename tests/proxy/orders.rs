//! What became of an order: one flight of each number, outcomes, and doubts that resolve themselves.

mod flight;
mod follow;
mod outcome;
mod qfpay;
