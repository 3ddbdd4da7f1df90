//! Logins by OAuth's device grant, against an authorization server that follows the
//! specification as far as these go (AUT-9, HST-6).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use matrix_core::{
    Account, AccountConfig, Auth, DeviceLogin, ErrorCode, Identity, SyncState, log_out,
};
use serde_json::{Value, json};
use tempfile::tempdir;
use url::{Url, form_urlencoded};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::support::{Homeserver, PATIENCE, USER, health, run, running};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const DEVICE_SCOPE: &str = "urn:matrix:org.matrix.msc2967.client:device:";

#[derive(Default)]
struct State {
    registered: Vec<Value>,
    /// Device of the code that was given out.
    device: String,
    scope: String,
    /// Answers to questions for the token, before it is given.
    pending: Vec<&'static str>,
    /// The refresh token that is good.
    refresh: Option<String>,
    /// Tokens that were given out.
    tokens: usize,
    /// How long they are good, in seconds; 300 unless said.
    lifetime: Option<u64>,
    revoked: Vec<String>,
    asked: usize,
}

struct AuthServer {
    _server: MockServer,
    state: Arc<Mutex<State>>,
}

/// Told of a token and its device.
type Known = Box<dyn Fn(&str, &str) + Send + Sync>;

struct Script {
    state: Arc<Mutex<State>>,
    /// Token → device, which the homeserver learns.
    known: Known,
}

