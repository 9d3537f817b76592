//! Who calls, by what a request proves.
//!
//! A caller is one whose proofs all hold; of several, the one that names most of them, then token before local key before
//! user. Two that are alike in this do not exist: no two callers share a secret, nor a user alone.

use std::sync::Arc;

use super::{Access, Caller, authorization};
use crate::sign::{CallSigner, OwnSignature, Params};

/// What the head of a request and its connection prove. What its parameters prove is still to be seen.
#[derive(Clone, Copy, Debug)]
pub struct Presented {
    user: Option<u32>,
    token: Option<usize>,
    /// The caller, unless a local key proves another.
    so_far: Option<usize>,
}

/// What the parameters ask for, as far as a signature by a local key proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The URL of a page: whoever has one from the shop's server may have it.
    Page,
    /// A call: what a customer holds does not prove it.
    Call,
}

/// Why a caller is not known.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unknown {
    /// More than one, or in a form that holds none.
    #[error("Authorization is not one token, as Bearer TOKEN or as the password of Basic")]
    Authorization,
    /// Whoever's process presents it.
    #[error("the token in Authorization is no caller's")]
    Token,
    /// No section of the configuration has all of its proofs.
    #[error(
        "no [callers] section has all of its proofs: process's user, token in Authorization, signature by a local key"
    )]
    Unproved,
    /// A customer holds such a signature, or one that can be cut into these parameters.
    #[error(
        "the signature may be that of a page, which customers hold; with redirect_uri or paysource a call needs a token or a \
         user beside the local key"
    )]
    PageSignature,
}

impl Access {
    /// What the values of `Authorization` and the user of the process at the other end prove.
    ///
    /// # Errors
    /// [`Unknown`] for a token that is nobody's, and where nothing else of the request could prove who calls.
    pub fn presented<'v>(
        &self,
        authorization: impl IntoIterator<Item = &'v [u8]>,
        user: Option<u32>,
    ) -> Result<Presented, Unknown> {
        let token = self.token(authorization)?;
        let so_far = self.candidates(user, token).filter(|&place| self.callers[place].local_key.is_none());
        let so_far = so_far.max_by_key(|&place| rank(&self.callers[place]));
        let presented = Presented { user, token, so_far };
        match so_far.is_some() || self.rivals(presented).next().is_some() {
            true => Ok(presented),
            false => Err(Unknown::Unproved),
        }
    }

    fn token<'v>(&self, authorization: impl IntoIterator<Item = &'v [u8]>) -> Result<Option<usize>, Unknown> {
        let mut values = authorization.into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Unknown::Authorization);
        }
        let token = authorization::token(value).ok_or(Unknown::Authorization)?;
        self.tokens.owner(&token).map(Some).ok_or(Unknown::Token)
    }

    /// The caller, if no parameter is looked at.
    ///
    /// # Errors
    /// [`Unknown::Unproved`] where only a local key could prove one.
    pub fn known(&self, presented: Presented) -> Result<&Arc<Caller>, Unknown> {
        presented.so_far.map(|place| &self.callers[place]).ok_or(Unknown::Unproved)
    }

    /// The caller, from the parameters as they came and the signature among them.
    ///
    /// # Errors
    /// [`Unknown`] where nothing proves one.
    pub fn proved(
        &self,
        presented: Presented,
        params: &Params,
        own: &OwnSignature,
        purpose: Purpose,
    ) -> Result<&Arc<Caller>, Unknown> {
        let keys = self.rivals(presented).filter_map(|place| self.callers[place].local_key.as_ref());
        let Some(signer) = CallSigner::find(keys, params, own) else { return self.known(presented) };
        let caller = self.owner_of(signer.key).ok_or(Unknown::Unproved)?;
        let suffices = purpose == Purpose::Page || caller.proofs() > 1 || !signer.may_be_a_page;
        match suffices {
            true => Ok(caller),
            false => self.known(presented).map_err(|_| Unknown::PageSignature),
        }
    }

    /// Callers with a local key that would come before the one that is known so far, if the key signed.
    fn rivals(&self, presented: Presented) -> impl Iterator<Item = usize> {
        let known = presented.so_far.map(|place| rank(&self.callers[place]));
        let holds = move |caller: &Caller, place| {
            caller.user.is_none_or(|user| presented.user == Some(user))
                && (caller.token.is_none() || presented.token == Some(place))
        };
        let places = self.local_keys.iter().copied();
        places.filter(move |&place| {
            let caller = &self.callers[place];
            holds(caller, place) && Some(rank(caller)) > known
        })
    }

    /// Callers of whom something holds that is no local key, and nothing else is lacking.
    fn candidates(&self, user: Option<u32>, token: Option<usize>) -> impl Iterator<Item = usize> {
        let first = self.users.partition_point(|&(other, _)| Some(other) < user);
        let of_user = self.users[first..].iter().take_while(move |&&(other, _)| Some(other) == user);
        let of_user = of_user
            .map(|&(_, place)| place)
            .filter(move |&place| self.callers[place].token.is_none() || token == Some(place));
        let of_token = token.filter(|&place| self.callers[place].user.is_none_or(|own| user == Some(own)));
        of_user.chain(of_token)
    }
}

/// The most proofs first; of two with as many, token, then local key, then user.
fn rank(caller: &Caller) -> (usize, bool, bool) {
    (caller.proofs(), caller.token.is_some(), caller.local_key.is_some())
}

#[cfg(test)]
mod tests;
