//! Second factors: begun, confirmed, each code once, and taken away.

use chrono::TimeDelta;
use norma_database::{NewSecondFactor, NewSession, SessionMethod, SessionOrigin};

use tokio::task::JoinSet;

use crate::identity::{CLINICIAN, session, user};
use crate::sides::on_both_sides;

fn confirmed(user: &norma_database::User, secret: &[u8]) -> NewSecondFactor {
    NewSecondFactor {
        user_id: user.id,
        secret: secret.to_vec(),
        step: 100,
        recovery_code_hashes: vec![[1; 32], [2; 32]],
        kept_session: [1; 32],
    }
}

#[test]
fn a_second_factor_counts_once_its_first_code_came() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        session(database, &anna, 1, TimeDelta::hours(1)).await;
        session(database, &anna, 2, TimeDelta::hours(1)).await;
        let idle = TimeDelta::hours(1);
        assert!(
            !database
                .confirm_second_factor(confirmed(&anna, b"none"))
                .await
                .unwrap()
        );
        assert!(
            database
                .begin_second_factor(anna.id, b"first".to_vec())
                .await
                .unwrap()
        );
        assert!(
            database
                .begin_second_factor(anna.id, b"second".to_vec())
                .await
                .unwrap()
        );
        let secret = database.second_factor_secret(anna.id).await.unwrap();
        assert_eq!(secret.as_deref(), Some(b"second".as_slice()));
        // A code of the secret that was replaced confirms nothing.
        assert!(
            !database
                .confirm_second_factor(confirmed(&anna, b"first"))
                .await
                .unwrap()
        );
        let before = database.user(anna.id).await.unwrap().unwrap();
        assert_eq!(before.second_factor_at, None);
        let (one, other) = tokio::join!(
            database.confirm_second_factor(confirmed(&anna, b"second")),
            database.confirm_second_factor(confirmed(&anna, b"second")),
        );
        assert_ne!(one.unwrap(), other.unwrap(), "of two at once one");
        let after = database.session([1; 32], idle).await.unwrap().unwrap().user;
        assert!(after.second_factor_at.is_some());
        assert!(database.session([2; 32], idle).await.unwrap().is_none());
        assert!(
            !database
                .begin_second_factor(anna.id, b"third".to_vec())
                .await
                .unwrap()
        );

        assert!(database.remove_codes(anna.id, [1; 32]).await.unwrap());
        assert!(!database.remove_second_factor(anna.id).await.unwrap());
        let left = database.user(anna.id).await.unwrap().unwrap();
        assert_eq!(left.second_factor_at, None);
        assert_eq!(database.second_factor_secret(anna.id).await.unwrap(), None);
        assert_eq!(database.recovery_codes_left(anna.id).await.unwrap(), 0);
        assert!(database.session([1; 32], idle).await.unwrap().is_some());
        let nobody = norma_domain::UserId::generate();
        assert!(!database.begin_second_factor(nobody, b"x".to_vec()).await.unwrap());
    });
}

#[test]
fn each_code_is_used_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        let boris = user(database, "boris", CLINICIAN).await;
        assert!(
            database
                .begin_second_factor(anna.id, b"secret".to_vec())
                .await
                .unwrap()
        );
        assert!(
            !database
                .renew_recovery_codes(anna.id, vec![[9; 32]])
                .await
                .unwrap()
        );
        assert!(
            database
                .confirm_second_factor(confirmed(&anna, b"secret"))
                .await
                .unwrap()
        );
        // The one that confirmed it, and all before.
        for step in [99, 100] {
            assert!(!database.use_second_factor_step(anna.id, step).await.unwrap());
        }
        let mut burst = JoinSet::new();
        for _ in 0..8 {
            let (database, id) = (database.clone(), anna.id);
            burst.spawn(async move { database.use_second_factor_step(id, 101).await.unwrap() });
        }
        let used = burst.join_all().await;
        assert_eq!(used.into_iter().filter(|used| *used).count(), 1);
        assert!(database.use_second_factor_step(anna.id, 102).await.unwrap());
        assert!(!database.use_second_factor_step(boris.id, 103).await.unwrap());

        assert!(!database.use_recovery_code(boris.id, [1; 32]).await.unwrap());
        let mut burst = JoinSet::new();
        for _ in 0..8 {
            let (database, id) = (database.clone(), anna.id);
            burst.spawn(async move { database.use_recovery_code(id, [1; 32]).await.unwrap() });
        }
        let used = burst.join_all().await;
        assert_eq!(used.into_iter().filter(|used| *used).count(), 1);
        assert_eq!(database.recovery_codes_left(anna.id).await.unwrap(), 1);
        assert!(
            database
                .renew_recovery_codes(anna.id, vec![[3; 32]])
                .await
                .unwrap()
        );
        assert!(!database.use_recovery_code(anna.id, [2; 32]).await.unwrap());
        assert!(database.use_recovery_code(anna.id, [3; 32]).await.unwrap());
    });
}

#[test]
fn a_session_tells_when_its_owner_was_asked_last() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        let idle = TimeDelta::hours(1);
        session(database, &anna, 1, idle).await;
        let begun = database.session([1; 32], idle).await.unwrap().unwrap();
        assert_eq!(begun.verified_at, begun.created_at);
        let at_the_issuer = begun.created_at - TimeDelta::minutes(7);
        let new = NewSession {
            token_hash: [2; 32],
            user_id: anna.id,
            method: SessionMethod::OpenId,
            origin: SessionOrigin::default(),
            id_token: None,
            expires_at: begun.expires_at,
            verified_at: Some(at_the_issuer),
        };
        database.create_session(new).await.unwrap();
        let later = database.session([2; 32], idle).await.unwrap().unwrap();
        assert_eq!(later.verified_at, at_the_issuer);
    });
}

#[test]
fn whose_link_it_is_can_be_asked_without_using_it_up() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let anna = user(database, "anna", CLINICIAN).await;
        let tomorrow = chrono::Utc::now() + TimeDelta::days(1);
        database
            .create_one_time_token([1; 32], anna.id, tomorrow)
            .await
            .unwrap();
        for _ in 0..2 {
            let whose = database.user_of_one_time_token([1; 32]).await.unwrap();
            assert_eq!(whose.unwrap().id, anna.id);
        }
        assert!(database.redeem_one_time_token([1; 32]).await.unwrap().is_some());
        assert_eq!(database.user_of_one_time_token([1; 32]).await.unwrap(), None);
        let yesterday = chrono::Utc::now() - TimeDelta::days(1);
        database
            .create_one_time_token([2; 32], anna.id, yesterday)
            .await
            .unwrap();
        assert_eq!(database.user_of_one_time_token([2; 32]).await.unwrap(), None);
    });
}
