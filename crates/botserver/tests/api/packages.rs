//! Packages: what goes in comes out, as a whole, file by file, and in every layout that authors send.

use http::Method;

use crate::support::{Answer, App, Client, Value, botserver_test, json, package, zip_of};

type File = (&'static str, &'static [u8]);

/// Something of everything, in the order of the paths.
const SHOP: &[File] = &[
    ("README.md", b"# Shop"),
    ("notes/todo.txt", b"unknown folders are kept"),
    ("shop.gbdata/stock.csv", b"sku,qty\nA,5\n"),
    ("shop.gbdialog/start.bas", b"TALK \"welcome to the shop\"\nHEAR x\nTALK x"),
    ("shop.gbdialog/sub/pre\u{e7}o do dia.bas", b"RETURN 5"),
    ("shop.gbkb/faq/opening.md", b"We open at 9."),
    ("shop.gbot/config.csv", b"name,value\nwelcome-message,Hello\n"),
    ("shop.gbtheme/logo.png", &[0x89, b'P', b'N', b'G', 0, 1, 2, 255]),
];

/// These files in a folder of that name.
fn zip_in(root: &str, files: &[File]) -> Vec<u8> {
    let paths: Vec<_> = files.iter().map(|(path, _)| format!("{root}{path}")).collect();
    let files: Vec<_> =
        paths.iter().zip(files).map(|(path, (_, content))| (path.as_str(), *content)).collect();
    zip_of(&files)
}

async fn bot(app: &App, name: &str) {
    app.admin().post("/bots", json!({ "name": name })).await.assert_status(201);
}

async fn bytes(client: &Client, path: &str) -> Vec<u8> {
    let answer = client.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("a body").to_vec()
}

async fn put_file(client: &Client, path: &str, content: impl Into<reqwest::Body>) -> Answer {
    Client::send(client.request(Method::PUT, path).header("content-type", "text/plain").body(content)).await
}

async fn paths(client: &Client, bot: &str) -> Vec<Value> {
    let files = client.get(format!("/bots/{bot}/package/files")).await.assert_ok().items();
    files.into_iter().map(|file| file["path"].clone()).collect()
}

#[botserver_test]
async fn what_is_exported_installs_as_the_same_package(app: App) {
    bot(&app, "Shop").await;
    bot(&app, "Copy").await;
    let admin = app.admin();
    let installed =
        admin.put_zip("/bots/shop/package", zip_in("Anything.gbai/", SHOP)).await.assert_ok().data();
    assert_eq!(installed["installed"]["added"], json!(SHOP.iter().map(|(path, _)| path).collect::<Vec<_>>()));
    assert_eq!(installed["warnings"], json!(["notes/todo.txt lies in a folder that nobody reads."]));

    let answer = admin.request(Method::GET, "/bots/shop/package").send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/zip");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"shop.gbai.zip\"");
    let exported = answer.bytes().await.expect("a zip").to_vec();
    admin.put_zip("/bots/copy/package", exported.clone()).await.assert_ok();

    let of = async |bot: &str| admin.get(format!("/bots/{bot}/package/files")).await.assert_ok().items();
    assert_eq!(of("shop").await, of("copy").await);
    for (path, content) in SHOP {
        let path = format!("/bots/copy/package/files/{}", path.replace(' ', "%20"));
        assert_eq!(bytes(&admin, &path).await, *content, "{path}");
    }
    let page = admin.get("/bots/copy/package/files?limit=3&search=SHOP.gb").await.assert_ok().data();
    assert_eq!((&page["total"], page["items"].as_array().map(Vec::len)), (&json!(6), Some(3)));
    let again = admin.put_zip("/bots/shop/package", exported.clone()).await.assert_ok().data();
    assert_eq!(again["installed"], json!({ "added": [], "changed": [], "removed": [] }));
    assert_eq!(bytes(&admin, "/bots/shop/package").await, exported, "the same state is the same bytes");
}

#[botserver_test]
async fn a_file_of_several_chunks_comes_out_as_it_went_in(app: App) {
    bot(&app, "Shop").await;
    // Nothing that compresses well, of several chunks.
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let large: Vec<u8> = (0..700_000).map(|_| next()).collect();
    let zip = zip_of(&[("x.gbdrive/large.bin", &large), ("x.gbdrive/empty.bin", b"")]);
    app.admin().put_zip("/bots/shop/package", zip).await.assert_ok();

    let exported = bytes(&app.admin(), "/bots/shop/package").await;

    bot(&app, "Copy").await;
    app.admin().put_zip("/bots/copy/package", exported).await.assert_ok();
    assert!(bytes(&app.admin(), "/bots/copy/package/files/x.gbdrive/large.bin").await == large);
}

#[botserver_test]
async fn a_package_without_files_is_an_empty_folder(app: App) {
    bot(&app, "Empty").await;

    let exported = bytes(&app.admin(), "/bots/empty/package").await;

    let refused = app.admin().put_zip("/bots/empty/package", exported).await;
    refused.assert_error(422, "VALIDATION_ERROR", "package_invalid");
}

