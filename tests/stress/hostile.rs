//! Hostile callers: requests that could be read in two ways, floods, slow senders and readers, a lack of descriptors.
//! Each gets an answer, none reaches the upstream unsigned or twice, memory stays bounded, and others are served.

mod descriptors;
mod framing;
mod heads;
mod held;
mod large;
mod last_words;
mod process;
