//! Deleting devices where the homeserver does not simply do it.

use matrix_core::{Account, Error, ErrorCode};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Homeserver, by_password, run};

/// What an account with a password hears from such a homeserver.
async fn refusal(answers: &[(&str, u16, Value)]) -> Error {
    let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
    for (path, status, answer) in answers {
        homeserver
            .state()
            .answers
            .insert((*path).to_owned(), (*status, answer.clone()));
    }
    let account = homeserver.open(dir.path(), by_password()).await;
    let error = delete(&account).await.unwrap_err();
    account.close().await;
    error
}

async fn delete(account: &Account) -> Result<(), Error> {
    Box::pin(account.delete_devices(&["OLD".to_owned()], None)).await
}

#[test]
fn dev_2_a_homeserver_with_oauth_is_an_error_with_the_page() {
    run(async {
        let gone = json!({"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"});
        let metadata = json!({
            "issuer": "https://account.test/",
            "account_management_uri": "https://account.test/manage",
            "account_management_actions_supported": ["org.matrix.devices_list"],
        });
        for at in [
            "v1/auth_metadata",
            "unstable/org.matrix.msc2965/auth_metadata",
        ] {
            let error = refusal(&[
                ("delete_devices", 404, gone.clone()),
                (at, 200, metadata.clone()),
            ])
            .await;
            assert_eq!(error.code, ErrorCode::ApprovalRequired, "{error}");
            let page = "https://account.test/manage?action=org.matrix.devices_list";
            assert!(error.message.contains(page), "{error}");
        }
        let plain = refusal(&[("delete_devices", 404, gone)]).await;
        assert_eq!(plain.code, ErrorCode::NotFound);
    });
}

#[test]
fn dev_2_what_a_program_cannot_prove_is_named_and_asked_for_once() {
    run(async {
        let sso = json!({"session": "s", "flows": [{"stages": ["m.login.sso"]}], "params": {}});
        let error = refusal(&[("delete_devices", 401, sso)]).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("m.login.sso"), "{error}");
        // It asks for the password whatever it is given.
        let again = json!({"session": "s", "flows": [{"stages": ["m.login.password"]}]});
        let error = refusal(&[("delete_devices", 401, again)]).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("again and again"), "{error}");
        // The token is not accepted: no question at all.
        let ended = json!({"errcode": "M_UNKNOWN_TOKEN", "error": "gone"});
        let error = refusal(&[("delete_devices", 401, ended)]).await;
        assert_eq!(error.code, ErrorCode::AuthExpired);
    });
}
