//! The rules of packages: which names are safe, what lies where, what an archive may be.

use std::{
    io::{Cursor, Write},
    sync::Arc,
};

use kernel::{Actor, Expected, Surroundings};
use platform::{
    db::{Db, DbError, Json},
    objects::Objects,
    secrets::Secrets,
    settings::Live,
};
use proptest::prelude::*;
use test_database::{TestDatabase, each_database};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    PackageError, Packages, archive,
    layout::{Role, role, rooted, safe_path, script_names, settings_of},
};
use crate::{
    Settings,
    bots::{BotService, NewBot},
};

#[test]
fn names_that_lead_out_of_the_package_are_refused() {
    for name in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "C:\\x",
        "c:/x",
        "a\\b",
        "a//b",
        "./a",
        "a/.",
        "a\0b",
        "",
        "/",
        "a./b",
        " a",
        "a\u{202e}b",
    ] {
        assert!(matches!(safe_path(name), Err(PackageError::UnsafePath(_))), "{name:?}");
    }
    for device in ["con", "x.gbdialog/NUL.bas", "lpt1.txt", "aux /x"] {
        assert!(matches!(safe_path(device), Err(PackageError::UnsafePath(_))), "{device:?}");
    }
    assert!(matches!(safe_path("console.bas"), Ok(Some(_))));
    assert!(matches!(safe_path("a.gbai/b/"), Ok(None)), "folders are passed over");
    assert!(matches!(safe_path("a.gbai/b c/ä.bas"), Ok(Some(path)) if path == "a.gbai/b c/ä.bas"));
}

#[test]
fn what_a_file_is_depends_on_where_it_is() {
    assert_eq!(role("x.gbdialog/sub/start.bas"), Role::Script);
    assert_eq!(role("start.BAS"), Role::Script);
    assert_eq!(role("other.gbot/Config.csv"), Role::Settings);
    assert_eq!(role("x.gbkb/faq/a.pdf"), Role::Knowledge);
    assert_eq!(role("x.gbdialog/readme.md"), Role::Kept);
    assert_eq!(role("README.md"), Role::Kept);
    assert_eq!(role("stuff/start.bas"), Role::Unknown);
    assert_eq!(role(".GBDialog/start.bas"), Role::Script);
    assert_eq!(role("gbkb/faq/a.pdf"), Role::Knowledge);
    assert_eq!(role("default.gbdialog"), Role::Script, "the older form, a file");
}

#[test]
fn the_folder_that_holds_everything_names_the_package() {
    let paths = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();

    let (inner, name) = rooted(&paths(&["shop.gbai/shop.gbdialog/start.bas", "shop.gbai/README.md"]));
    assert_eq!((inner[0].as_str(), name.as_deref()), ("shop.gbdialog/start.bas", Some("shop")));
    assert_eq!(rooted(&paths(&["shop.gbdialog/start.bas", "shop.gbdialog/x.bas"])).1, None);
    assert_eq!(rooted(&paths(&["a/x.bas", "b/y.bas"])).1, None);
    let (inner, name) = rooted(&paths(&["repo-main/Shop.GBAI/x.gbdialog/start.bas"]));
    assert_eq!((inner[0].as_str(), name.as_deref()), ("x.gbdialog/start.bas", Some("Shop")));
    let (inner, _) = rooted(&paths(&["shop.gbai/other.gbai/start.bas"]));
    assert_eq!(inner, ["other.gbai/start.bas"], "what is exported comes back the same");
}

#[test]
fn a_script_that_shares_its_name_is_addressed_with_its_folder() {
    let names = script_names(["x.gbdialog/a.bas", "x.gbdialog/sub/A.bas", "x.gbdialog/b.bas"].into_iter());

    assert_eq!(names["x.gbdialog/a.bas"], "a");
    assert_eq!(names["x.gbdialog/sub/A.bas"], "sub/A");
    assert_eq!(names["x.gbdialog/b.bas"], "b");
}

