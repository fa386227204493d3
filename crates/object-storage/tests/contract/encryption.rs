//! Encrypted objects: what lies in the storage, keys that are missing or others, damage, and keys in turn.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use norma_domain::{AnalysisId, ScanId};
use norma_encryption::{CHUNK_BYTES, HEADER_BYTES, KeyError, KeyRing};
use norma_object_storage::{Encryption, ObjectError, ObjectKey, Objects};

use crate::sides::{encryption, on_both_sides, ring};

const CHUNK: u64 = CHUNK_BYTES as u64;

/// A folder with its objects as one that encrypts sees them.
struct Folder {
    folder: tempfile::TempDir,
    objects: Objects,
}

impl Folder {
    fn new(keys: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::folder(folder.path()).unwrap();
        Self {
            objects: objects.encrypted(encryption(keys)),
            folder,
        }
    }

    fn plain(&self) -> Objects {
        Objects::folder(self.folder.path()).unwrap()
    }

    fn with(&self, keys: &[&str]) -> Objects {
        self.plain().encrypted(encryption(keys))
    }

    fn file(&self, key: ObjectKey) -> PathBuf {
        self.folder.path().join(Path::new(&key.to_string()))
    }
}

fn content(bytes: usize) -> Bytes {
    (0..bytes).map(|byte| (byte * 7 % 251) as u8).collect()
}

async fn put_stream(objects: &Objects, key: ObjectKey, content: &Bytes) {
    let parts: Vec<_> = content
        .chunks(1_000_003)
        .map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part)))
        .collect();
    let stored = objects
        .put_stream(key, stream::iter(parts), u64::MAX)
        .await
        .unwrap();
    assert_eq!(stored.size_bytes, content.len() as u64);
}

#[test]
fn every_range_of_every_length_is_what_was_stored() {
    on_both_sides(|side| async move {
        let objects = &side.objects;
        for length in [
            0,
            1,
            HEADER_BYTES - 1,
            HEADER_BYTES,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
            9 << 20,
        ] {
            let content = content(length);
            let size = length as u64;
            let whole = ObjectKey::Original(ScanId::generate());
            put_stream(objects, whole, &content).await;
            let put = ObjectKey::PreparedVolume(AnalysisId::generate());
            objects.put(put, content.clone()).await.unwrap();
            for key in [whole, put] {
                let name = format!("{length} bytes on {}", side.name);
                assert_eq!(objects.size(key).await.unwrap(), Some(size), "{name}");
                assert!(objects.get(key).await.unwrap() == content, "{name}");
                let stream = objects.get_stream(key, None).await.unwrap();
                assert_eq!((stream.size_bytes, stream.range), (size, 0..size));
                let parts: Vec<Bytes> = stream.bytes.try_collect().await.unwrap();
                assert!(parts.concat() == content, "{name}");
                for range in [
                    0..1,
                    0..size,
                    size.saturating_sub(1)..size,
                    CHUNK - 1..CHUNK + 1,
                    CHUNK..2 * CHUNK,
                    CHUNK - 1..2 * CHUNK + 1,
                ] {
                    let got = objects.get_range(key, range.clone()).await;
                    if range.is_empty() || range.end > size {
                        assert!(
                            matches!(got, Err(ObjectError::RangeOutside { .. })),
                            "{range:?} of {name}: {got:?}"
                        );
                    } else {
                        let (start, end) = (range.start as usize, range.end as usize);
                        assert!(got.unwrap() == content[start..end], "{range:?} of {name}");
                    }
                }
            }
        }
    });
}

#[tokio::test]
async fn nothing_of_an_object_lies_open_in_the_storage() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    let content = Bytes::from("PatientName Ivan Ivanov ".repeat(10_000));
    put_stream(&folder.objects, key, &content).await;
    let other = ObjectKey::Original(ScanId::generate());
    put_stream(&folder.objects, other, &content).await;
    let (stored, of_other) = (
        std::fs::read(folder.file(key)).unwrap(),
        std::fs::read(folder.file(other)).unwrap(),
    );
    assert!(stored.len() > content.len());
    assert!(!stored.windows(6).any(|part| part == b"Ivanov"));
    // The same content twice has nothing in common but the mark.
    assert_ne!(stored[HEADER_BYTES..][..64], of_other[HEADER_BYTES..][..64]);
    assert_eq!(folder.objects.key_id(key).await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn what_was_stored_before_stays_readable_until_that_is_refused() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    put_stream(&folder.plain(), key, &content(200_000)).await;
    assert!(folder.objects.get(key).await.unwrap() == content(200_000));
    assert!(folder.objects.get_range(key, 5..70_000).await.unwrap() == content(200_000)[5..70_000]);
    assert_eq!(folder.objects.key_id(key).await.unwrap(), None);

    let strict = folder.plain().encrypted(Encryption {
        accepts_plain: false,
        ..encryption(&["1"])
    });
    for refused in [
        strict.get(key).await.map(drop),
        strict.get_range(key, 0..1).await.map(drop),
        strict.get_stream(key, None).await.map(drop),
        strict.get_stream(key, Some(1..2)).await.map(drop),
        strict.size(key).await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(ObjectError::NotEncrypted(_))),
            "{refused:?}"
        );
    }
    // It can be brought in all the same.
    assert!(strict.encrypt_again(key).await.unwrap());
    assert!(strict.get(key).await.unwrap() == content(200_000));
}

