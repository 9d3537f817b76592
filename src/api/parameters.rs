//! What a request carries, wherever it stands: its body read whole, decoded, and looked through for keys.

use hyper::Method;
use hyper::http::request;

use super::{Api, Record};
use crate::body;
use crate::decode::{Decoded, decode};
use crate::error::{Code, Failure};
use crate::memory_budget::Reservation;
use crate::server::RequestBody;

impl Api {
    /// The parameters of a request, and the memory that they hold: to be kept as long as they are.
    pub(super) async fn parameters(
        &self,
        head: &request::Parts,
        body: RequestBody,
        record: &mut Record,
    ) -> Result<(Decoded, Reservation), Failure> {
        body::has_length(head)?;
        let waiting = record.waiting();
        let read = body::read(body, &self.bodies).await;
        record.waited(waiting);
        let body::Whole { bytes: body, memory } = read?;
        let is_get = head.method == Method::GET;
        let decoded = decode(is_get, head.uri.query(), &head.headers, body, self.charset).await;
        let decoded = decoded.map_err(|error| self.undecoded(error))?;
        self.refuse_keys_in_params(&decoded)?;
        record.saw(&decoded.params, &self.lasting.metrics);
        Ok((decoded, memory))
    }
}

/// Refuses parameters with other names than these: what one of the sidecar's own endpoints does not know, it would ignore.
pub(super) fn refuse_others(decoded: &Decoded, names: &[&str]) -> Result<(), Failure> {
    match decoded.params.names().find(|name| !names.contains(name)) {
        Some(other) => {
            let detail = format!("'{other}' is none of {}", names.join(", "));
            Err(Failure::refused(Code::ParameterUnknown, detail))
        }
        None => Ok(()),
    }
}
