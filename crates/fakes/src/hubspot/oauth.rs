//! Access tokens: fetched with a refresh token, and only for some time.

use std::collections::BTreeMap;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Shared, error};
use crate::rest::{Problem, header, respond};

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

/// The form of the token endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Grant {
    grant_type: String,
    client_id: String,
    client_secret: String,
    refresh_token: String,
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
        let bearer = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        if bearer.starts_with(PRIVATE) {
            return Ok(Credential { token: bearer.to_owned(), is_private: true });
        }
        let access = self.access.get(bearer).ok_or_else(error::unauthenticated)?;
        if access.expires <= now {
            return Err(error::token_expired(access.expires, now));
        }
        Ok(Credential { token: access.token.clone(), is_private: false })
    }

    /// The answer, and the token of the portal.
    fn refresh(&mut self, grant: &Grant, now: DateTime<Utc>) -> Result<(Value, String), Problem> {
        let Grant { grant_type, client_id, client_secret, refresh_token } = grant;
        let refused = |status, label, error, part| Err(error::not_granted(status, label, error, part));
        if grant_type != "refresh_token" {
            return refused(StatusCode::BAD_REQUEST, "BAD_GRANT_TYPE", "unsupported_grant_type", "grant type");
        }
        let mut apps = self.installations.iter().filter(|app| app.client_id == *client_id).collect::<Vec<_>>();
        if apps.is_empty() {
            return refused(StatusCode::UNAUTHORIZED, "BAD_CLIENT_ID", "invalid_client", "client id");
        }
        apps.retain(|app| app.client_secret == *client_secret);
        if apps.is_empty() {
            return refused(StatusCode::UNAUTHORIZED, "BAD_CLIENT_SECRET", "invalid_client", "client secret");
        }
        let Some(app) = apps.into_iter().find(|app| app.refresh_token == *refresh_token) else {
            return refused(StatusCode::BAD_REQUEST, "BAD_REFRESH_TOKEN", "invalid_grant", "refresh token");
        };
        // With the portal's token in it, `match` of a fault and `contains` of the journal find its requests.
        let access_token = format!("{}.{}", Uuid::new_v4().simple(), app.token);
        let expires = now + TimeDelta::seconds(app.expires_in.into());
        self.access.insert(access_token.clone(), Access { token: app.token.clone(), expires });
        let answer = json!({
            "access_token": access_token, "refresh_token": app.refresh_token, "expires_in": app.expires_in,
            "token_type": "bearer",
        });
        Ok((answer, app.token.clone()))
    }
}

/// `POST /oauth/{version}/token`.
pub(super) async fn token(State(shared): State<Shared>, form: Result<Form<Grant>, FormRejection>) -> Response {
    let grant = form.map(|Form(grant)| grant).unwrap_or_default();
    let mut world = shared.lock();
    respond(world.oauth.refresh(&grant, Utc::now()).map(|(answer, token)| {
        world.portal(&token).refreshes += 1;
        (StatusCode::OK, answer)
    }))
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
        let [grant_type, client_id, client_secret, refresh_token] =
            ["refresh_token", "app", "hush", "r"].map(str::to_owned);
        let form = Grant { grant_type, client_id, client_secret, refresh_token };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let (answer, portal) = oauth.refresh(&form, now).unwrap();
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        headers.insert("authorization", bearer.parse().unwrap());
        assert_eq!(oauth.open(&headers, now + TimeDelta::seconds(59)).unwrap().token, portal);
        assert!(oauth.open(&headers, now + TimeDelta::seconds(60)).is_err());
    }
}
