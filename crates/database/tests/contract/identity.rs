//! Accounts, sessions, links, keys, failed sign-ins.

use chrono::{TimeDelta, Utc};
use norma_database::{
    Database, DatabaseError, NewApiKey, NewScan, NewSession, NewUser, OpenIdAttempt, OwnedObjectId, Owner,
    Page, ScanIdentity, ScanQuery, SessionMethod, SessionOrigin, SignInBackoff, User, UserChange,
};
use norma_domain::{Role, Roles, ScanId};

use crate::builders::requested;
use crate::sides::on_both_sides;

pub(crate) const ADMINISTRATOR: Roles = Roles::of(&[Role::Administrator]);
pub(crate) const CLINICIAN: Roles = Roles::of(&[Role::Clinician]);

pub(crate) async fn user(database: &Database, login: &str, roles: Roles) -> User {
    let new = NewUser {
        login: login.to_owned(),
        display_name: "Анна Петрова".to_owned(),
        roles,
        openid: None,
    };
    database.create_user(new).await.unwrap()
}

fn change(roles: Roles, disabled: bool) -> UserChange {
    UserChange {
        display_name: "Anna".to_owned(),
        roles,
        disabled,
    }
}

pub(crate) async fn session(database: &Database, user: &User, token: u8, lives: TimeDelta) {
    let new = NewSession {
        token_hash: [token; 32],
        user_id: user.id,
        method: SessionMethod::Password,
        origin: SessionOrigin {
            browser: "Firefox".to_owned(),
            system: "Linux".to_owned(),
            address: format!("192.0.2.{token}"),
        },
        id_token: (token > 100).then(|| "of the issuer".to_owned()),
        expires_at: Utc::now() + lives,
        verified_at: None,
    };
    database.create_session(new).await.unwrap();
}

#[test]
fn accounts_are_found_by_login_whatever_its_case() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let made = user(database, "Анна.P", CLINICIAN).await;
        assert_eq!(made.login, "анна.p");
        assert_eq!(database.user(made.id).await.unwrap(), Some(made.clone()));
        assert_eq!(database.user_of_login(" АННА.p ").await.unwrap(), Some(made));
        assert_eq!(database.user_of_login("anna").await.unwrap(), None);
        let taken = database
            .create_user(NewUser {
                login: "анна.P".to_owned(),
                display_name: String::new(),
                roles: CLINICIAN,
                openid: None,
            })
            .await;
        assert!(
            matches!(taken, Err(DatabaseError::UniqueViolation { .. })),
            "{taken:?}"
        );
        assert_eq!(database.list_users(Page::default()).await.unwrap().total, 1);
    });
}

#[test]
fn an_administrator_always_remains() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = user(database, "first", ADMINISTRATOR).await;
        let last = |outcome: Result<(), DatabaseError>| {
            assert!(
                matches!(outcome, Err(DatabaseError::LastAdministrator)),
                "{outcome:?}"
            );
        };
        last(
            database
                .update_user(first.id, change(CLINICIAN, false), None)
                .await
                .map(drop),
        );
        last(
            database
                .update_user(first.id, change(ADMINISTRATOR, true), None)
                .await
                .map(drop),
        );
        last(database.delete_user(first.id).await.map(drop));
        assert_eq!(
            database.user(first.id).await.unwrap(),
            Some(first.clone()),
            "rolled back"
        );

        let second = user(database, "second", ADMINISTRATOR).await;
        assert_eq!(database.administrators().await.unwrap().len(), 2);
        // Both are removed at once: one of the two is refused.
        let (one, other) = tokio::join!(database.delete_user(first.id), database.delete_user(second.id));
        assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
        assert_eq!(database.administrators().await.unwrap().len(), 1);
    });
}