#[test]
fn the_older_form_is_the_start_script_unless_there_is_one() {
    let alone = script_names(["default.gbdialog"].into_iter());
    let beside =
        script_names(["default.gbdialog", "x.gbdialog/start.bas", "x.gbdialog/default.bas"].into_iter());

    assert_eq!(alone["default.gbdialog"], "start");
    assert_eq!(beside["x.gbdialog/start.bas"], "start");
    assert_eq!(beside["default.gbdialog"], "default.gbdialog");
}

#[test]
fn settings_in_their_folder_count_before_those_in_the_root() {
    let paths = ["config.csv", "x.gbot/config.csv", "x.gbot/other.csv"];

    assert_eq!(settings_of(paths.into_iter()), ["x.gbot/config.csv", "config.csv"]);
}

fn zip(files: &[(&str, Vec<u8>)]) -> Cursor<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap()
}

fn read(zip: Cursor<Vec<u8>>, settings: &Settings) -> Result<archive::Unpacked, PackageError> {
    let folder = tempfile::tempdir().unwrap();
    archive::read_zip(zip, &Objects::local(folder.path()).unwrap(), settings, &super::unwatched())
}

#[test]
fn sizes_are_counted_while_inflating() {
    let settings = Settings { unpacked_bytes: 100_000, ..Settings::default() };
    let bomb = zip(&[("x.gbdata/zeros.csv", vec![0; 1_000_000])]);
    let many = zip(&[("x.gbdata/a.csv", vec![1; 60_000]), ("x.gbdata/b.csv", vec![2; 60_000])]);

    assert!(matches!(read(bomb, &settings), Err(PackageError::TooLarge(_))));
    assert!(matches!(read(many, &settings), Err(PackageError::TooLarge(_))));
}

#[test]
fn too_many_files_are_refused_before_any_is_read() {
    let settings = Settings { package_files: 2, ..Settings::default() };
    let three = zip(&[("a.bas", vec![]), ("b.bas", vec![]), ("c.bas", vec![])]);

    assert!(matches!(read(three, &settings), Err(PackageError::TooLarge(_))));
}

/// The same zip, which says that it holds so many entries, and whose first is damaged.
fn boasting(zip: Cursor<Vec<u8>>, entries: u16) -> Cursor<Vec<u8>> {
    let mut bytes = zip.into_inner();
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    for at in [8, 10] {
        bytes[end + at..end + at + 2].copy_from_slice(&entries.to_le_bytes());
    }
    let first = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[first] = b'X';
    Cursor::new(bytes)
}

#[test]
fn an_archive_of_too_many_entries_is_refused_before_their_names_are_read() {
    let settings = Settings { package_files: 2, ..Settings::default() };
    let zip = || zip(&[("a.bas", vec![]), ("b.bas", vec![]), ("c.bas", vec![])]);

    // Whoever reads the first name finds that the archive is no good.
    assert!(matches!(read(boasting(zip(), 2), &settings), Err(PackageError::Invalid(_))));
    assert!(matches!(read(boasting(zip(), 3), &settings), Err(PackageError::TooLarge(_))));
}

#[test]
fn two_names_that_differ_only_in_case_are_refused() {
    let twice = zip(&[("x.gbdialog/a.bas", vec![]), ("x.gbdialog/A.bas", vec![])]);

    assert!(matches!(read(twice, &Settings::default()), Err(PackageError::UnsafePath(_))));
}

/// The same bytes with every such text in place of that one.
fn with(zip: Cursor<Vec<u8>>, old: &[u8], new: &[u8]) -> Cursor<Vec<u8>> {
    let mut bytes = zip.into_inner();
    for at in 0..=bytes.len() - old.len() {
        if &bytes[at..at + old.len()] == old {
            bytes[at..at + new.len()].copy_from_slice(new);
        }
    }
    Cursor::new(bytes)
}