#[botserver_test]
async fn irregular_layouts_are_read_as_they_were_meant(app: App) {
    let start: &[u8] = b"TALK \"hello\"";
    let layouts: &[&[(&str, &[u8])]] = &[
        &[("shop.gbai/shop.gbdialog/start.bas", start), ("shop.gbai/shop.gbot/config.csv", b"")],
        &[("shop.gbdialog/start.bas", start)],
        &[("other.gbai/misspelt.gbdialog/deep/start.bas", start), ("other.gbai/wrong.gbot/config.csv", b"")],
        &[("shop.gbai/start.bas", start), ("shop.gbai/config.csv", b"")],
        &[("start.bas", start)],
        &[("shop.gbai/default.gbdialog", start), ("shop.gbai/manifest.json", b"{}")],
        &[("download-main/shop.gbai/.gbdialog/Start.BAS", start), ("download-main/shop.gbai/x/y.txt", b"")],
    ];
    for (at, layout) in layouts.iter().enumerate() {
        let name = format!("Layout {at}");
        let made = app.admin().post("/bots", json!({ "name": name })).await.assert_status(201).data();

        app.admin().put_zip(format!("/bots/layout-{at}/package"), zip_of(layout)).await.assert_ok();

        let started = app.admin().converse(&made).await;
        assert_eq!(started["messages"][0]["content"], "hello", "{layout:?}");
    }
}

#[botserver_test]
async fn merging_keeps_what_the_package_does_not_have(app: App) {
    bot(&app, "Shop").await;
    let admin = app.admin();
    admin.put_zip("/bots/shop/package", zip_in("", SHOP)).await.assert_ok();
    let one = || zip_of(&[("shop.gbdata/stock.csv", b"sku\n"), ("shop.gbdata/new.csv", b"x\n")]);

    let merged = admin.put_zip("/bots/shop/package?mode=merge", one()).await.assert_ok().data();
    let expected =
        json!({ "added": ["shop.gbdata/new.csv"], "changed": ["shop.gbdata/stock.csv"], "removed": [] });
    assert_eq!(merged["installed"], expected);
    assert_eq!(paths(&admin, "shop").await.len(), SHOP.len() + 1);
    assert_eq!(admin.get("/bots/shop").await.data()["welcome_message"], "Hello", "settings stay, too");

    let replaced = admin.put_zip("/bots/shop/package", one()).await.assert_ok().data();
    assert_eq!(replaced["installed"]["removed"].as_array().map(Vec::len), Some(SHOP.len() - 1));
    assert_eq!(paths(&admin, "shop").await, ["shop.gbdata/new.csv", "shop.gbdata/stock.csv"]);
    admin.put_zip("/bots/shop/package?mode=mix", one()).await.assert_status(422);
}

#[botserver_test]
async fn a_dry_run_tells_and_changes_nothing(app: App) {
    bot(&app, "Shop").await;
    let admin = app.admin();
    admin.put_zip("/bots/shop/package", package("TALK 1")).await.assert_ok();
    let version = admin.get("/bots/shop").await.data()["version"].clone();

    let told = admin.put_zip("/bots/shop/package?dry_run=true", package("TALK 2")).await.assert_ok().data();

    assert_eq!(told["installed"]["changed"], json!(["test.gbdialog/start.bas"]));
    assert_eq!(admin.get("/bots/shop").await.data()["version"], version);
    let broken = admin.put_zip("/bots/shop/package?dry_run=true", package("TALK (")).await;
    broken.assert_error(422, "VALIDATION_ERROR", "compile_failed");
}

#[botserver_test]
async fn scripts_with_errors_install_where_that_is_asked_for(app: App) {
    let made = app.bot("Shop", "TALK \"good\"").await;
    let broken = package("TALK (");

    let installed = app.admin().put_zip("/bots/shop/package?strict=false", broken).await.assert_ok().data();

    assert_eq!(installed["diagnostics"][0]["file"], "test.gbdialog/start.bas");
    assert_eq!(app.admin().get("/bots/shop/scripts/start").await.data()["status"], "error");
    assert_eq!(app.admin().converse(&made).await["messages"][0]["content"], "good");
}