impl AuthServer {
    /// The authorization server of a homeserver.
    async fn of(homeserver: &Arc<Homeserver>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = MockServer::start().await;
        let at = |path: &str| format!("{}/{path}", server.uri());
        homeserver.state().open_answers.insert(
            "v1/auth_metadata".to_owned(),
            (
                200,
                json!({
                    "issuer": at(""), "token_endpoint": at("token"),
                    "registration_endpoint": at("register"),
                    "device_authorization_endpoint": at("device"),
                    "revocation_endpoint": at("revoke"),
                }),
            ),
        );
        let knows = Arc::clone(homeserver);
        Mock::given(any())
            .respond_with(Script {
                state: Arc::clone(&state),
                known: Box::new(move |token, device| {
                    knows.state().tokens.insert(token.into(), device.into());
                }),
            })
            .mount(&server)
            .await;
        Self {
            _server: server,
            state,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(&request.body).into_owned().collect();
        let get = |name: &str| form.get(name).map_or("", String::as_str);
        let refused =
            |error: &str| ResponseTemplate::new(400).set_body_json(json!({"error": error}));
        match request.url.path() {
            "/register" => {
                state
                    .registered
                    .push(serde_json::from_slice(&request.body).unwrap());
                ResponseTemplate::new(201).set_body_json(json!({"client_id": "client1"}))
            }
            "/device" => {
                assert_eq!(get("client_id"), "client1");
                state.scope = get("scope").to_owned();
                state.device = state.scope.rsplit(DEVICE_SCOPE).next().unwrap().to_owned();
                ResponseTemplate::new(200).set_body_json(json!({
                    "device_code": "secret code", "user_code": "ABCD-EFGH",
                    "verification_uri": "https://auth.test/link",
                    "verification_uri_complete": "https://auth.test/link?code=ABCD-EFGH",
                    "expires_in": 60, "interval": 1,
                }))
            }
            "/token" => {
                state.asked += 1;
                let granted = match get("grant_type") {
                    DEVICE_GRANT => {
                        assert_eq!(get("device_code"), "secret code");
                        if !state.pending.is_empty() {
                            return refused(state.pending.remove(0));
                        }
                        true
                    }
                    "refresh_token" => state.refresh.as_deref() == Some(get("refresh_token")),
                    _ => false,
                };
                if !granted {
                    return refused("invalid_grant");
                }
                state.tokens += 1;
                let (token, refresh) = (
                    format!("oauth{}", state.tokens),
                    format!("refresh{}", state.tokens),
                );
                (self.known)(&token, &state.device);
                state.refresh = Some(refresh.clone());
                ResponseTemplate::new(200).set_body_json(json!({
                    "access_token": token, "refresh_token": refresh,
                    "token_type": "Bearer", "expires_in": state.lifetime.unwrap_or(300),
                    "scope": state.scope,
                }))
            }
            "/revoke" => {
                state.revoked.push(get("token").to_owned());
                state.refresh = None;
                ResponseTemplate::new(200)
            }
            _ => ResponseTemplate::new(404),
        }
    }
}

fn stored() -> Auth {
    Auth::Stored {
        user_id: Some(USER.try_into().unwrap()),
        device_id: None,
    }
}

async fn log_in(config: AccountConfig) -> matrix_core::Result<Identity> {
    DeviceLogin::begin(config).await?.finish().await
}

async fn rig() -> (Arc<Homeserver>, AuthServer) {
    let homeserver = Arc::new(Homeserver::start().await);
    let auth = AuthServer::of(&homeserver).await;
    (homeserver, auth)
}

fn config(homeserver: &Homeserver, dir: &Path) -> AccountConfig {
    homeserver.config(dir, stored())
}

#[test]
fn aut_9_a_person_allows_the_login_and_the_account_lives_on_refreshed_tokens() {
    run(async {
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        auth.state().pending = vec!["authorization_pending"];
        let login = DeviceLogin::begin(config(&homeserver, dir.path()))
            .await
            .unwrap();
        let prompt = login.prompt();
        assert_eq!(prompt.user_code, "ABCD-EFGH");
        assert_eq!(prompt.verification_uri, "https://auth.test/link");
        assert_eq!(prompt.expires_in.as_secs(), 60);
        let identity = login.finish().await.unwrap();
        assert_eq!(identity.user_id, USER);
        assert_eq!(identity.device_id, auth.state().device);
        assert!(
            auth.state()
                .scope
                .starts_with("urn:matrix:org.matrix.msc2967.client:api:* ")
        );
        let registered = auth.state().registered[0].clone();
        assert_eq!(registered["token_endpoint_auth_method"], "none");
        assert_eq!(
            registered["grant_types"],
            json!([DEVICE_GRANT, "refresh_token"])
        );
        let on_disk = std::fs::read_to_string(dir.path().join("session.json")).unwrap();
        assert!(
            !on_disk.contains("oauth1") && !on_disk.contains("refresh1"),
            "{on_disk}"
        );

        let account = Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap();
        account.start();
        running(&account).await;
        // Expired; authorization servers' homeservers do not say that it is soft.
        homeserver.state().ended.insert("oauth1".into(), false);
        tokio::time::timeout(PATIENCE, async {
            while auth.state().tokens < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("a further token");
        running(&account).await;
        account.close().await;

        // The next start has the newer tokens, and gets a newer one for a token that expired meanwhile.
        homeserver.state().ended.insert("oauth2".into(), false);
        let account = Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap();
        assert_eq!(account.identity().device_id, identity.device_id);
        assert_eq!(auth.state().tokens, 3);
        account.close().await;
    });
}

#[test]
fn aut_9_a_token_is_replaced_before_it_expires() {
    run(async {
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        auth.state().lifetime = Some(2);
        log_in(config(&homeserver, dir.path())).await.unwrap();
        for given in [2, 3] {
            // The second time around the expiry is read from the disk.
            let account = Account::open(config(&homeserver, dir.path()))
                .await
                .unwrap();
            account.start();
            running(&account).await;
            tokio::time::timeout(PATIENCE, async {
                while auth.state().tokens < given {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            })
            .await
            .expect("a further token");
            // No request was refused, or this would not be the state.
            running(&account).await;
            auth.state().lifetime = None;
            account.close().await;
        }
    });
}

#[test]
fn aut_9_a_login_that_the_server_has_ended_names_the_command() {
    run(async {
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        log_in(config(&homeserver, dir.path())).await.unwrap();
        let account = Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap();
        account.start();
        running(&account).await;
        auth.state().refresh = None;
        homeserver.state().ended.insert("oauth1".into(), false);
        let health = health(&account, |health| health.sync.state == SyncState::Blocked).await;
        let (code, message) = health.sync.error.unwrap();
        assert_eq!(code, ErrorCode::AuthExpired);
        assert!(
            message.contains("openclaw channels login --channel matrix"),
            "{message}"
        );
        account.close().await;

        // The same person logs in again, on the same device and store.
        let device = auth.state().device.clone();
        let identity = log_in(config(&homeserver, dir.path())).await.unwrap();
        assert_eq!(identity.device_id, device);
        Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap()
            .close()
            .await;
    });
}

#[test]
fn aut_9_refused_expired_and_foreign_logins_leave_no_session() {
    run(async {
        for (answers, what) in [
            (vec!["access_denied"], "refused"),
            (vec!["authorization_pending", "expired_token"], "expired"),
            (vec!["something else"], "no reason given"),
        ] {
            let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
            auth.state().pending = answers;
            let error = log_in(config(&homeserver, dir.path())).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::AuthFailed, "{error}");
            assert!(error.message.contains(what), "{error}");
            assert!(!dir.path().join("session.json").exists());
        }
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        let other = Auth::Stored {
            user_id: Some("@other:test".try_into().unwrap()),
            device_id: None,
        };
        let error = log_in(homeserver.config(dir.path(), other))
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::AccountMismatch, "{error}");
        assert_eq!(auth.state().revoked, ["refresh1"]);
        assert!(!dir.path().join("session.json").exists());
    });
}

#[test]
fn aut_9_a_homeserver_without_it_names_what_there_is() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let missing = (404, json!({"errcode": "M_UNRECOGNIZED", "error": "?"}));
        for path in [
            "v1/auth_metadata",
            "unstable/org.matrix.msc2965/auth_metadata",
        ] {
            let mut state = homeserver.state();
            state.open_answers.insert(path.to_owned(), missing.clone());
        }
        let error = log_in(config(&homeserver, dir.path())).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("`accessToken`"), "{error}");
    });
}

