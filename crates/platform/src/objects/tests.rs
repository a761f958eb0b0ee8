//! What is kept, under which name, and what becomes of what is hostile, broken or kept twice.

use futures_util::{TryStreamExt, future::join_all, stream};
use kernel::{Surroundings, id::kind::Organization};
use proptest::prelude::*;

use super::*;
use crate::db::{Db, DbOptions};

fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
}

struct Store {
    objects: Objects,
    folder: tempfile::TempDir,
}

fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    Store { objects: Objects::local(folder.path()).unwrap(), folder }
}

impl Store {
    /// Files of the store, whatever they are.
    fn files(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.path()).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    }
}

#[tokio::test]
async fn what_is_kept_is_named_by_its_content_and_read_back() {
    let store = store();

    let streamed = store.objects.put(chunks(&[b"hello ", b"world"]), 100).await.unwrap();
    let whole = store.objects.put_bytes(Bytes::from_static(b"hello world")).await.unwrap();
    let read = store.objects.put_reader(b"hello world".as_slice(), 11).unwrap();

    assert_eq!((streamed, streamed, streamed.size), (whole, read, 11));
    assert_eq!(streamed.hash.to_string().parse(), Ok(streamed.hash));
    assert_eq!(store.objects.read(&streamed.hash).await.unwrap().unwrap(), "hello world");
    assert_eq!(store.files(), 1, "the same content is kept once");
}

#[tokio::test]
async fn a_large_object_is_read_piece_by_piece() {
    let store = store();
    let content: Bytes = (0..300_000_u32).map(|i| i as u8).collect();
    let kept = store.objects.put_bytes(content.clone()).await.unwrap();

    let opened = store.objects.open(&kept.hash).await.unwrap().unwrap();
    let size = opened.size;
    let pieces: Vec<Bytes> = opened.stream().try_collect().await.unwrap();

    assert_eq!((size, pieces.concat()), (300_000, content.to_vec()));
    assert!(pieces.iter().all(|piece| piece.len() <= CHUNK));
}

#[tokio::test]
async fn a_limit_lets_its_own_size_pass_and_not_a_byte_more() {
    let store = store();

    for limit in [0, 1, 7] {
        let (fits, over) = (vec![1; limit as usize], vec![2; limit as usize + 1]);
        let parts = |content: &[u8]| {
            stream::iter(content.iter().map(|byte| Ok(Bytes::copy_from_slice(&[*byte]))).collect::<Vec<_>>())
        };

        assert_eq!(store.objects.put(parts(&fits), limit).await.unwrap().size, limit);
        assert_eq!(store.objects.put_reader(fits.as_slice(), limit).unwrap().size, limit);
        assert!(
            matches!(store.objects.put(parts(&over), limit).await, Err(ObjectError::TooLarge(l)) if l == limit)
        );
        assert!(
            matches!(store.objects.put_reader(over.as_slice(), limit), Err(ObjectError::TooLarge(l)) if l == limit)
        );
    }
}

#[tokio::test]
async fn what_never_ends_is_refused_at_its_limit() {
    let store = store();
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1024])));

    assert!(matches!(store.objects.put(endless, 1 << 20).await, Err(ObjectError::TooLarge(_))));
    assert!(matches!(store.objects.put_reader(std::io::repeat(0), 1 << 20), Err(ObjectError::TooLarge(_))));
    assert_eq!(store.files(), 0);
}

#[tokio::test]
async fn what_breaks_off_leaves_nothing() {
    let store = store();
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::bad_request("gone"))]);

    let broken_off = store.objects.put(broken, 8).await;

    assert!(matches!(broken_off, Err(ObjectError::Source(_))));
    assert_eq!(store.files(), 0);
}

#[tokio::test]
async fn many_who_keep_the_same_at_once_all_succeed() {
    let store = store();

    let kept = join_all((0..32).map(|_| store.objects.put_bytes(Bytes::from_static(b"same")))).await;

    assert!(kept.into_iter().all(|kept| kept.unwrap().hash == ObjectHash::of(b"same")));
    assert_eq!(store.files(), 1);
}

#[tokio::test]
async fn what_an_earlier_process_left_unfinished_is_removed_and_what_it_kept_stays() {
    let store = store();
    let kept = store.objects.put_bytes(Bytes::from_static(b"kept")).await.unwrap();
    std::fs::write(store.folder.path().join("incoming/half"), "half").unwrap();

    let again = Objects::local(store.folder.path()).unwrap();

    assert_eq!(again.read(&kept.hash).await.unwrap().unwrap(), "kept");
    assert_eq!(store.files(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let store = store();

    assert_eq!(store.objects.read(&ObjectHash([7; 32])).await.unwrap(), None);
    assert!(store.objects.open(&ObjectHash([7; 32])).await.unwrap().is_none());
}

#[tokio::test]
async fn an_organization_has_an_object_once_however_often_it_says_so() {
    let store = store();
    let url = format!("sqlite:{}", store.folder.path().join("t.db").display());
    let db = Db::open(&DbOptions::new(&url)).unwrap();
    db.migrate(crate::migrations()).await.unwrap();
    let org: kernel::Id<Organization> = Surroundings::system().id();
    let stored = Stored { hash: ObjectHash::of(b"x"), size: 1 };

    for _ in 0..2 {
        db.write(org, move |unit| unit.record_object(stored)).await.unwrap();
    }

    let rows = db
        .read(org, |tx| tx.all::<(ObjectHash, u64)>("SELECT hash, size FROM objects WHERE org_id = $1", &[]))
        .await;
    assert_eq!(rows.unwrap(), [(stored.hash, 1)]);
}

#[test]
fn a_name_that_is_no_hash_is_refused() {
    for text in ["", "xyz", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32), "../../../../etc/passwd"] {
        assert_eq!(text.parse::<ObjectHash>(), Err(InvalidHash), "{text}");
    }
}

proptest! {
    #[test]
    fn a_hash_is_read_as_it_is_written(bytes: [u8; 32]) {
        prop_assert_eq!(ObjectHash(bytes).to_string().parse(), Ok(ObjectHash(bytes)));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = text.parse::<ObjectHash>();
    }
}
