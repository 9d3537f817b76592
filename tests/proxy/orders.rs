//! What became of an order: one flight of each number, outcomes, and doubts that resolve themselves.

mod example;
mod flight;
mod follow;
mod left;
mod order;
mod outcome;
mod qfpay;
mod restart;
mod shared;
