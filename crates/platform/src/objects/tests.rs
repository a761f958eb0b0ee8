//! What is kept, under which name, and what becomes of what is hostile, broken or kept twice; in a folder and in a
//! bucket alike.

use futures_util::{TryStreamExt, future::join_all, stream};
use kernel::{Secret, Surroundings, id::kind::Organization};
use proptest::prelude::*;
use test_database::each_database;
use test_servers::S3Server;

use super::*;

fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
}

/// A store under test.
struct Store {
    objects: Objects,
    folder: tempfile::TempDir,
    server: Option<S3Server>,
}

fn bucket_settings(url: String) -> Settings {
    Settings { url: Some(Secret::new(url)), ..Settings::default() }
}

impl Store {
    async fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::connect(&Settings::default(), folder.path()).await.unwrap();
        Self { objects, folder, server: None }
    }

    async fn bucket() -> Self {
        let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
        let objects =
            Objects::connect(&bucket_settings(server.url("some/where")), folder.path()).await.unwrap();
        Self { objects, folder, server: Some(server) }
    }

    /// The same store as the next process finds it.
    async fn opened_again(&self) -> Objects {
        let settings = match &self.server {
            Some(server) => bucket_settings(server.url("some/where")),
            None => Settings::default(),
        };
        Objects::connect(&settings, self.folder.path()).await.unwrap()
    }

    async fn put_reader(
        &self,
        content: impl Read + Send + 'static,
        limit: u64,
    ) -> Result<Stored, ObjectError> {
        let objects = self.objects.clone();
        spawn_blocking(move || objects.put_reader(content, limit)).await.unwrap()
    }

    async fn hashes(&self) -> Vec<ObjectHash> {
        self.objects.list(None).map_ok(|listed| listed.hash).try_collect().await.unwrap()
    }

    /// Contents that lie where they arrive.
    fn incoming(&self) -> usize {
        std::fs::read_dir(&self.objects.0.incoming).unwrap().count()
    }
}

/// Each claim is tested over a folder and over a bucket.
macro_rules! over_both {
    ($($claim:ident,)*) => {
        mod folder {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Store::folder().await).await;
            })*
        }
        mod bucket {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Store::bucket().await).await;
            })*
        }
    };
}

over_both! {
    what_is_kept_is_named_by_its_content_and_read_back,
    a_large_object_is_read_piece_by_piece,
    a_part_is_read_and_ends_where_the_content_does,
    a_limit_lets_its_own_size_pass_and_not_a_byte_more,
    what_never_ends_is_refused_at_its_limit,
    what_breaks_off_leaves_nothing,
    many_who_keep_the_same_at_once_all_succeed,
    what_an_earlier_process_left_unfinished_is_removed_and_what_it_kept_stays,
    what_is_not_there_is_none,
    what_is_deleted_is_gone_and_deleting_it_again_is_fine,
    a_list_has_every_object_in_order_and_goes_on_after_any,
    what_is_kept_again_is_renewed,
    a_content_of_many_parts_is_kept_whole,
}

async fn what_is_kept_is_named_by_its_content_and_read_back(store: Store) {
    let streamed = store.objects.put(chunks(&[b"hello ", b"world"]), 100).await.unwrap();
    let whole = store.objects.put_bytes(Bytes::from_static(b"hello world")).await.unwrap();
    let read = store.put_reader(b"hello world".as_slice(), 11).await.unwrap();

    assert_eq!((streamed, streamed, streamed.size), (whole, read, 11));
    assert_eq!(streamed.hash.to_string().parse(), Ok(streamed.hash));
    assert_eq!(store.objects.read(&streamed.hash).await.unwrap().unwrap(), "hello world");
    assert_eq!(store.hashes().await, [streamed.hash], "the same content is kept once");
    assert!(store.objects.is_writable().await);
}

async fn a_large_object_is_read_piece_by_piece(store: Store) {
    let content: Bytes = (0..300_000_u32).map(|i| i as u8).collect();
    let kept = store.objects.put_bytes(content.clone()).await.unwrap();

    let opened = store.objects.open(&kept.hash).await.unwrap().unwrap();
    let (size, range) = (opened.size, opened.range.clone());
    let pieces: Vec<Bytes> = opened.stream().try_collect().await.unwrap();

    assert_eq!((size, range, pieces.concat()), (300_000, 0..300_000, content.to_vec()));
    assert!(pieces.len() > 1);
}

