//! Passkeys and their challenges: added once, used in order, taken away with what hangs on them.

use chrono::{TimeDelta, Utc};
use norma_database::{
    AddedPasskey, Database, MOST_PASSKEYS, NewPasskey, NewSecondFactor, PasskeyCeremony, PasskeyCredential,
    StoredPasskey, User, UserChange,
};
use norma_domain::{Role, Roles};

use crate::identity::{CLINICIAN, session, user};
use crate::sides::on_both_sides;

fn credential(id: u8) -> PasskeyCredential {
    PasskeyCredential {
        credential_id: vec![id; 16],
        public_key: vec![1, 2, 3],
        algorithm: -7,
        counter: 0,
        transports: "internal,hybrid".to_owned(),
        is_backup_eligible: true,
    }
}

async fn add(database: &Database, user: &User, id: u8) -> AddedPasskey {
    let new = NewPasskey {
        user_id: user.id,
        name: format!("key {id}"),
        credential: credential(id),
        recovery_code_hashes: vec![[1; 32], [2; 32]],
        kept_session: [1; 32],
    };
    database.add_passkey(new).await.unwrap()
}

async fn added(database: &Database, user: &User, id: u8) -> StoredPasskey {
    match add(database, user, id).await {
        AddedPasskey::Added { passkey, .. } => passkey,
        other => panic!("{other:?}"),
    }
}

async fn has_second_factor(database: &Database, user: &User) -> bool {
    let now = database.user(user.id).await.unwrap().unwrap();
    now.second_factor_at.is_some()
}

#[test]
fn a_passkey_is_a_second_factor_for_as_long_as_there_is_one() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        let boris = user(database, "boris", CLINICIAN).await;
        session(database, &anna, 1, TimeDelta::hours(1)).await;
        session(database, &anna, 2, TimeDelta::hours(1)).await;
        let idle = TimeDelta::hours(1);
        let first = added(database, &anna, 7).await;
        assert_eq!(first.credential, credential(7));
        assert!(has_second_factor(database, &anna).await);
        assert_eq!(database.recovery_codes_left(anna.id).await.unwrap(), 2);
        assert!(database.session([1; 32], idle).await.unwrap().is_some());
        assert!(database.session([2; 32], idle).await.unwrap().is_none());
        assert_eq!(add(database, &boris, 7).await, AddedPasskey::Known);
        let (found, owner) = database
            .passkey_of_credential(vec![7; 16])
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&found, owner.id), (&first, anna.id));

        // Codes beside it: begun they count for nothing, confirmed they outlive it.
        assert!(
            database
                .begin_second_factor(anna.id, b"x".to_vec())
                .await
                .unwrap()
        );
        assert!(!database.use_second_factor_step(anna.id, 1000).await.unwrap());
        assert_eq!(database.codes_since(anna.id).await.unwrap(), None);
        let confirmed = NewSecondFactor {
            user_id: anna.id,
            secret: b"x".to_vec(),
            step: 100,
            recovery_code_hashes: vec![[3; 32]],
            kept_session: [1; 32],
        };
        assert!(database.confirm_second_factor(confirmed).await.unwrap());
        assert!(database.codes_since(anna.id).await.unwrap().is_some());
        assert!(!database.remove_passkey(boris.id, first.id, None).await.unwrap());
        assert!(database.remove_passkey(anna.id, first.id, None).await.unwrap());
        assert!(has_second_factor(database, &anna).await);
        assert_eq!(database.recovery_codes_left(anna.id).await.unwrap(), 1);
        assert!(database.session([1; 32], idle).await.unwrap().is_none());
        let again = added(database, &anna, 7).await;
        assert!(database.remove_codes(anna.id, [1; 32]).await.unwrap());
        assert!(has_second_factor(database, &anna).await);
        assert!(database.remove_passkey(anna.id, again.id, None).await.unwrap());
        assert!(!has_second_factor(database, &anna).await);
        assert_eq!(database.recovery_codes_left(anna.id).await.unwrap(), 0);
    });
}

#[test]
fn a_use_counts_up_or_does_not_count_at_all() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        // One who may not be disabled.
        user(database, "boss", Roles::of(&[Role::Administrator])).await;
        let passkey = added(database, &anna, 7).await;
        for (counter, is_taken) in [
            (0, true),
            (0, true),
            (5, true),
            (5, false),
            (4, false),
            (0, false),
            (6, true),
        ] {
            let used = database.use_passkey(passkey.id, counter).await.unwrap();
            assert_eq!(used, is_taken, "{counter}");
        }
        let listed = database.list_passkeys(anna.id).await.unwrap();
        assert_eq!(listed[0].credential.counter, 6);
        assert!(listed[0].last_used_at.is_some());
        for id in 8..8 + u8::try_from(MOST_PASSKEYS).unwrap() - 1 {
            added(database, &anna, id).await;
        }
        assert_eq!(add(database, &anna, 200).await, AddedPasskey::TooMany);

        // Disabled, an account has none, and enabled again neither.
        for disabled in [true, false] {
            let change = UserChange {
                display_name: "Anna".to_owned(),
                roles: CLINICIAN,
                disabled,
            };
            database.update_user(anna.id, change, None).await.unwrap();
            assert!(database.list_passkeys(anna.id).await.unwrap().is_empty());
        }
        assert!(!has_second_factor(database, &anna).await);
        // With an account its passkeys go.
        added(database, &anna, 7).await;
        assert!(database.delete_user(anna.id).await.unwrap());
        assert_eq!(database.passkey_of_credential(vec![7; 16]).await.unwrap(), None);
    });
}

#[test]
fn a_challenge_is_taken_once_and_nobody_has_many() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let ceremony = |id: u8, counted_by: u8, seconds: i64| PasskeyCeremony {
            id_hash: [id; 32],
            purpose: "sign_in".to_owned(),
            user_id: None,
            link_hash: Some([9; 32]),
            state: "{}".to_owned(),
            counted_by: [counted_by; 32],
            expires_at: Utc::now() + TimeDelta::seconds(seconds),
        };
        let keep = async |kept| database.create_passkey_ceremony(kept).await.unwrap();
        let take = async |id: u8| database.take_passkey_ceremony([id; 32]).await.unwrap();
        keep(ceremony(1, 1, 60)).await;
        let taken = take(1).await.unwrap();
        assert_eq!(
            (taken.purpose.as_str(), taken.link_hash),
            ("sign_in", Some([9; 32]))
        );
        assert_eq!(take(1).await, None);
        keep(ceremony(2, 1, -1)).await;
        assert_eq!(take(2).await, None, "it has run out");
        // A new one of the same browser takes the place of the one before.
        keep(ceremony(3, 1, 60)).await;
        keep(PasskeyCeremony {
            state: "again".to_owned(),
            ..ceremony(3, 1, 60)
        })
        .await;
        assert_eq!(take(3).await.unwrap().state, "again");
        // Beyond so many of one address the oldest is forgotten, and none of another's.
        keep(ceremony(250, 2, 30)).await;
        for id in 10..75 {
            keep(ceremony(id, 1, 60 + i64::from(id))).await;
        }
        assert_eq!(take(10).await, None);
        assert!(take(11).await.is_some());
        assert!(take(74).await.is_some());
        assert!(take(250).await.is_some());
    });
}
