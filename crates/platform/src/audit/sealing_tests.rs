//! Chains as they are made, tampered with, checked and cut.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use kernel::{
    Id, Surroundings,
    clock::SystemRandom,
    id::kind::{AuditEntry, Organization},
};
use tempfile::TempDir;
use test_database::{TestDatabase, each_database};

use super::{
    chain::COLUMNS,
    store::{NEXT_UNSEALED, UNSEALED},
    *,
};
use crate::{
    db::{Bind, Db, DbOptions},
    jobs::{Status, Work, tests::TestClock},
    record,
    secrets::Secrets,
    settings::Live,
};

struct House {
    db: Db,
    log: AuditLog,
    org: Id<Organization>,
    world: Surroundings,
    clock: TestClock,
    settings: Live<Settings>,
    _folder: TempDir,
    database: TestDatabase,
}

record! {
    /// What the sealer gave an entry.
    #[derive(Debug, Clone)]
    struct Sealed {
        id: Id<AuditEntry>,
        number: Option<i64>,
    }
}

record! {
    /// A chain's row.
    #[derive(Debug, Clone)]
    struct Ends {
        number: i64,
        hash: Vec<u8>,
        seal: Vec<u8>,
    }
}

fn text(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

impl House {
    async fn new() -> Self {
        let (plain, database) = crate::testing::database().await;
        plain.close().await;
        let clock = TestClock::at(1_800_000_000_000_000);
        let world = Surroundings::new(clock.clone(), SystemRandom);
        let db = Self::open(&database, &world);
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path(), None, &db, &world).await.unwrap();
        let settings = Live::from(Settings::default());
        let log = AuditLog::new(db.clone(), secrets, settings.clone());
        Self { db, log, org: world.id(), world, clock, settings, _folder: folder, database }
    }

    fn open(database: &TestDatabase, world: &Surroundings) -> Db {
        let options =
            DbOptions { connections: 4, surroundings: world.clone(), ..DbOptions::new(database.url()) };
        Db::open(&options).unwrap()
    }

    /// The log as another node has it.
    fn node(&self) -> AuditLog {
        // On SQLite one process has the file.
        let db = if self.db.is_shared() { Self::open(&self.database, &self.world) } else { self.db.clone() };
        AuditLog { db, ..self.log.clone() }
    }

    async fn append(&self, number: u64) {
        for i in 0..number {
            let entry =
                Audit::system("thing_done", Category::DataModification).on("thing", i).named("a thing");
            let entry = entry.detail("step", i).failed("because");
            self.db.write(self.org, move |unit| unit.audit(entry)).await.unwrap();
        }
    }

    /// A sealed chain of so many entries.
    async fn chain(&self, number: u64) -> Vec<Sealed> {
        self.append(number).await;
        while self.log.seal_some(self.org).await.unwrap() > 0 {}
        self.sealed().await
    }

    async fn sealed(&self) -> Vec<Sealed> {
        let sql = "SELECT id, number FROM audit WHERE org_id = $1 ORDER BY number, at, id";
        self.db.read(self.org, move |tx| tx.all(sql, &[])).await.map_err(|error: DbError| error).unwrap()
    }

    async fn ends(&self) -> Ends {
        let sql = "SELECT number, hash, seal FROM audit_chains WHERE org_id = $1";
        let ends = self.db.read(self.org, move |tx| tx.one(sql, &[])).await;
        ends.map_err(|error: DbError| error).unwrap().unwrap()
    }

    async fn check(&self) -> Check {
        self.log.check(self.org, None).await.unwrap()
    }

    /// What somebody does who has the database alone.
    async fn tamper<P: Bind + Clone + Send + 'static>(&self, sql: &str, params: Vec<P>) {
        let sql = text(sql.to_owned());
        let changed = self.db.write(self.org, move |unit| {
            let params: Vec<&dyn Bind> = params.iter().map(|param| param as &dyn Bind).collect();
            unit.execute(sql, &params)
        });
        assert!(changed.await.map_err(|error: DbError| error).unwrap() > 0, "{sql}");
    }
}

