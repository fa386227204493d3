//! Accounts and keys at the terminal: what only a person at the machine does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

use norma_access::ApiKeySecret;
use norma_database::{AuditQuery, Database, NewApiKey, NewSecondFactor, NewUser, Page, User};
use norma_domain::{KeyId, Role, Roles};
use tempfile::TempDir;

fn norma(folder: &Path, words: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command.args(words).arg("--data").arg("data").current_dir(folder);
    for (name, value) in settings {
        command.env(name, value);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

struct Site {
    folder: TempDir,
    database: Database,
    administrator: User,
}

async fn site() -> Site {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let url = format!("sqlite://{}/data/norma.db", folder.path().display());
    let database = Database::open(&url).await.unwrap();
    let administrator = NewUser {
        login: "anna".to_owned(),
        display_name: "Anna".to_owned(),
        roles: Roles::of(&[Role::Administrator]),
        openid: None,
    };
    let administrator = database.create_user(administrator).await.unwrap();
    Site {
        folder,
        database,
        administrator,
    }
}

impl Site {
    fn norma(&self, words: &[&str]) -> Output {
        norma(self.folder.path(), words, &[])
    }

    async fn actions(&self) -> Vec<String> {
        let events = self
            .database
            .list_audit_events(AuditQuery::default(), Page::default());
        let items = events.await.unwrap().items;
        items.into_iter().map(|event| event.event.action).collect()
    }
}

/// A key that an administrator made on the page and that waits.
async fn waiting_key(site: &Site) -> (KeyId, [u8; 32]) {
    let secret = ApiKeySecret::generate();
    let key = NewApiKey {
        name: "pacs".to_owned(),
        scope: String::new(),
        roles: Roles::of(&[Role::Clinician]),
        secret_hash: secret.hash(),
        prefix: secret.prefix().to_owned(),
        created_by: "anna".to_owned(),
        expires_at: None,
        made_by_user: Some(site.administrator.id),
        needs_confirmation: true,
        allowed_addresses: Vec::new(),
    };
    let key = site.database.create_api_key(key).await.unwrap();
    (key.id, secret.hash())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_confirms_what_people_made_and_nothing_of_its_own() {
    let site = site().await;
    let (id, hash) = waiting_key(&site).await;
    assert_eq!(site.database.valid_api_key(hash).await.unwrap(), None);
    let confirmed = site.norma(&["keys", "confirm", &id.to_string()]);
    assert!(confirmed.status.success(), "{}", told(&confirmed));
    let key = site.database.valid_api_key(hash).await.unwrap().unwrap();
    assert_eq!(key.confirmation.unwrap().by, "command line");
    assert!(site.actions().await.contains(&"key.confirm".to_owned()));

    let again = site.norma(&["keys", "confirm", &id.to_string()]);
    assert!(!again.status.success());
    assert!(
        told(&again).contains("waits for no confirmation"),
        "{}",
        told(&again)
    );
    let unknown = site.norma(&["keys", "confirm", &KeyId::generate().to_string()]);
    assert!(told(&unknown).contains("there is no key"), "{}", told(&unknown));

    // What the terminal made an administrator confirms on the page.
    let own = norma(
        site.folder.path(),
        &["keys", "create", "own", "--role", "clinician"],
        &[("NORMA__IDENTITY__CONFIRMED_KEY_ROLES", "clinician")],
    );
    assert!(own.status.success(), "{}", told(&own));
    let secret = ApiKeySecret::parse(String::from_utf8_lossy(&own.stdout).trim()).unwrap();
    assert!(site.database.is_unconfirmed_api_key(secret.hash()).await.unwrap());
    let listed = site.database.list_api_keys(Page::default()).await.unwrap().items;
    let id = listed.iter().find(|key| key.name == "own").unwrap().id;
    let refused = site.norma(&["keys", "confirm", &id.to_string()]);
    assert!(!refused.status.success());
    assert!(told(&refused).contains("an administrator confirms it on the page"));
    assert_eq!(site.database.valid_api_key(secret.hash()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_terminal_is_bound_to_networks() {
    let site = site().await;
    let words = [
        "keys",
        "create",
        "pacs",
        "--allow-address",
        "192.0.2.7/24",
        "--allow-address",
        "2001:db8::1",
    ];
    let made = site.norma(&words);
    assert!(made.status.success(), "{}", told(&made));
    let key = &site.database.list_api_keys(Page::default()).await.unwrap().items[0];
    assert_eq!(key.allowed_addresses, ["192.0.2.0/24", "2001:db8::1/128"]);
    assert!(told(&site.norma(&["keys", "list"])).contains("from 192.0.2.0/24 2001:db8::1/128"));
    let wrong = site.norma(&["keys", "create", "wrong", "--allow-address", "everywhere"]);
    assert!(!wrong.status.success());
    assert_eq!(
        site.database.list_api_keys(Page::default()).await.unwrap().total,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_phone_and_recovery_codes_is_let_in_from_the_terminal() {
    let site = site().await;
    let (database, id) = (&site.database, site.administrator.id);
    let none = site.norma(&["users", "reset-second-factor", "anna"]);
    assert!(!none.status.success());
    assert!(told(&none).contains("no second factor"), "{}", told(&none));

    let secret = norma_access::TotpSecret::generate().expose().to_vec();
    assert!(database.begin_second_factor(id, secret.clone()).await.unwrap());
    let confirmed = NewSecondFactor {
        user_id: id,
        secret,
        step: 1,
        recovery_code_hashes: Vec::new(),
        kept_session: [0; 32],
    };
    assert!(database.confirm_second_factor(confirmed).await.unwrap());
    assert!(told(&site.norma(&["users", "list"])).contains("second factor"));
    let reset = site.norma(&["users", "reset-second-factor", "anna"]);
    assert!(reset.status.success(), "{}", told(&reset));
    let user = database.user(id).await.unwrap().unwrap();
    assert_eq!(user.second_factor_at, None);
    assert!(
        site.actions()
            .await
            .contains(&"user.second_factor_reset".to_owned())
    );
}
