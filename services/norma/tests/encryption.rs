//! `norma storage encrypt`: what was stored before is encrypted, and keys take turns.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use norma_database::{Database, NewUser};
use norma_domain::{AnalysisId, Role, Roles, ScanId, UserId};
use norma_encryption::{KeyRing, open_secret, second_factor_context, secret_key_id};
use norma_object_storage::{Encryption, ObjectError, ObjectKey, Objects};
use tempfile::TempDir;

fn run(folder: &Path, words: &[&str], is_with_keys: bool) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_norma"));
    command.args(words).current_dir(folder);
    if words[1] == "encrypt" {
        command.args(["--data", "data"]);
        if is_with_keys {
            command.env("NORMA__ENCRYPTION__KEYS_FILE", folder.join("keys"));
        }
    }
    command.output().unwrap()
}

fn norma(folder: &Path, words: &[&str]) -> Output {
    run(folder, words, true)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn new_key(folder: &Path, id: &str) -> String {
    let made = norma(folder, &["storage", "new-key", id]);
    assert!(made.status.success(), "{}", told(&made));
    String::from_utf8(made.stdout).unwrap()
}

fn encrypted(folder: &Path) -> Objects {
    let keys = KeyRing::read(&folder.join("keys")).unwrap();
    let objects = Objects::folder(&folder.join("data/objects")).unwrap();
    objects.encrypted(Encryption {
        keys: std::sync::Arc::new(keys),
        accepts_plain: false,
    })
}

async fn account_with_second_factor(database: &Database, secret: &[u8]) -> UserId {
    let user = NewUser {
        login: "anna".to_owned(),
        display_name: "Anna".to_owned(),
        roles: Roles::of(&[Role::Administrator]),
        openid: None,
    };
    let id = database.create_user(user).await.unwrap().id;
    assert!(database.begin_second_factor(id, secret.to_vec()).await.unwrap());
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_is_encrypted_and_keys_take_turns() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("data")).unwrap();
    let url = format!("sqlite://{}/data/norma.db", folder.display());
    let database = Database::open(&url).await.unwrap();
    let secret = [7; 20];
    let id = account_with_second_factor(&database, &secret).await;
    let plain = Objects::folder(&folder.join("data/objects")).unwrap();
    let (original, volume) = (
        ObjectKey::Original(ScanId::generate()),
        ObjectKey::PreparedVolume(AnalysisId::generate()),
    );
    plain.put(original, Bytes::from(vec![1; 200_000])).await.unwrap();
    plain.put(volume, Bytes::from_static(b"volume")).await.unwrap();
    let is_right = async |key_id: &str| {
        let objects = encrypted(folder);
        assert_eq!(objects.get(original).await.unwrap(), vec![1; 200_000]);
        assert_eq!(objects.get(volume).await.unwrap(), "volume");
        for key in [original, volume] {
            assert_eq!(objects.key_id(key).await.unwrap().as_deref(), Some(key_id));
        }
        let stored = database.second_factor_secret(id).await.unwrap().unwrap();
        assert_eq!(secret_key_id(&stored).unwrap().as_deref(), Some(key_id));
        let keys = KeyRing::read(&folder.join("keys")).unwrap();
        let context = second_factor_context(&id.to_string());
        let opened = open_secret(Some(&keys), &context, stored).await.unwrap();
        assert_eq!(opened, secret);
    };

    let none = run(folder, &["storage", "encrypt"], false);
    assert!(!none.status.success());
    assert!(told(&none).contains("encryption.keys_file"), "{}", told(&none));
    let first = new_key(folder, "2026");
    std::fs::write(folder.join("keys"), &first).unwrap();
    let done = norma(folder, &["storage", "encrypt"]);
    assert!(done.status.success(), "{}", told(&done));
    assert!(told(&done).contains("2 objects and 1 secrets"), "{}", told(&done));
    is_right("2026").await;
    let again = norma(folder, &["storage", "encrypt"]);
    assert!(
        told(&again).contains("0 objects and 0 secrets"),
        "{}",
        told(&again)
    );

    // A second key: both are needed until all is stored again, then the first can go.
    let second = new_key(folder, "2027");
    std::fs::write(folder.join("keys"), format!("{second}{first}")).unwrap();
    assert!(norma(folder, &["storage", "encrypt"]).status.success());
    std::fs::write(folder.join("keys"), &second).unwrap();
    is_right("2027").await;

    // What cannot be opened stays as it was, is told, and holds nothing else up.
    std::fs::write(folder.join("keys"), &first).unwrap();
    let late = ObjectKey::Original(ScanId::generate());
    plain.put(late, Bytes::from_static(b"late")).await.unwrap();
    let partly = norma(folder, &["storage", "encrypt"]);
    assert_eq!(partly.status.code(), Some(2), "{}", told(&partly));
    assert!(
        told(&partly).contains("the key 2027 is not among those"),
        "{}",
        told(&partly)
    );
    assert_eq!(encrypted(folder).get(late).await.unwrap(), "late");
    let missing = encrypted(folder).get(original).await.unwrap_err();
    assert!(matches!(missing, ObjectError::Key { .. }), "{missing:?}");
    std::fs::write(folder.join("keys"), format!("{second}{first}")).unwrap();
    assert!(norma(folder, &["storage", "encrypt"]).status.success());
    is_right("2027").await;
}

#[test]
fn keys_that_cannot_be_read_are_told_at_the_start() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/norma.db"), "").unwrap();
    for (text, words) in [
        (None, "No such file"),
        (
            Some("2026 too-short"),
            "line 1 of the file of keys holds no 32 bytes in base64",
        ),
        (Some("# nothing"), "norma storage new-key"),
    ] {
        if let Some(text) = text {
            std::fs::write(folder.path().join("keys"), text).unwrap();
        }
        let refused = norma(folder.path(), &["storage", "encrypt"]);
        assert!(!refused.status.success());
        assert!(told(&refused).contains(words), "{}", told(&refused));
    }
}
