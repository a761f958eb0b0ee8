//! Bodies that come in more than one form.

use axum::{
    body::HttpBody as _,
    extract::{FromRequest, Request},
};
use gateway::{Body, Failure, Text};
use kernel::{FieldErrors, Secret};
use serde::de::DeserializeOwned;

use super::model::Grant;

/// A JSON body that may be left out altogether.
pub(crate) struct Optional<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for Optional<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        Body::from_request(request, state).await.map(|Body(value)| Self(value))
    }
}

/// A request to the token endpoint: JSON as everywhere, or the form that OAuth clients send.
pub(super) struct GrantBody(pub(super) Grant);

impl<S: Send + Sync> FromRequest<S> for GrantBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind = gateway::media_type(request.headers());
        if kind.as_deref() == Some("application/x-www-form-urlencoded") {
            let Text(bytes) = Text::from_request(request, state).await?;
            return Ok(Self(read_form(&bytes)?));
        }
        Body::from_request(request, state).await.map(|Body(grant)| Self(grant))
    }
}

/// Unknown parameters are ignored, as RFC 6749 (section 3.2) wants it: clients send `client_id` and `scope`.
fn read_form(bytes: &[u8]) -> kernel::Result<Grant> {
    let mut wrong = FieldErrors::default();
    let mut take = |name: &str| {
        let mut values = form_urlencoded::parse(bytes).filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        wrong.check(value.is_some(), name, "is missing");
        wrong.check(values.next().is_none(), name, "must be given once");
        value.unwrap_or_default().into_owned()
    };
    let grant = Grant { grant_type: take("grant_type"), refresh_token: Secret::new(take("refresh_token")) };
    wrong.finish()?;
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_oauth_clients_write_it() {
        let grant = read_form(b"grant_type=refresh_token&client_id=x&refresh_token=bsr_a%2Db").unwrap();

        assert_eq!((grant.grant_type.as_str(), grant.refresh_token.reveal()), ("refresh_token", "bsr_a-b"));
    }

    #[test]
    fn what_is_missing_or_given_twice_is_named() {
        let missing = read_form(b"").unwrap_err();
        let twice = read_form(b"grant_type=a&grant_type=b&refresh_token=c").unwrap_err();

        assert_eq!(missing.details()["fields"].as_object().unwrap().len(), 2);
        assert_eq!(twice.details()["fields"]["grant_type"][0], "must be given once");
    }
}