#[test]
fn two_files_of_one_name_are_refused() {
    let twice = with(zip(&[("x/one.bas", vec![]), ("x/two.bas", vec![])]), b"two.bas", b"one.bas");

    assert!(matches!(read(twice, &Settings::default()), Err(PackageError::Invalid(_))));
}

#[test]
fn what_is_a_file_is_no_folder_too() {
    let both = zip(&[("a/x.gbdata/b", vec![]), ("a/x.gbdata/B/c.csv", vec![])]);

    assert!(matches!(read(both, &Settings::default()), Err(PackageError::UnsafePath(_))));
}

#[test]
fn links_are_refused() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("x.gbdata/passwd", "/etc/passwd", SimpleFileOptions::default()).unwrap();

    let refused = read(zip.finish().unwrap(), &Settings::default());

    assert!(matches!(refused, Err(PackageError::UnsafePath(_))));
}

#[test]
fn encrypted_files_are_refused() {
    // The first bit of the flags, behind the signature and the versions of both headers.
    let mut bytes = zip(&[("x.bas", b"TALK 1".to_vec())]).into_inner();
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).position(|window| window == signature).unwrap();
        bytes[at + flags] |= 1;
    }

    let refused = read(Cursor::new(bytes), &Settings::default());

    assert!(matches!(refused, Err(PackageError::Invalid(cause)) if cause.contains("encrypted")));
}

#[test]
fn files_whose_content_was_changed_are_refused() {
    for name in ["x.gbdialog/start.bas", "x.gbdata/a.csv"] {
        let mut plain = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        plain.start_file(name, stored).unwrap();
        plain.write_all(b"TALK \"hello\"").unwrap();

        let changed = with(plain.finish().unwrap(), b"hello", b"HELLO");

        assert!(matches!(read(changed, &Settings::default()), Err(PackageError::Invalid(_))), "{name}");
    }
}

#[test]
fn a_zip_within_is_a_file_like_any() {
    let inner = zip(&[("../../x", vec![0; 10])]).into_inner();
    let unpacked = read(zip(&[("x.gbdrive/inner.zip", inner)]), &Settings::default()).unwrap();

    assert_eq!(unpacked.files.keys().collect::<Vec<_>>(), ["x.gbdrive/inner.zip"]);
}

#[test]
fn several_packages_at_once_are_refused_and_litter_is_passed_over() {
    let two = zip(&[("a.gbai/x.bas", vec![]), ("b.gbai/x.bas", vec![])]);
    let littered = zip(&[
        ("a.gbai/x.bas", vec![]),
        ("a.gbai/.DS_Store", vec![0xff]),
        ("__MACOSX/a.gbai/._x.bas", vec![0xff]),
    ]);

    assert!(matches!(read(two, &Settings::default()), Err(PackageError::Invalid(_))));
    let unpacked = read(littered, &Settings::default()).unwrap();
    assert_eq!(unpacked.files.keys().collect::<Vec<_>>(), ["x.bas"]);
    assert_eq!(unpacked.warnings.len(), 1);
}

#[test]
fn all_scripts_together_have_a_limit() {
    let settings = Settings { package_script_bytes: 100, ..Settings::default() };
    let many = zip(&[("a.bas", vec![b' '; 60]), ("b.bas", vec![b' '; 60])]);

    assert!(matches!(read(many, &settings), Err(PackageError::TooLarge(_))));
}

#[test]
fn a_script_that_is_no_text_is_refused() {
    for no_text in [vec![0xff, 0xfe], vec![b'a', 0]] {
        let bytes = zip(&[("x.gbdialog/a.bas", no_text)]);

        assert!(matches!(read(bytes, &Settings::default()), Err(PackageError::Invalid(_))));
    }
}

/// A bot named Echo, whose package changes.
struct Workshop {
    db: Db,
    packages: Packages,
    who: Actor,
    _kept: (tempfile::TempDir, TestDatabase),
}