#[tokio::test]
async fn a_key_that_is_missing_or_another_is_told_and_never_not_found() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    put_stream(&folder.objects, key, &content(200_000)).await;
    let another = folder.plain().encrypted(Encryption {
        keys: Arc::new(KeyRing::parse(&KeyRing::new_line("1").unwrap()).unwrap()),
        accepts_plain: true,
    });
    type Fits = fn(&KeyError) -> bool;
    let cases: [(&str, Objects, Fits); 3] = [
        ("none", folder.plain(), |error| matches!(error, KeyError::NoKeys)),
        (
            "others",
            folder.with(&["2"]),
            |error| matches!(error, KeyError::Unknown { key_id } if key_id == "1"),
        ),
        (
            "another of that id",
            another,
            |error| matches!(error, KeyError::DoesNotFit { key_id } if key_id == "1"),
        ),
    ];
    for (name, objects, fits) in cases {
        let file = folder.folder.path().join("copy");
        for refused in [
            objects.get(key).await.map(drop),
            objects.get_range(key, 3..9).await.map(drop),
            objects.get_stream(key, None).await.map(drop),
            objects.get_stream(key, Some(70_000..70_001)).await.map(drop),
            objects.get_to_file(key, &file).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert!(
                matches!(&error, ObjectError::Key { key: of, source } if *of == key && fits(source)),
                "{name}: {error:?}"
            );
            assert!(!file.exists());
        }
        // That it is there, and how long it is, needs no key.
        assert_eq!(objects.size(key).await.unwrap(), Some(200_000), "{name}");
        assert!(objects.exists(key).await.unwrap());
    }
}

#[tokio::test]
async fn damage_is_detected_wherever_it_is() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    let content = content(3 * CHUNK_BYTES + 100);
    put_stream(&folder.objects, key, &content).await;
    let whole = std::fs::read(folder.file(key)).unwrap();
    let chunk = CHUNK_BYTES + 16;
    let moved = {
        let mut moved = whole.clone();
        moved[HEADER_BYTES..HEADER_BYTES + 2 * chunk].rotate_left(chunk);
        moved
    };
    let flipped = |at: usize| {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        flipped
    };
    for (name, stored) in [
        ("a bit of the wrapped key", flipped(30)),
        ("a bit of the first chunk", flipped(HEADER_BYTES + 5)),
        ("a bit of a tag", flipped(HEADER_BYTES + chunk - 1)),
        ("a bit of the last chunk", flipped(whole.len() - 1)),
        ("two chunks changed places", moved),
        (
            "the last chunk cut off",
            whole[..HEADER_BYTES + 3 * chunk].to_vec(),
        ),
        ("cut in a chunk", whole[..HEADER_BYTES + chunk + 50].to_vec()),
        ("cut in the header", whole[..100].to_vec()),
        ("nothing but the header", whole[..HEADER_BYTES].to_vec()),
        ("more behind it", [whole.as_slice(), b"more"].concat()),
        ("an id that is none", flipped(9)),
    ] {
        std::fs::write(folder.file(key), &stored).unwrap();
        let file = folder.folder.path().join("copy");
        let objects = &folder.objects;
        for refused in [
            objects.get(key).await.map(drop),
            objects.get_to_file(key, &file).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, ObjectError::Damaged(_) | ObjectError::Key { .. }),
                "{name}: {error:?}"
            );
        }
        assert!(!file.exists(), "{name}");
    }
    // A range reads no more than its chunks: damage beside it does not touch it.
    std::fs::write(folder.file(key), flipped(HEADER_BYTES + 5)).unwrap();
    let beside = folder.objects.get_range(key, CHUNK..CHUNK + 10).await.unwrap();
    assert!(beside == content[CHUNK_BYTES..CHUNK_BYTES + 10]);
    let within = folder.objects.get_range(key, CHUNK - 1..CHUNK + 10).await;
    assert!(matches!(within, Err(ObjectError::Damaged(_))), "{within:?}");
}

