//! What its owner sees of a session and ends, and keys that wait for a second administrator.

use chrono::TimeDelta;
use norma_database::{ApiKey, ConfirmedKey, KeyConfirmer, NewApiKey, session_id};
use norma_domain::{KeyId, Role, Roles};

use crate::identity::{ADMINISTRATOR, CLINICIAN, session, user};
use crate::sides::on_both_sides;

#[test]
fn sessions_of_an_account_are_listed_and_ended() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        let other = user(database, "other", CLINICIAN).await;
        let idle = TimeDelta::minutes(30);
        for token in [1, 2, 3] {
            session(database, &anna, token, TimeDelta::hours(1)).await;
        }
        session(database, &other, 9, TimeDelta::hours(1)).await;
        session(database, &anna, 4, TimeDelta::seconds(-1)).await;
        database.touch_session([1; 32]).await.unwrap();
        let listed = database.list_sessions(anna.id, idle).await.unwrap();
        let addresses: Vec<&str> = listed.iter().map(|one| one.origin.address.as_str()).collect();
        assert_eq!(addresses[0], "192.0.2.1", "the one that was used last");
        assert_eq!(addresses.len(), 3, "an expired one is none");
        assert_eq!(listed[0].id, session_id(&[1; 32]));
        assert_eq!(
            (
                listed[0].origin.browser.as_str(),
                listed[0].origin.system.as_str()
            ),
            ("Firefox", "Linux")
        );
        assert_eq!(
            database.list_sessions(anna.id, TimeDelta::zero()).await.unwrap(),
            []
        );

        // Nobody ends another's session by its id.
        let id = session_id(&[2; 32]);
        assert!(!database.end_session_of(other.id, id).await.unwrap());
        assert!(database.end_session_of(anna.id, id).await.unwrap());
        assert!(!database.end_session_of(anna.id, id).await.unwrap());
        assert!(database.session([2; 32], idle).await.unwrap().is_none());

        session(database, &anna, 5, TimeDelta::hours(1)).await;
        assert_eq!(database.end_sessions_of(anna.id, Some([5; 32])).await.unwrap(), 2);
        let left = database.list_sessions(anna.id, idle).await.unwrap();
        assert_eq!(
            left.iter().map(|one| one.id).collect::<Vec<_>>(),
            [session_id(&[5; 32])]
        );
        assert_eq!(database.end_sessions_of(anna.id, None).await.unwrap(), 1);
        assert!(
            database.session([9; 32], idle).await.unwrap().is_some(),
            "another's"
        );
    });
}

#[test]
fn a_key_that_waits_acts_once_other_hands_have_confirmed_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let [anna, boris] = [
            user(database, "anna", ADMINISTRATOR).await,
            user(database, "boris", ADMINISTRATOR).await,
        ];
        let make = async |byte: u8, made_by_user, needs_confirmation| {
            let new = NewApiKey {
                name: "pacs".to_owned(),
                scope: String::new(),
                roles: Roles::of(&[Role::Clinician]),
                secret_hash: [byte; 32],
                prefix: "norma_abcdef".to_owned(),
                created_by: "anna".to_owned(),
                expires_at: None,
                made_by_user,
                needs_confirmation,
                allowed_addresses: Vec::new(),
            };
            database.create_api_key(new).await.unwrap()
        };
        let confirm = async |key: &ApiKey, confirmer, by: &str| {
            let done = database.confirm_api_key(key.id, confirmer, by.to_owned());
            done.await.unwrap().unwrap()
        };
        let key = make(1, Some(anna.id), true).await;
        assert!(key.awaits_confirmation());
        assert_eq!(database.valid_api_key([1; 32]).await.unwrap(), None);
        assert_eq!(database.valid_api_key_of(key.id).await.unwrap(), None);
        assert!(database.is_unconfirmed_api_key([1; 32]).await.unwrap());
        assert!(!database.is_unconfirmed_api_key([2; 32]).await.unwrap());
        let own = confirm(&key, KeyConfirmer::User(anna.id), "anna").await;
        assert_eq!(own, ConfirmedKey::OwnKey);
        assert_eq!(database.valid_api_key([1; 32]).await.unwrap(), None);
        let (one, other) = tokio::join!(
            confirm(&key, KeyConfirmer::User(boris.id), "boris"),
            confirm(&key, KeyConfirmer::CommandLine, "command line")
        );
        let confirmed: Vec<ApiKey> = [one, other]
            .into_iter()
            .filter_map(|done| match done {
                ConfirmedKey::Confirmed(key) => Some(*key),
                _ => None,
            })
            .collect();
        assert_eq!(confirmed.len(), 1, "of two at once one did");
        assert_eq!(
            database.valid_api_key([1; 32]).await.unwrap(),
            Some(confirmed[0].clone())
        );
        assert!(!database.is_unconfirmed_api_key([1; 32]).await.unwrap());

        let by_command_line = make(2, None, true).await;
        let own = confirm(&by_command_line, KeyConfirmer::CommandLine, "command line").await;
        assert_eq!(own, ConfirmedKey::OwnKey);
        database.revoke_api_key(by_command_line.id).await.unwrap();
        let revoked = confirm(&by_command_line, KeyConfirmer::User(boris.id), "boris").await;
        assert_eq!(revoked, ConfirmedKey::NotAwaited);
        assert!(
            !database.is_unconfirmed_api_key([2; 32]).await.unwrap(),
            "revoked"
        );

        let plain = make(3, Some(anna.id), false).await;
        assert_eq!(
            database.valid_api_key([3; 32]).await.unwrap(),
            Some(plain.clone())
        );
        let needless = confirm(&plain, KeyConfirmer::User(boris.id), "boris").await;
        assert_eq!(needless, ConfirmedKey::NotAwaited);
        let unknown = database
            .confirm_api_key(KeyId::generate(), KeyConfirmer::CommandLine, "x".to_owned())
            .await;
        assert_eq!(unknown.unwrap(), None);
    });
}