impl Workshop {
    async fn new() -> Self {
        let (db, database) = crate::testing::database().await;
        let (folder, world) = (tempfile::tempdir().unwrap(), Surroundings::system());
        let who = crate::testing::actor(&world);
        let settings: Live<Settings> = Settings::default().into();
        let bots = BotService::new(db.clone(), world.clone(), settings.clone());
        let secrets = Secrets::open(folder.path(), None, &db, &world).await.unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let packages = Packages::new(db.clone(), objects, bots.clone(), world, settings, secrets);
        let new = NewBot { name: "Echo".to_owned(), ..NewBot::default() };
        bots.create(who.clone(), new).await.unwrap();
        Self { db, packages, who, _kept: (folder, database) }
    }

    async fn save(&self, source: &str) {
        let (who, source) = (self.who.clone(), source.to_owned());
        self.packages.save_script(who, "echo", "start", &Expected::Any, source).await.unwrap();
    }

    async fn copy(&self, name: &str) {
        let copy = serde_json::from_value(serde_json::json!({ "name": name })).unwrap();
        self.packages.clone_bot(self.who.clone(), "echo", copy).await.unwrap();
    }
}

#[each_database]
async fn a_changed_package_is_told_with_the_status_that_it_left_the_bot_in() {
    let shop = Workshop::new().await;

    shop.save("TALK (").await;
    shop.save("TALK 1").await;
    shop.copy("Two").await;
    shop.packages.delete_script(shop.who.clone(), "echo", "start", &Expected::Any).await.unwrap();
    shop.save("TALK (").await;
    shop.copy("Three").await;

    let told = shop.db.read(shop.who.org, |tx| {
        tx.all::<(String, Json)>("SELECT name, data FROM outbox WHERE org_id = $1 ORDER BY seq", &[])
    });
    let told = told.await.map_err(|error: DbError| error).unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|(name, data)| (name.as_str(), data.read::<serde_json::Value>().unwrap()["status"].clone()))
        .collect();
    let expected = [
        ("bot.created", "active"),
        ("bot.updated", "error"),
        ("bot.updated", "active"),
        ("bot.created", "active"),
        ("bot.updated", "active"),
        ("bot.updated", "error"),
        ("bot.created", "error"),
    ];
    assert_eq!(told, expected.map(|(name, status)| (name, status.into())));
}

#[each_database]
async fn a_state_is_read_once_and_each_version_has_its_own() {
    let shop = Workshop::new().await;
    let state = async || shop.packages.bot_and_state(&shop.who, "echo").await.unwrap().1;

    shop.save("TALK 1").await;
    let (first, again) = (state().await, state().await);
    shop.save("TALK 2").await;
    let next = state().await;

    assert!(Arc::ptr_eq(&first, &again));
    assert_ne!(first.files, next.files);
}

proptest! {
    #[test]
    fn no_safe_path_escapes(name in "[a-zA-Z0-9./\\\\ :~\u{0}-\u{1f}ä-ö]{0,40}") {
        if let Ok(Some(path)) = safe_path(&name) {
            let mut depth = 0;
            for part in path.split('/') {
                prop_assert!(!part.is_empty() && part != "." && part != "..");
                depth += 1;
            }
            prop_assert!(depth > 0 && !path.starts_with('/') && !path.contains(['\\', ':', '\0']));
        }
    }

    #[test]
    fn no_archive_panics(bytes: Vec<u8>) {
        prop_assert!(read(Cursor::new(bytes), &Settings::default()).is_err());
    }

    #[test]
    fn a_damaged_archive_panics_nobody(at: prop::sample::Index, value: u8) {
        let mut bytes = zip(&[("x.gbdialog/start.bas", b"TALK \"hello\"".to_vec())]).into_inner();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = read(Cursor::new(bytes), &Settings::default());
    }
}