#[test]
fn aut_9_an_endpoint_that_may_not_be_asked_is_not() {
    run(async {
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        for endpoint in [
            "http://auth.example.org/device",
            "https://169.254.169.254/device",
        ] {
            name_endpoint(&homeserver, endpoint);
            let error = log_in(config(&homeserver, dir.path())).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::AddressBlocked, "{error}");
        }
        assert_eq!(auth.state().asked, 0);
    });
}

fn name_endpoint(homeserver: &Homeserver, endpoint: &str) {
    let mut state = homeserver.state();
    let (_, metadata) = state.open_answers.get_mut("v1/auth_metadata").unwrap();
    metadata["device_authorization_endpoint"] = json!(endpoint);
}

#[test]
fn hst_6_a_logout_ends_the_session_everywhere_and_the_next_login_is_a_new_device() {
    run(async {
        let ((homeserver, auth), dir) = (rig().await, tempdir().unwrap());
        let first = log_in(config(&homeserver, dir.path())).await.unwrap();
        let account = Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap();
        let locked = log_out(config(&homeserver, dir.path())).await.unwrap_err();
        assert_eq!(locked.code, ErrorCode::StoreLocked);
        account.close().await;
        let done = log_out(config(&homeserver, dir.path())).await.unwrap();
        assert!(
            done.revoked && done.had_session && !done.foreign_device,
            "{done:?}"
        );
        assert!(done.put_away.unwrap().exists());
        assert_eq!(auth.state().revoked, ["refresh1"]);
        assert!(!dir.path().join("session.json").exists());
        let Err(error) = Account::open(config(&homeserver, dir.path())).await else {
            panic!("opened without a login");
        };
        assert_eq!(error.code, ErrorCode::AuthFailed, "{error}");

        let second = log_in(config(&homeserver, dir.path())).await.unwrap();
        assert_ne!(second.device_id, first.device_id);
        Account::open(config(&homeserver, dir.path()))
            .await
            .unwrap()
            .close()
            .await;
    });
}

#[test]
fn hst_6_a_password_login_is_logged_out_by_the_homeserver() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let password = crate::support::by_password;
        homeserver.open(dir.path(), password()).await.close().await;
        homeserver
            .state()
            .answers
            .insert("logout".to_owned(), (200, json!({})));
        let done = log_out(homeserver.config(dir.path(), password()))
            .await
            .unwrap();
        assert!(done.revoked && done.had_session, "{done:?}");
        // A homeserver that cannot be told: everything stays.
        homeserver.open(dir.path(), password()).await.close().await;
        let mut config = homeserver.config(dir.path(), password());
        config.homeserver = Url::parse("http://127.0.0.1:9").unwrap();
        let error = log_out(config).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Network, "{error}");
        assert!(dir.path().join("session.json").exists());
    });
}