async fn a_part_is_read_and_ends_where_the_content_does(store: Store) {
    let kept = store.objects.put_bytes(Bytes::from_static(b"0123456789")).await.unwrap();
    let nothing = store.objects.put_bytes(Bytes::new()).await.unwrap();

    for (asked, range, content) in
        [(0..1, 0..1, "0"), (3..7, 3..7, "3456"), (8..100, 8..10, "89"), (0..u64::MAX, 0..10, "0123456789")]
    {
        let part = store.objects.open_range(&kept.hash, asked.clone()).await.unwrap().unwrap();
        assert_eq!((part.size, part.range.clone()), (10, range), "{asked:?}");
        let pieces: Vec<Bytes> = part.stream().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), content.as_bytes(), "{asked:?}");
    }
    for asked in [10..11, 11..20, 4..4] {
        let refused = store.objects.open_range(&kept.hash, asked.clone()).await;
        assert!(matches!(refused, Err(ObjectError::OutOfRange { size: 10 })), "{asked:?}");
    }
    let empty = store.objects.open(&nothing.hash).await.unwrap().unwrap();
    assert_eq!((empty.size, empty.range.clone()), (0, 0..0));
    assert!(empty.stream().try_collect::<Vec<_>>().await.unwrap().concat().is_empty());
}

async fn a_limit_lets_its_own_size_pass_and_not_a_byte_more(store: Store) {
    for limit in [0, 1, 7] {
        let (fits, over) = (vec![1; limit as usize], vec![2; limit as usize + 1]);
        let parts = |content: &[u8]| {
            stream::iter(content.iter().map(|byte| Ok(Bytes::copy_from_slice(&[*byte]))).collect::<Vec<_>>())
        };
        let reader = |content: &[u8]| std::io::Cursor::new(content.to_vec());
        let is_refused =
            |kept: Result<_, ObjectError>| matches!(kept, Err(ObjectError::TooLarge(l)) if l == limit);

        assert_eq!(store.objects.put(parts(&fits), limit).await.unwrap().size, limit);
        assert_eq!(store.put_reader(reader(&fits), limit).await.unwrap().size, limit);
        assert!(is_refused(store.objects.put(parts(&over), limit).await));
        assert!(is_refused(store.put_reader(reader(&over), limit).await));
    }
}

async fn what_never_ends_is_refused_at_its_limit(store: Store) {
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1024])));

    assert!(matches!(store.objects.put(endless, 1 << 20).await, Err(ObjectError::TooLarge(_))));
    assert!(matches!(store.put_reader(std::io::repeat(0), 1 << 20).await, Err(ObjectError::TooLarge(_))));
    assert_eq!((store.hashes().await.len(), store.incoming()), (0, 0));
}

async fn what_breaks_off_leaves_nothing(store: Store) {
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::bad_request("gone"))]);

    let broken_off = store.objects.put(broken, 8).await;

    assert!(matches!(broken_off, Err(ObjectError::Source(_))));
    assert_eq!((store.hashes().await.len(), store.incoming()), (0, 0));
}

async fn many_who_keep_the_same_at_once_all_succeed(store: Store) {
    let kept = join_all((0..32).map(|_| store.objects.put_bytes(Bytes::from_static(b"same")))).await;

    assert!(kept.into_iter().all(|kept| kept.unwrap().hash == ObjectHash::of(b"same")));
    assert_eq!(store.hashes().await.len(), 1);
}

async fn what_an_earlier_process_left_unfinished_is_removed_and_what_it_kept_stays(store: Store) {
    let kept = store.objects.put_bytes(Bytes::from_static(b"kept")).await.unwrap();
    std::fs::write(store.objects.0.incoming.join("half"), "half").unwrap();

    let again = store.opened_again().await;

    assert_eq!(again.read(&kept.hash).await.unwrap().unwrap(), "kept");
    assert_eq!(store.incoming(), 0);
}

async fn what_is_not_there_is_none(store: Store) {
    let missing = ObjectHash([7; 32]);

    assert_eq!(store.objects.read(&missing).await.unwrap(), None);
    assert!(store.objects.open(&missing).await.unwrap().is_none());
    assert!(store.objects.open_range(&missing, 1..2).await.unwrap().is_none());
    assert_eq!(store.objects.look(&missing).await.unwrap(), None);
}

async fn what_is_deleted_is_gone_and_deleting_it_again_is_fine(store: Store) {
    let kept = store.objects.put_bytes(Bytes::from_static(b"x")).await.unwrap();

    for _ in 0..2 {
        store.objects.delete(&kept.hash).await.unwrap();
        assert_eq!(store.objects.read(&kept.hash).await.unwrap(), None);
    }
    assert!(store.hashes().await.is_empty());
}