#[tokio::test]
async fn an_object_in_the_place_of_another_does_not_open() {
    let folder = Folder::new(&["1"]);
    let (mine, anothers) = (
        ObjectKey::Original(ScanId::generate()),
        ObjectKey::Original(ScanId::generate()),
    );
    put_stream(&folder.objects, mine, &content(100)).await;
    put_stream(&folder.objects, anothers, &content(200)).await;
    std::fs::copy(folder.file(anothers), folder.file(mine)).unwrap();
    let error = folder.objects.get(mine).await.unwrap_err();
    assert!(
        matches!(
            error,
            ObjectError::Key {
                source: KeyError::DoesNotFit { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn keys_take_turns_and_old_ones_can_go() {
    let folder = Folder::new(&["1"]);
    let (old, plain, new) = (
        ObjectKey::Original(ScanId::generate()),
        ObjectKey::PreparedSlices(AnalysisId::generate()),
        ObjectKey::Original(ScanId::generate()),
    );
    put_stream(&folder.objects, old, &content(300_000)).await;
    folder.plain().put(plain, content(10)).await.unwrap();
    let both = folder.with(&["2", "1"]);
    put_stream(&both, new, &content(20)).await;
    assert!(both.get(old).await.unwrap() == content(300_000));

    for (key, was_needed) in [(old, true), (plain, true), (new, false), (old, false)] {
        assert_eq!(both.encrypt_again(key).await.unwrap(), was_needed, "{key}");
        assert_eq!(both.key_id(key).await.unwrap().as_deref(), Some("2"));
    }
    let alone = folder.with(&["2"]);
    for (key, length) in [(old, 300_000), (plain, 10), (new, 20)] {
        assert!(alone.get(key).await.unwrap() == content(length), "{key}");
    }
    let all: Vec<ObjectKey> = alone.keys_of_all().try_collect().await.unwrap();
    assert_eq!(all.len(), 3);
}

/// The key of what is there is missing, or it is damaged: it stays as it was.
#[tokio::test]
async fn what_cannot_be_opened_is_not_stored_again() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    put_stream(&folder.objects, key, &content(300_000)).await;
    let error = folder.with(&["2"]).encrypt_again(key).await.unwrap_err();
    assert!(matches!(error, ObjectError::Key { .. }), "{error:?}");
    let mut stored = std::fs::read(folder.file(key)).unwrap();
    let last = stored.len() - 1;
    stored[last] ^= 1;
    std::fs::write(folder.file(key), &stored).unwrap();
    let error = folder.with(&["2", "1"]).encrypt_again(key).await.unwrap_err();
    assert!(matches!(error, ObjectError::Damaged(_)), "{error:?}");
    assert!(std::fs::read(folder.file(key)).unwrap() == stored);
    assert!(folder.plain().encrypt_again(key).await.is_err());
}

/// Set aside and taken back, it opens: the key is bound to the object, not to where it lies meanwhile.
#[tokio::test]
async fn an_object_that_was_set_aside_opens_again() {
    let folder = Folder::new(&["1"]);
    let key = ObjectKey::Original(ScanId::generate());
    put_stream(&folder.objects, key, &content(100)).await;
    let day = "2026-11-28".parse().unwrap();
    folder.objects.set_aside(key, day).await.unwrap();
    let aside: Vec<_> = folder.objects.list_set_aside().collect().await;
    let aside = aside.into_iter().next().unwrap().unwrap();
    folder.objects.take_back(aside).await.unwrap();
    assert!(folder.objects.get(key).await.unwrap() == content(100));
}

/// While one reads ranges, others store the object again, each time with another key: every answer is whole.
#[test]
fn ranges_are_right_while_the_object_is_stored_again() {
    on_both_sides(|side| async move {
        let key = ObjectKey::PreparedVolume(AnalysisId::generate());
        let content = content(4 * CHUNK_BYTES);
        side.objects.put(key, content.clone()).await.unwrap();
        let writing = {
            let (objects, content) = (side.objects.clone(), content.clone());
            tokio::spawn(async move {
                for _ in 0..20 {
                    objects.put(key, content.clone()).await.unwrap();
                }
            })
        };
        let mut read = 0;
        while !writing.is_finished() {
            match side.objects.get_range(key, CHUNK - 5..CHUNK + 5).await {
                Ok(got) => assert!(got == content[CHUNK_BYTES - 5..CHUNK_BYTES + 5]),
                Err(error) => assert!(error.is_retryable(), "{error:?} on {}", side.name),
            }
            read += 1;
        }
        writing.await.unwrap();
        assert!(read > 0);
    });
}

#[test]
fn a_file_of_keys_says_what_is_wrong_with_it_and_nothing_of_a_key() {
    let line = KeyRing::new_line("1").unwrap();
    let secret = line.split_whitespace().nth(1).unwrap();
    for text in [
        String::new(),
        "# nothing\n".to_owned(),
        secret.to_owned(),
        format!("{line}{line}"),
        format!("1 {}", &secret[1..]),
        format!("two words {secret}"),
        format!("{} {secret}", "x".repeat(65)),
    ] {
        let error = format!("{:?}", KeyRing::parse(&text).unwrap_err());
        assert!(!error.contains(&secret[1..20]), "{error}");
    }
    let shown = format!("{:?}", ring(&["1", "2"]));
    assert_eq!(shown, r#"["1", "2"]"#);
}