/// What is waited for must happen.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it happens in time")
}

#[each_database]
async fn what_commits_is_numbered_hashed_and_sealed_without_being_asked() {
    let house = House::new().await;
    let sealer = Sealer::start(&house.log);

    house.append(3).await;

    let all_are_sealed = async {
        while house.sealed().await.iter().any(|entry| entry.number.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    soon(all_are_sealed).await;
    let numbers: Vec<_> = house.sealed().await.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
    let check = house.check().await;
    assert_eq!((check.entries, check.flaw), (3, None));
    house.append(1).await;
    sealer.stop().await;
    assert_eq!(house.check().await.entries, 4, "what is left at the end is sealed");
}

#[each_database]
async fn nodes_that_seal_at_once_make_one_chain_for_each_organization() {
    let house = Arc::new(House::new().await);
    let sealers = [house.node(), house.node()].map(|log| Sealer::start(&log));
    let orgs: [Id<Organization>; 3] = std::array::from_fn(|_| house.world.id());

    let writers = orgs.iter().flat_map(|org| std::iter::repeat_n(*org, 2)).map(|org| {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            for i in 0..60 {
                let entry = Audit::system("thing_done", Category::DataModification).detail("step", i);
                house.db.write(org, move |unit| unit.audit(entry)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for sealer in sealers {
        sealer.stop().await;
    }

    for org in orgs {
        let check = house.log.check(org, None).await.unwrap();
        assert_eq!((check.entries, check.flaw), (120, None));
        assert_eq!(check.last.unwrap().number, 120);
    }
}

#[each_database]
async fn whatever_is_changed_in_whatever_entry_is_found_and_located() {
    let house = House::new().await;
    let entries = house.chain(9).await;
    let every = COLUMNS.iter().copied().chain(["number", "hash", "seal"]);
    for column in every {
        let at = (house.world.seed() % entries.len() as u64) as usize;
        let (entry, number) = (&entries[at], entries[at].number.unwrap());
        // The id under which the row is found afterwards.
        let fresh: Id<AuditEntry> = house.world.id();
        let value = match column {
            "org_id" | "id" | "user_id" | "session_id" | "hash" | "seal" => "$3".to_owned(),
            "at" | "number" => format!("{column} + 100"),
            _ => format!("coalesce({column} || 'x', 'x')"),
        };
        let saved = house.clone_of(entry.id).await;
        let new = if matches!(column, "hash" | "seal") { vec![7; 32] } else { fresh.as_bytes().to_vec() };
        let sql = format!("UPDATE audit SET {column} = {value} WHERE org_id = $1 AND id = $2");
        let mut params = vec![entry.id.as_bytes().to_vec()];
        params.extend((value == "$3").then_some(new));
        house.tamper(&sql, params).await;

        let check = house.check().await;

        let flaw = check.flaw.unwrap_or_else(|| panic!("{column} of {number} was changed"));
        assert_eq!(flaw.number(), Some(number), "{column}: {flaw}");
        house.put_back(saved, entry.id, fresh).await;
        assert_eq!(house.check().await.flaw, None, "{column}: put back");
    }
}

/// An entry with all its columns, to be put back.
struct Saved(chain::Entry);

impl House {
    async fn clone_of(&self, id: Id<AuditEntry>) -> Saved {
        let number = self.sealed().await.into_iter().find(|entry| entry.id == id).unwrap().number.unwrap();
        let entry = self.db.read(self.org, move |tx| store::numbered(tx, number)).await;
        Saved(entry.map_err(|error: DbError| error).unwrap().unwrap())
    }

    /// Removes what was made of the entry, under whichever id and organization, and writes it as it was.
    async fn put_back(&self, saved: Saved, id: Id<AuditEntry>, other: Id<AuditEntry>) {
        let stray: Id<Organization> = Id::from_uuid(other.uuid());
        for (org, id) in [(self.org, id), (self.org, other), (stray, id)] {
            let gone = self.db.write(org, move |unit| {
                unit.execute("DELETE FROM audit WHERE org_id = $1 AND id = $2", &[&id])
            });
            gone.await.map_err(|error: DbError| error).unwrap();
        }
        let Saved(entry) = saved;
        let written = self.db.write(self.org, move |unit| {
            let cells = entry.cells();
            let params: Vec<&dyn Bind> = cells[1..].iter().map(|cell| cell as &dyn Bind).collect();
            unit.execute(
                "INSERT INTO audit (org_id, id, at, context, user_id, session_id, action, category, resource_type,
                    resource_id, resource_name, result, reason, ip_address, user_agent, request_id, details, number,
                    hash, seal)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
                &params,
            )
        });
        written.await.map_err(|error: DbError| error).unwrap();
    }

    /// Writes hashes that fit from that entry on, and an end that fits them, as anybody can.
    async fn rebuild(&self, from: i64) {
        let done = self.db.write(self.org, move |unit| {
            let before = store::numbered(unit, from - 1)?.and_then(|entry| entry.link());
            let mut link = before.unwrap_or(Link::BEGINNING);
            for entry in store::behind(unit, from - 1)? {
                link = link.next(&entry.columns);
                let id = entry.id().unwrap();
                unit.execute("UPDATE audit SET hash = $3 WHERE org_id = $1 AND id = $2", &[&id, &link.hash])?;
            }
            unit.execute("UPDATE audit_chains SET hash = $2 WHERE org_id = $1", &[&link.hash])
        });
        done.await.map_err(|error: DbError| error).unwrap();
    }
}

#[each_database]
async fn a_chain_that_was_made_anew_without_the_key_is_located_too() {
    let house = House::new().await;
    let entries = house.chain(8).await;
    let old = house.ends().await;
    let sql = "UPDATE audit SET action = 'nothing_done' WHERE org_id = $1 AND id = $2";
    house.tamper(sql, vec![entries[4].id.as_bytes().to_vec()]).await;

    house.rebuild(5).await;

    assert_eq!(house.check().await.flaw, Some(Flaw::Ends));
    house.tamper("UPDATE audit_chains SET hash = $2 WHERE org_id = $1", vec![old.hash]).await;
    assert_eq!(house.check().await.flaw, Some(Flaw::Forged { number: 5, id: Some(entries[4].id) }));
}

#[each_database]
async fn entries_that_are_removed_added_or_exchanged_are_found() {
    let house = House::new().await;
    let entries = house.chain(6).await;
    let id = |at: usize| entries[at].id.as_bytes().to_vec();

    let second = "UPDATE audit SET number = -2 WHERE org_id = $1 AND id = $2";
    house.tamper(second, vec![id(1)]).await;
    assert!(matches!(house.check().await.flaw, Some(Flaw::Inserted { number: -2, .. })));
    house.tamper("UPDATE audit SET number = 2 WHERE org_id = $1 AND id = $2", vec![id(2)]).await;
    house.tamper("UPDATE audit SET number = 3 WHERE org_id = $1 AND id = $2", vec![id(1)]).await;
    assert_eq!(house.check().await.flaw, Some(Flaw::Changed { number: 2, id: Some(entries[2].id) }));
    house.tamper("UPDATE audit SET number = 30 WHERE org_id = $1 AND id = $2", vec![id(1)]).await;
    house.tamper("UPDATE audit SET number = 3 WHERE org_id = $1 AND id = $2", vec![id(2)]).await;
    house.tamper("UPDATE audit SET number = 2 WHERE org_id = $1 AND id = $2", vec![id(1)]).await;
    assert_eq!(house.check().await.flaw, None, "all is where it was");

    let last = house.clone_of(entries[5].id).await;
    house.tamper("DELETE FROM audit WHERE org_id = $1 AND id = $2", vec![id(5)]).await;
    assert_eq!(house.check().await.flaw, Some(Flaw::Missing(6)));
    house.put_back(last, entries[5].id, house.world.id()).await;
    house
        .tamper(
            "INSERT INTO audit (org_id, id, at, context, action, category, result, details, number, hash, seal)
             SELECT org_id, $2, at, context, action, category, result, details, 7, hash, seal
             FROM audit WHERE org_id = $1 AND number = 6",
            vec![house.world.id::<AuditEntry>().as_bytes().to_vec()],
        )
        .await;
    assert!(matches!(house.check().await.flaw, Some(Flaw::Inserted { number: 7, .. })));
    house.tamper("DELETE FROM audit WHERE org_id = $1 AND number = $2", vec![7_i64]).await;
    house.tamper("DELETE FROM audit WHERE org_id = $1 AND number = $2", vec![4_i64]).await;
    assert_eq!(house.check().await.flaw, Some(Flaw::Missing(4)));
}

#[each_database]
async fn a_chain_whose_end_was_tampered_with_is_not_gone_on_with() {
    let house = House::new().await;
    house.chain(4).await;
    house.tamper("UPDATE audit_chains SET number = $2 WHERE org_id = $1", vec![3_i64]).await;
    house.append(1).await;

    let refused = house.log.seal_some(house.org).await;

    assert!(matches!(refused, Err(AuditError::Broken(Flaw::Ends))));
    assert_eq!(house.check().await.flaw, Some(Flaw::Ends));
    house.tamper("DELETE FROM audit_chains WHERE org_id = $1 AND number = $2", vec![3_i64]).await;
    assert!(matches!(house.log.seal_some(house.org).await, Err(AuditError::Broken(Flaw::Ends))));
    let standing = house.log.standing(house.org).await.unwrap();
    assert_eq!(standing.newest.flaw, Some(Flaw::Ends));
}

#[each_database]
async fn a_chain_behind_whose_end_somebody_took_a_number_holds_up_no_other() {
    let house = House::new().await;
    house.chain(2).await;
    house
        .tamper(
            "INSERT INTO audit (org_id, id, at, context, action, category, result, details, number, hash, seal)
             SELECT org_id, $2, at, context, action, category, result, details, 3, hash, seal
             FROM audit WHERE org_id = $1 AND number = 2",
            vec![house.world.id::<AuditEntry>().as_bytes().to_vec()],
        )
        .await;
    house.append(1).await;
    // On both sides of it, whichever order the sealer goes in.
    let others = [[1; 16], [255; 16]].map(|id| Id::<Organization>::from_uuid(uuid::Uuid::from_bytes(id)));
    for org in others {
        let entry = Audit::system("thing_done", Category::DataModification);
        house.db.write(org, move |unit| unit.audit(entry)).await.unwrap();
    }

    let refused = house.log.seal_some(house.org).await;
    Sealer::start(&house.log).stop().await;

    assert!(matches!(refused, Err(AuditError::Broken(Flaw::Inserted { number: 3, .. }))));
    for org in others {
        assert_eq!(house.log.check(org, None).await.unwrap().entries, 1);
    }
    house.tamper("DELETE FROM audit WHERE org_id = $1 AND number = $2", vec![3_i64]).await;
    assert_eq!(house.log.seal_some(house.org).await.unwrap(), 1);
    assert_eq!(house.check().await.flaw, None);
}

#[each_database]
async fn a_database_that_was_put_back_whole_is_told_by_a_place_that_was_noted() {
    let house = House::new().await;
    house.chain(3).await;
    let old = house.ends().await;
    house.chain(2).await;
    let noted = house.check().await.last;
    assert!(house.log.check(house.org, noted).await.unwrap().met);

    house.tamper("DELETE FROM audit WHERE org_id = $1 AND number > $2", vec![3_i64]).await;
    house.tamper("UPDATE audit_chains SET number = $2 WHERE org_id = $1", vec![old.number]).await;
    house.tamper("UPDATE audit_chains SET hash = $2 WHERE org_id = $1", vec![old.hash]).await;
    house.tamper("UPDATE audit_chains SET seal = $2 WHERE org_id = $1", vec![old.seal]).await;

    assert_eq!(house.check().await.flaw, None, "the chain alone can't know");
    assert_eq!(house.log.check(house.org, noted).await.unwrap().flaw, Some(Flaw::Missing(5)));
    house.chain(2).await;
    assert_eq!(house.log.check(house.org, noted).await.unwrap().flaw, Some(Flaw::NotAsNoted(5)));
}

#[each_database]
async fn retention_removes_the_oldest_entries_and_the_rest_still_holds() {
    let house = House::new().await;
    house.chain(700).await;
    house.clock.advance(TimeDelta::days(10));
    house.chain(2).await;
    let jobs = crate::jobs::Jobs::new(
        house.db.clone(),
        crate::bus::Bus::default(),
        house.world.clone(),
        crate::jobs::tests::settings(),
    );
    let work = Work::new([retain(&house.log), verify(&house.log)], [], []).unwrap();
    let runner = jobs.start(work, house.org);
    let run = async |job: crate::jobs::NewJob| {
        let id = house.db.write(house.org, move |unit| unit.enqueue(&job)).await.unwrap();
        let ended = async {
            loop {
                let job = jobs.get(house.org, id).await.unwrap().unwrap();
                if job.status == Status::Completed {
                    return job.result.unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        soon(ended).await
    };

    assert_eq!(
        run(RETAIN.job(&())).await,
        json!({ "removed": 0 }),
        "for ever, unless somebody says otherwise"
    );
    house.settings.set(Settings { keep_days: 5 });
    assert_eq!(run(RETAIN.job(&())).await, json!({ "removed": 700 }));

    while house.log.seal_some(house.org).await.unwrap() > 0 {}
    let check = house.check().await;
    // Two are left, and each of the two units has told what it removed.
    assert_eq!((check.entries, check.flaw, check.last.unwrap().number), (4, None, 704));
    assert_eq!(run(VERIFY.job(&())).await, json!({ "organizations": 1, "broken": 0 }));
    let standing = house.log.standing(house.org).await.unwrap();
    assert_eq!((standing.first, standing.newest.entries), (701, 4));
    let whole = standing.whole.unwrap();
    assert_eq!((whole.entries, whole.number, whole.flaw), (4, 704, None));

    house.tamper("DELETE FROM audit WHERE org_id = $1 AND number = $2", vec![701_i64]).await;
    assert_eq!(house.check().await.flaw, Some(Flaw::Missing(701)), "only retention may cut a chain");
    assert_eq!(run(VERIFY.job(&())).await, json!({ "organizations": 1, "broken": 1 }));
    house.clock.advance(TimeDelta::days(10));
    assert_eq!(run(RETAIN.job(&())).await, json!({ "removed": 0 }), "what was tampered with is evidence");
    runner.stop().await;
}

#[each_database]
async fn looking_for_what_to_seal_is_a_step_down_an_index() {
    let house = House::new().await;
    house.chain(5).await;
    house.append(2).await;
    let org = house.org;
    let plans = house.db.read_server(move |tx| {
        let everywhere = tx.everywhere();
        Ok::<_, DbError>((
            everywhere.plan(NEXT_UNSEALED, &[&[0_u8; 16]])?,
            everywhere.plan(UNSEALED, &[&org])?,
        ))
    });
    let (next, some) = plans.await.unwrap();

    assert!(next.uses("audit_unsealed") && next.walks(), "{next}");
    assert!(some.uses("audit_unsealed") && some.walks(), "{some}");
}

#[each_database]
async fn every_column_is_under_the_hash() {
    let house = House::new().await;
    let sql = if house.db.is_shared() {
        "SELECT CAST(column_name AS text) FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = 'audit' ORDER BY ordinal_position"
    } else {
        "SELECT name FROM pragma_table_info('audit') ORDER BY cid"
    };
    let columns: Result<Vec<(String,)>, DbError> =
        house.db.read_server(move |tx| tx.everywhere().all(sql, &[])).await;
    let columns = columns.unwrap();

    let known: Vec<&str> = COLUMNS.iter().copied().chain(["number", "hash", "seal"]).collect();
    let found: Vec<&str> = columns.iter().map(|(name,)| name.as_str()).collect();
    assert_eq!(found, known);
}
