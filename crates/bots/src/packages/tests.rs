//! The rules of packages: which names are safe, what lies where, what an archive may be.

use std::io::{Cursor, Write};

use platform::objects::Objects;
use proptest::prelude::*;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    PackageError, archive,
    layout::{Role, role, rooted, safe_path, script_names},
};
use crate::Settings;

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
}

#[test]
fn the_folder_that_holds_everything_names_the_package() {
    let paths = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();

    let (inner, name) = rooted(&paths(&["shop.gbai/shop.gbdialog/start.bas", "shop.gbai/README.md"]));
    assert_eq!((inner[0].as_str(), name.as_deref()), ("shop.gbdialog/start.bas", Some("shop")));
    assert_eq!(rooted(&paths(&["shop.gbdialog/start.bas", "shop.gbdialog/x.bas"])).1, None);
    assert_eq!(rooted(&paths(&["a/x.bas", "b/y.bas"])).1, None);
}

#[test]
fn a_script_that_shares_its_name_is_addressed_with_its_folder() {
    let names = script_names(["x.gbdialog/a.bas", "x.gbdialog/sub/A.bas", "x.gbdialog/b.bas"].into_iter());

    assert_eq!(names["x.gbdialog/a.bas"], "a");
    assert_eq!(names["x.gbdialog/sub/A.bas"], "sub/A");
    assert_eq!(names["x.gbdialog/b.bas"], "b");
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
    archive::read_zip(zip, &Objects::local(folder.path()).unwrap(), settings)
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

#[test]
fn two_names_that_differ_only_in_case_are_refused() {
    let twice = zip(&[("x.gbdialog/a.bas", vec![]), ("x.gbdialog/A.bas", vec![])]);

    assert!(matches!(read(twice, &Settings::default()), Err(PackageError::UnsafePath(_))));
}

#[test]
fn a_script_that_is_no_text_is_refused() {
    let bytes = zip(&[("x.gbdialog/a.bas", vec![0xff, 0xfe])]);

    assert!(matches!(read(bytes, &Settings::default()), Err(PackageError::Invalid(_))));
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
