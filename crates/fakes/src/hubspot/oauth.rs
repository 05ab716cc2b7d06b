//! Access tokens: fetched with a refresh token, and only for some time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::error::{Problem, correlation_id};

/// Private-app tokens and service keys begin with it.
const PRIVATE: &str = "pat-";

/// An app that was installed in a portal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Installation {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    /// The private-app token that opens the same portal.
    token: String,
    /// Seconds that an access token lives.
    #[serde(default = "half_an_hour")]
    expires_in: u32,
}

fn half_an_hour() -> u32 {
    1800
}

/// Apps and their access tokens.
#[derive(Debug, Default)]
pub(crate) struct OAuth {
    installations: Vec<Installation>,
    access: BTreeMap<String, Access>,
}

#[derive(Debug)]
struct Access {
    token: String,
    expires: DateTime<Utc>,
}

/// The credential of a request.
#[derive(Debug)]
pub(crate) struct Credential {
    /// The private-app token of the portal.
    pub(crate) token: String,
    pub(crate) is_private: bool,
}

impl OAuth {
    /// Installs the app: its former refresh token in that portal is dead, access tokens live on.
    pub(crate) fn install(&mut self, installation: Installation) -> Result<(), String> {
        if !installation.token.starts_with(PRIVATE) {
            return Err(format!("token must begin with {PRIVATE}"));
        }
        let is_same =
            |other: &Installation| (&other.client_id, &other.token) == (&installation.client_id, &installation.token);
        self.installations.retain(|other| !is_same(other));
        self.installations.push(installation);
        Ok(())
    }

    /// Takes the apps out of a portal, or out of all; their tokens open nothing any more.
    pub(crate) fn uninstall(&mut self, token: Option<&str>) {
        let stays = |of: &str| token.is_some_and(|gone| gone != of);
        self.installations.retain(|installation| stays(&installation.token));
        self.access.retain(|_, access| stays(&access.token));
    }

    pub(crate) fn open(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Credential, Problem> {
        let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if bearer.starts_with(PRIVATE) {
            return Ok(Credential { token: bearer.to_owned(), is_private: true });
        }
        let access = self.access.get(bearer).ok_or_else(Problem::unauthenticated)?;
        if access.expires <= now {
            return Err(Problem::expired(access.expires, now));
        }
        Ok(Credential { token: access.token.clone(), is_private: false })
    }

    /// The answer, and the token of the portal.
    fn refresh(&mut self, form: &BTreeMap<String, String>, now: DateTime<Utc>) -> Result<(Value, String), Refused> {
        let given = |name: &str| form.get(name).map_or("", String::as_str);
        if given("grant_type") != "refresh_token" {
            return Err(Refused::GrantType);
        }
        let of_client = |app: &&Installation| app.client_id == given("client_id");
        let with_secret = |app: &&Installation| app.client_secret == given("client_secret");
        let mut apps = self.installations.iter().filter(of_client).peekable();
        apps.peek().ok_or(Refused::ClientId)?;
        let mut apps = apps.filter(with_secret).peekable();
        apps.peek().ok_or(Refused::ClientSecret)?;
        let app = apps.find(|app| app.refresh_token == given("refresh_token")).ok_or(Refused::RefreshToken)?.clone();
        // With the portal's token in it, `match` of a fault and `contains` of the journal find its requests.
        let access_token = format!("{}.{}", uuid::Uuid::new_v4().simple(), app.token);
        let expires = now + TimeDelta::seconds(app.expires_in.into());
        self.access.insert(access_token.clone(), Access { token: app.token.clone(), expires });
        let answer = json!({
            "access_token": access_token, "refresh_token": app.refresh_token, "expires_in": app.expires_in,
            "token_type": "bearer",
        });
        Ok((answer, app.token))
    }
}

/// The reason to refuse an access token.
#[derive(Debug, Clone, Copy)]
enum Refused {
    GrantType,
    ClientId,
    ClientSecret,
    RefreshToken,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, label, error, message) = match self {
            Self::GrantType => (400, "BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type"),
            Self::ClientId => (401, "BAD_CLIENT_ID", "invalid_client", "missing or invalid client id"),
            Self::ClientSecret => (401, "BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret"),
            Self::RefreshToken => (400, "BAD_REFRESH_TOKEN", "invalid_grant", "missing or invalid refresh token"),
        };
        let body = json!({
            "status": label, "message": message, "correlationId": correlation_id(), "error": error,
            "error_description": message,
        });
        (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), Json(body)).into_response()
    }
}

/// `POST /oauth/{version}/token`.
pub(super) async fn token(
    State(shared): State<Shared>,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return Refused::GrantType.into_response() };
    let mut world = shared.lock();
    match world.oauth.refresh(&form, Utc::now()) {
        Err(refused) => refused.into_response(),
        Ok((answer, token)) => {
            world.portal(&token).refreshes += 1;
            Json(answer).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_token_lives_as_long_as_its_answer_says() {
        let mut oauth = OAuth::default();
        let installation = json!({
            "client_id": "app", "client_secret": "hush", "refresh_token": "r", "token": "pat-1", "expires_in": 60,
        });
        oauth.install(serde_json::from_value(installation).unwrap()).unwrap();
        let form =
            [("grant_type", "refresh_token"), ("client_id", "app"), ("client_secret", "hush"), ("refresh_token", "r")];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let (answer, portal) = oauth.refresh(&form, now).unwrap();
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        headers.insert("authorization", bearer.parse().unwrap());
        assert_eq!(oauth.open(&headers, now + TimeDelta::seconds(59)).unwrap().token, portal);
        assert!(oauth.open(&headers, now + TimeDelta::seconds(60)).is_err());
    }
}