#[botserver_test]
async fn a_file_is_saved_read_in_parts_and_deleted(app: App) {
    bot(&app, "Shop").await;
    let admin = app.admin();
    let path = "/bots/shop/package/files/shop.gbdrive/ma%C3%B1ana%20x.txt";

    let made = put_file(&admin, path, "0123456789").await.assert_status(201);
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(
        (&made.data()["path"], &made.data()["size"]),
        (&json!("shop.gbdrive/ma\u{f1}ana x.txt"), &json!(10))
    );
    let read = admin.get(path).await.assert_ok();
    assert_eq!((read.body.as_str(), read.header("content-type")), ("0123456789", "application/octet-stream"));
    let (tag, length) = (read.header("etag").to_owned(), read.header("content-length").to_owned());
    assert_eq!(length, "10");
    let part = admin.with("range", "bytes=2-4").get(path).await.assert_status(206);
    assert_eq!((part.body.as_str(), part.header("content-range")), ("234", "bytes 2-4/10"));
    admin.with("if-none-match", &tag).get(path).await.assert_status(304);
    let slashes = path.replace("gbdrive/", "gbdrive%2F");
    assert_eq!(admin.get(slashes).await.assert_ok().body, "0123456789");

    put_file(&admin.with("if-match", "\"1-0\""), path, "lost").await.assert_status(412);
    put_file(&admin.with("if-match", &tag), path, "new").await.assert_ok();
    admin.with("if-match", &tag).delete(path).await.assert_status(412);
    admin.delete(path).await.assert_status(204);

    admin.get(path).await.assert_error(404, "NOT_FOUND", "");
    admin.delete(path).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(paths(&admin, "shop").await, [""; 0]);
}

#[botserver_test]
async fn a_script_that_is_saved_as_a_file_runs(app: App) {
    let made = app.bot("Shop", "TALK \"old\"").await;
    let admin = app.admin();
    let path = "/bots/shop/package/files/test.gbdialog/start.bas";

    let saved = put_file(&admin, path, "TALK \"new\"\nx = y").await.assert_ok().data();
    assert_eq!(saved["diagnostics"][0]["severity"], "warning", "{saved}");
    assert_eq!(app.admin().converse(&made).await["messages"][0]["content"], "new");
    let broken = put_file(&admin, path, "TALK (").await.assert_ok().data();
    assert_eq!(broken["diagnostics"][0]["severity"], "error");
    assert_eq!(app.admin().converse(&made).await["messages"][0]["content"], "new");
    put_file(&admin, path, vec![0xff, 0xfe]).await.assert_error(422, "VALIDATION_ERROR", "package_invalid");

    admin.delete(path).await.assert_status(204);
    assert_eq!(app.admin().converse(&made).await["messages"], json!([]));
}

#[botserver_test]
async fn hostile_names_reach_no_file(app: App) {
    bot(&app, "Shop").await;
    app.admin().put_zip("/bots/shop/package", zip_in("", SHOP)).await.assert_ok();
    for path in [
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "a%2F%2Fb",
        "C%3A%5Cx",
        "a%5Cb",
        "nul",
        "x.gbdialog%2F.%2Fa.bas",
        "a%0Ab",
        "folder%2F",
    ] {
        let path = format!("/bots/shop/package/files/{path}");
        app.admin().get(&path).await.assert_status(404);
        put_file(&app.admin(), &path, "x").await.assert_error(422, "VALIDATION_ERROR", "unsafe_path");
        app.admin().delete(&path).await.assert_status(404);
    }
    for path in ["SHOP.gbdata/stock.csv", "README.md/x", "shop.gbdata"] {
        let path = format!("/bots/shop/package/files/{path}");
        put_file(&app.admin(), &path, "x").await.assert_error(422, "VALIDATION_ERROR", "unsafe_path");
    }
    assert_eq!(paths(&app.admin(), "shop").await.len(), SHOP.len());
}

#[botserver_test]
async fn limits_hold_for_files_that_come_one_by_one(app: App) {
    let app = app
        .restart_with(|config| {
            config.bots.package_files = 2;
            config.bots.script_bytes = 100;
            config.bots.unpacked_bytes = 1000;
        })
        .await;
    bot(&app, "Shop").await;
    let put = async |path: &str, size: usize| {
        put_file(&app.admin(), &format!("/bots/shop/package/files/{path}"), vec![b' '; size]).await
    };

    put("a.gbdata/1.csv", 600).await.assert_status(201);
    put("a.gbdata/2.csv", 600).await.assert_error(413, "PAYLOAD_TOO_LARGE", "package_too_large");
    put("start.bas", 101).await.assert_status(413);
    put("start.bas", 100).await.assert_status(201);
    put("a.gbdata/3.csv", 1).await.assert_error(413, "PAYLOAD_TOO_LARGE", "package_too_large");
    assert_eq!(paths(&app.admin(), "shop").await, ["a.gbdata/1.csv", "start.bas"]);
}

#[botserver_test]
async fn files_are_for_those_who_may_see_the_bot(app: App) {
    app.bot("Shop", "TALK 1").await;
    let (member, stranger) = (app.user("ann").await, app.stranger("eve").await);
    let file = "/bots/shop/package/files/test.gbdialog/start.bas";

    for path in ["/bots/shop/package", "/bots/shop/package/files", file] {
        assert_eq!(
            member.get(path).await.assert_status(403).json()["error"]["details"]["permission"],
            "bots:read"
        );
        stranger.get(path).await.assert_error(404, "NOT_FOUND", "");
        app.anonymous().get(path).await.assert_status(401);
    }
    put_file(&stranger, file, "TALK 2").await.assert_error(404, "NOT_FOUND", "");
    stranger.delete(file).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(app.admin().get(file).await.assert_ok().body, "TALK 1");
}
