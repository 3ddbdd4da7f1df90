//! What the homeserver has of a user's encryption, seen and changed from outside.

use matrix_sdk::reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Homeserver, Person};

impl Homeserver {
    pub async fn account_data(&self, person: &Person, kind: &str) -> Value {
        self.ask(
            Method::GET,
            &format!("user/{}/account_data/{kind}", person.user_id),
            Some(&person.token),
            Value::Null,
        )
        .await
    }

    pub async fn set_account_data(&self, person: &Person, kind: &str, content: Value) {
        let path = format!("user/{}/account_data/{kind}", person.user_id);
        self.ask(Method::PUT, &path, Some(&person.token), content)
            .await;
    }

    /// The newest backup, or the error.
    pub async fn backup(&self, person: &Person) -> Value {
        let token = Some(person.token.as_str());
        self.ask(Method::GET, "room_keys/version", token, Value::Null)
            .await
    }

    pub async fn delete_backup(&self, person: &Person) {
        let version = self.backup(person).await["version"].clone();
        let path = format!("room_keys/version/{}", version.as_str().unwrap());
        let token = Some(person.token.as_str());
        self.ask(Method::DELETE, &path, token, Value::Null).await;
    }

    /// As another client of the user's logs a device out for good.
    pub async fn delete_device(&self, person: &Person, device_id: &str) {
        let path = format!("devices/{device_id}");
        let token = Some(person.token.as_str());
        let refused = self.ask(Method::DELETE, &path, token, json!({})).await;
        let proof = json!({ "auth": {
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": person.user_id },
            "password": person.password,
            "session": refused["session"],
        }});
        let answer = self.ask(Method::DELETE, &path, token, proof).await;
        assert_eq!(answer, json!({}));
    }

    /// The public master key.
    pub async fn master_key(&self, person: &Person) -> Value {
        let query = json!({ "device_keys": { &person.user_id: [] } });
        let token = Some(person.token.as_str());
        let mut answer = self.ask(Method::POST, "keys/query", token, query).await;
        answer["master_keys"][&person.user_id]["keys"].take()
    }

    /// Identity, secret storage and backup: what other devices rely on.
    pub async fn foundations(&self, person: &Person) -> Value {
        let mut secrets = Vec::new();
        for kind in [
            "m.secret_storage.default_key",
            "m.cross_signing.master",
            "m.cross_signing.self_signing",
            "m.cross_signing.user_signing",
            "m.megolm_backup.v1",
        ] {
            secrets.push(self.account_data(person, kind).await);
        }
        let backup = self.backup(person).await;
        json!([
            self.master_key(person).await,
            secrets,
            backup["version"],
            backup["auth_data"]["public_key"],
        ])
    }
}