async fn a_list_has_every_object_in_order_and_goes_on_after_any(store: Store) {
    assert!(store.hashes().await.is_empty());
    let before = chrono::Utc::now() - chrono::TimeDelta::minutes(1);
    let mut kept = Vec::new();
    for number in 0..40_u8 {
        let content = Bytes::from(vec![number; number.into()]);
        kept.push(store.objects.put_bytes(content).await.unwrap());
    }
    kept.sort_unstable_by_key(|stored| stored.hash);

    let listed: Vec<_> = store.objects.list(None).try_collect().await.unwrap();
    let rest: Vec<_> = store.objects.list(Some(kept[17].hash)).try_collect().await.unwrap();

    let shown: Vec<_> = listed.iter().map(|listed| Stored { hash: listed.hash, size: listed.size }).collect();
    assert_eq!(shown, kept);
    assert_eq!(rest, listed[18..]);
    assert!(listed.iter().all(|listed| listed.modified > before));
}

async fn what_is_kept_again_is_renewed(store: Store) {
    let kept = store.objects.put_bytes(Bytes::from_static(b"x")).await.unwrap();
    let (name, old) = (kept.hash.to_string(), std::time::UNIX_EPOCH + Duration::from_hours(1));
    let root = match &store.server {
        Some(server) => server.bucket().join("some/where"),
        None => store.folder.path().join("objects"),
    };
    let blob = std::fs::File::open(root.join(&name[..2]).join(&name[2..])).unwrap();
    blob.set_modified(old).unwrap();
    let modified = async || {
        let listed: Vec<_> = store.objects.list(None).try_collect().await.unwrap();
        let looked = store.objects.look(&kept.hash).await.unwrap().unwrap();
        assert_eq!((looked.hash, looked.size), (kept.hash, 1));
        // The header of a bucket's object has whole seconds.
        assert!(
            listed[0].modified - looked.modified < chrono::TimeDelta::seconds(1),
            "{looked:?} {listed:?}"
        );
        listed[0].modified
    };
    assert_eq!(modified().await, Timestamp::from(old));

    store.objects.put(chunks(&[b"x"]), 1).await.unwrap();

    assert!(modified().await > Timestamp::from(old));
}

/// More than goes up at once, and no whole number of it.
async fn a_content_of_many_parts_is_kept_whole(store: Store) {
    const PIECE: usize = 1 << 20;
    let piece = |number: usize| Bytes::from(vec![number as u8; PIECE]);
    let pieces =
        || stream::iter((0..17).map(move |number| Ok(piece(number))).chain([Ok(Bytes::from_static(b"end"))]));

    let kept = store.objects.put(pieces(), u64::MAX).await.unwrap();
    let again = store.objects.put(pieces(), u64::MAX).await.unwrap();

    assert_eq!(kept, again);
    assert_eq!(kept.size, 17 * PIECE as u64 + 3);
    let content = store.objects.read(&kept.hash).await.unwrap().unwrap();
    assert_eq!(ObjectHash::of(&content), kept.hash);
    assert_eq!(store.incoming(), 0);
}

#[tokio::test]
async fn a_wrong_secret_or_a_bucket_that_is_not_there_is_said_at_the_start() {
    let (server, folder) = (S3Server::start(), tempfile::tempdir().unwrap());
    let connect = async |url| Objects::connect(&bucket_settings(url), folder.path()).await.unwrap_err();

    let refused = connect(server.url_with("wrong-secret", S3Server::BUCKET, "")).await;
    let missing = connect(server.url_with("test/secret+1", "elsewhere", "")).await;

    assert!(matches!(&refused, OpenError::Refused { bucket, .. } if bucket == S3Server::BUCKET), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("wrong-secret"), "{refused:?}");
    assert!(matches!(&missing, OpenError::NoBucket(bucket) if bucket == "elsewhere"), "{missing}");
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_and_found_again() {
    let mut store = Store::bucket().await;
    let kept = store.objects.put_bytes(Bytes::from_static(b"x")).await.unwrap();
    let server = store.server.as_mut().unwrap();
    server.kill();

    let away = store.objects.read(&kept.hash).await;
    let writable = store.objects.is_writable().await;
    let started = Objects::connect(&bucket_settings(server.url("some/where")), store.folder.path()).await;
    server.restart();

    assert!(matches!(away, Err(ObjectError::Bucket(_))), "{away:?}");
    assert!(!writable);
    assert_eq!(store.objects.read(&kept.hash).await.unwrap().unwrap(), "x");
    let started = started.expect("a store that is away does not keep the server from starting");
    assert_eq!(started.read(&kept.hash).await.unwrap().unwrap(), "x");
}

#[each_database]
async fn an_organization_has_an_object_once_however_often_it_says_so() {
    let (db, _database) = crate::testing::database().await;
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