#[test]
fn a_session_lives_as_long_as_its_account_and_its_clocks_allow() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let idle = TimeDelta::hours(1);
        let user = user(database, "anna", CLINICIAN).await;
        session(database, &user, 1, TimeDelta::hours(1)).await;
        let found = database.session([1; 32], idle).await.unwrap().unwrap();
        assert_eq!((found.user.id, found.method), (user.id, SessionMethod::Password));
        assert!(found.user.last_sign_in_at.is_some());
        assert!(database.session([9; 32], idle).await.unwrap().is_none());
        assert!(
            database
                .session([1; 32], TimeDelta::zero())
                .await
                .unwrap()
                .is_none(),
            "idle for too long"
        );
        database.touch_session([1; 32]).await.unwrap();
        let later = database.session([1; 32], idle).await.unwrap().unwrap();
        assert!(later.last_seen_at >= found.last_seen_at);

        session(database, &user, 2, TimeDelta::seconds(-1)).await;
        assert!(
            database.session([2; 32], idle).await.unwrap().is_none(),
            "expired"
        );
        let ended = database.delete_session([1; 32]).await.unwrap().unwrap();
        assert_eq!((ended.method, ended.id_token), (SessionMethod::Password, None));
        assert_eq!(database.delete_session([1; 32]).await.unwrap(), None);
        session(database, &user, 101, TimeDelta::hours(1)).await;
        let ended = database.delete_session([101; 32]).await.unwrap().unwrap();
        assert_eq!(ended.id_token.as_deref(), Some("of the issuer"));

        session(database, &user, 3, TimeDelta::hours(1)).await;
        database
            .set_password(user.id, "$argon2id$…".to_owned())
            .await
            .unwrap();
        assert!(
            database.session([3; 32], idle).await.unwrap().is_none(),
            "a new password"
        );
        crate::identity::user(database, "other", ADMINISTRATOR).await;
        for (token, change) in [(4, change(Roles::NONE, false)), (5, change(Roles::NONE, true))] {
            session(database, &user, token, TimeDelta::hours(1)).await;
            database
                .update_user(user.id, change, None)
                .await
                .unwrap()
                .unwrap();
            assert!(database.session([token; 32], idle).await.unwrap().is_none());
        }
        assert!(database.delete_user(user.id).await.unwrap());
    });
}

#[test]
fn a_link_works_once_and_the_newest_alone() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let user = user(database, "anna", ADMINISTRATOR).await;
        let soon = Utc::now() + TimeDelta::hours(1);
        database
            .create_one_time_token([1; 32], user.id, soon)
            .await
            .unwrap();
        database
            .create_one_time_token([2; 32], user.id, soon)
            .await
            .unwrap();
        assert_eq!(database.redeem_one_time_token([1; 32]).await.unwrap(), None);
        let (one, other) = tokio::join!(
            database.redeem_one_time_token([2; 32]),
            database.redeem_one_time_token([2; 32])
        );
        let redeemed: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
        assert_eq!(redeemed, std::slice::from_ref(&user));
        let before = Utc::now() - TimeDelta::seconds(1);
        database
            .create_one_time_token([3; 32], user.id, before)
            .await
            .unwrap();
        assert_eq!(database.redeem_one_time_token([3; 32]).await.unwrap(), None);
    });
}

#[test]
fn a_key_is_valid_until_it_is_revoked_or_expires() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let new = |byte: u8, expires_at| NewApiKey {
            name: "pacs".to_owned(),
            scope: "pacs".to_owned(),
            roles: Roles::of(&[Role::Integrator]),
            secret_hash: [byte; 32],
            prefix: "norma_abcdef".to_owned(),
            created_by: "boss".to_owned(),
            expires_at,
            made_by_user: None,
            needs_confirmation: false,
            allowed_addresses: Vec::new(),
        };
        let key = database.create_api_key(new(1, None)).await.unwrap();
        assert_eq!(database.valid_api_key([1; 32]).await.unwrap(), Some(key.clone()));
        assert_eq!(database.valid_api_key([2; 32]).await.unwrap(), None);
        database.touch_api_key(key.id).await.unwrap();
        let used = database.valid_api_key([1; 32]).await.unwrap().unwrap();
        assert!(used.last_used_at.is_some());
        let revoked = database.revoke_api_key(key.id).await.unwrap().unwrap();
        assert!(revoked.revoked_at.is_some());
        assert_eq!(database.revoke_api_key(key.id).await.unwrap(), Some(revoked));
        assert_eq!(database.valid_api_key([1; 32]).await.unwrap(), None);
        let past = Utc::now() - TimeDelta::seconds(1);
        database.create_api_key(new(3, Some(past))).await.unwrap();
        assert_eq!(database.valid_api_key([3; 32]).await.unwrap(), None);
        assert_eq!(database.list_api_keys(Page::default()).await.unwrap().total, 2);
    });
}

#[test]
fn failures_block_and_a_success_clears() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let backoff = SignInBackoff {
            free_failures: 1,
            first_pause: TimeDelta::hours(1),
            longest_pause: TimeDelta::hours(1),
        };
        let attempt = async || database.begin_sign_in([1; 32], backoff).await.unwrap();
        assert_eq!(attempt().await, None);
        assert_eq!(attempt().await, None);
        assert!(attempt().await.is_some_and(|until| until > Utc::now()));
        assert_eq!(
            database.begin_sign_in([2; 32], backoff).await.unwrap(),
            None,
            "another login"
        );
        database.forget_sign_in_failures([1; 32]).await.unwrap();
        assert_eq!(attempt().await, None);
    });
}

