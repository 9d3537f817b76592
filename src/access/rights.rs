//! What a caller may do: one decision over the parameters that are signed.

mod amount;
mod merchant;

#[cfg(test)]
mod tests;

use super::Caller;
use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::sign::Params;

/// A call that is about to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The app that would sign.
    pub app: &'a App,
    /// What is called.
    pub endpoint: &'a Endpoint,
    /// Its raw path, which says more than the table's entry where that has none.
    pub path: &'a str,
    /// The parameters as they would be signed, the merchant included.
    pub params: &'a Params,
}

/// What a caller lacks: the name of a setting of its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The app.
    Apps,
    /// The merchant.
    Mchids,
    /// The path.
    Endpoints,
    /// So much money.
    MaxAmount,
}

impl Right {
    /// The setting's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Mchids => "mchids",
            Self::Endpoints => "endpoints",
            Self::MaxAmount => "max_amount",
        }
    }
}

/// Why a call is not allowed. Names settings and parameters, never a value, and no other caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("callers.{caller}.{right}: {why}", right = .right.as_str())]
pub struct Denied {
    /// The caller.
    pub caller: String,
    /// What it lacks.
    pub right: Right,
    why: String,
}

/// A right that is lacking, and in words why.
type Lack = (Right, String);

impl Caller {
    /// Whether it may have this signed.
    ///
    /// # Errors
    /// [`Denied`] names the right that is lacking.
    pub fn may(&self, asked: &Asked<'_>) -> Result<(), Denied> {
        let decided = self
            .may_call(asked.endpoint, asked.path)
            .and_then(|()| self.may_use(Some(asked.app)))
            .and_then(|()| merchant::decide(&self.rights, asked))
            .and_then(|()| amount::decide(&self.rights, asked));
        decided.map_err(|lack| self.denied(lack))
    }

    /// Whether it may have an app sign; `None` where it names none and has several.
    ///
    /// # Errors
    /// [`Denied`] where the app is not one of its own.
    pub fn may_sign_with(&self, app: Option<&App>) -> Result<(), Denied> {
        self.may_use(app).map_err(|lack| self.denied(lack))
    }

    /// Whether keys of this app are its own, by the app's name.
    pub fn has_app(&self, name: &str) -> bool {
        let apps = &self.rights.apps;
        apps.is_empty() || apps.binary_search_by(|app| app.name.as_str().cmp(name)).is_ok()
    }

    fn may_use(&self, app: Option<&App>) -> Result<(), Lack> {
        match app {
            Some(app) if self.has_app(&app.name) => Ok(()),
            Some(_) => Err((Right::Apps, "the app that the request names is none of these".to_owned())),
            None => Err((
                Right::Apps,
                "the request must name one of these, by its app_code in X-QF-APPCODE".to_owned(),
            )),
        }
    }

    fn may_call(&self, endpoint: &Endpoint, path: &str) -> Result<(), Lack> {
        let endpoints = &self.rights.endpoints;
        if !endpoints.allow(path) {
            return Err((Right::Endpoints, "nothing here covers this path".to_owned()));
        }
        let covers_all = !self.rights.mchids.is_empty() && endpoint.merchant_parameter().is_none();
        if covers_all && !endpoints.name(path) {
            let why = "this endpoint names no merchant, so that mchids does not bind it; its exact path must stand here";
            return Err((Right::Endpoints, why.to_owned()));
        }
        Ok(())
    }

    fn denied(&self, (right, why): Lack) -> Denied {
        Denied { caller: self.name.clone(), right, why }
    }
}

/// Whether a name reads as this one where case, `_`, `-` and `.` mean nothing, but is not it.
pub fn is_another_spelling(name: &str, known: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(|b| !matches!(b, b'_' | b'-' | b'.')).map(|b| b.to_ascii_lowercase())
    }
    name != known && name.len() >= known.len() && letters(name).eq(letters(known))
}