#[test]
fn of_a_burst_of_attempts_no_more_pass_than_may() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let backoff = SignInBackoff {
            free_failures: 5,
            first_pause: TimeDelta::minutes(10),
            longest_pause: TimeDelta::minutes(10),
        };
        let attempts: Vec<_> = (0..30)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move { database.begin_sign_in([7; 32], backoff).await.unwrap() })
            })
            .collect();
        let mut passed = 0;
        for attempt in attempts {
            passed += usize::from(attempt.await.unwrap().is_none());
        }
        assert_eq!(
            passed, 6,
            "those that are free, and the one that begins the pause"
        );
    });
}

#[test]
fn where_a_login_has_signed_in_from_is_remembered() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert!(!database.is_known_sign_in_source([3; 32]).await.unwrap());
        for _ in 0..2 {
            database.note_sign_in_source([3; 32]).await.unwrap();
        }
        assert!(database.is_known_sign_in_source([3; 32]).await.unwrap());
        assert!(!database.is_known_sign_in_source([4; 32]).await.unwrap());
    });
}

#[test]
fn a_key_without_a_scope_has_one_of_its_own() {
    on_both_sides(|side| async move {
        let new = |byte: u8| NewApiKey {
            name: "pacs".to_owned(),
            scope: String::new(),
            roles: Roles::of(&[Role::Integrator]),
            secret_hash: [byte; 32],
            prefix: "norma_x".to_owned(),
            created_by: "test".to_owned(),
            expires_at: None,
            made_by_user: None,
            needs_confirmation: false,
            allowed_addresses: Vec::new(),
        };
        let one = side.database.create_api_key(new(1)).await.unwrap();
        let two = side.database.create_api_key(new(2)).await.unwrap();
        assert_eq!(one.scope, one.id.to_string());
        assert_ne!(one.scope, two.scope);
    });
}

#[test]
fn an_openid_attempt_is_taken_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let attempt = |byte: u8, lives| OpenIdAttempt {
            state_hash: [byte; 32],
            nonce: "n".to_owned(),
            pkce_verifier: "v".to_owned(),
            return_to: "/studies".to_owned(),
            expires_at: chrono::SubsecRound::trunc_subsecs(Utc::now() + lives, 6),
        };
        let fresh = attempt(1, TimeDelta::minutes(5));
        database.create_openid_attempt(fresh.clone()).await.unwrap();
        assert_eq!(database.take_openid_attempt([1; 32]).await.unwrap(), Some(fresh));
        assert_eq!(database.take_openid_attempt([1; 32]).await.unwrap(), None);
        database
            .create_openid_attempt(attempt(2, TimeDelta::seconds(-1)))
            .await
            .unwrap();
        assert_eq!(database.take_openid_attempt([2; 32]).await.unwrap(), None);
    });
}

#[test]
fn a_scan_and_its_analyses_belong_to_who_uploaded_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let pacs = Owner::Scope("pacs".to_owned());
        let id = ScanId::generate();
        let new = NewScan {
            id,
            patient_id: None,
            description: String::new(),
            file_name: "a.zip".to_owned(),
            sha256: "ab".repeat(32),
            size_bytes: 1,
            object_key: format!("originals/{id}"),
            owner: Some(pacs.clone()),
            identity: ScanIdentity::default(),
            study_uid: None,
            request: None,
        };
        database.create_scan(new).await.unwrap();
        let analysis = crate::builders::request(database, id).await.analysis;
        for object in [OwnedObjectId::Scan(id), OwnedObjectId::Analysis(analysis.id)] {
            let found = database.owned_object(object).await.unwrap().unwrap();
            assert_eq!(found.scan_id, Some(id));
            assert!(found.belongs_to(&pacs));
            assert!(!found.belongs_to(&Owner::Scope("ris".to_owned())));
        }
        let nobodys = requested(database).await;
        let found = database.owned_object(OwnedObjectId::Analysis(nobodys.id)).await;
        assert!(!found.unwrap().unwrap().belongs_to(&pacs));
        let unknown = OwnedObjectId::Scan(ScanId::generate());
        assert_eq!(database.owned_object(unknown).await.unwrap(), None);
        let own = database
            .list_scans(
                ScanQuery {
                    owner: Some(pacs),
                    ..ScanQuery::default()
                },
                Page::default(),
            )
            .await
            .unwrap();
        assert_eq!((own.total, own.items[0].id), (1, id));
        assert_eq!(
            database
                .list_scans(ScanQuery::default(), Page::default())
                .await
                .unwrap()
                .total,
            2
        );
    });
}
