//! A database that follows another, whatever is killed meanwhile; and applications that are busy for longer than the
//! server waits.

mod walsender;

use pg_core::config::settings::Replication;
use pg_core::lsn::Lsn;
use pg_core::walsender::{Follow, ReplicationSession};
use pg_core::{ErrorKind, Result, Session, SqlState};
use pg_tests::clients::Face;
use pg_tests::each_client;
use pg_tests::server::{Database, Server};
use pg_tests::soak::{busy_async, busy_blocking, forget_slot, impatient};
use std::time::Duration;
use walsender::{Pair, SOON};

const TABLES: &str = "create type mood as enum ('sad', 'happy');
    create type place as (x int4, name text);
    create table account (id int8 generated always as identity primary key, cents int8 not null, mood mood, at place,
                          twice int8 generated always as (cents * 2) stored);
    create table keyed (id int8 primary key, word text);
    create table log (line text, at timestamptz default now()); alter table log replica identity full;";

/// All that is in the tables.
async fn content<S: Session>(session: &mut S) -> Result<(String, String)> {
    let sql = "select (select coalesce(string_agg(a::text, E'\\n' order by id), '') from account a),
                      (select coalesce(string_agg(k::text, E'\\n' order by id), '') from keyed k) ||
                      (select coalesce(string_agg(l::text, E'\\n' order by l::text), '') from log l)";
    session.query_one(sql, ()).await
}

/// Changes of every kind, a different lot each time.
async fn write<S: Session>(source: &mut S, turn: i64) -> Result<()> {
    let mut tx = source.begin().await?;
    let insert = "insert into account (cents, mood, at) select n, 'happy', row(n, 'it''s \"' || n)::place from generate_series(1, $1::int4) n";
    tx.execute(insert, (if turn % 7 == 3 { 3000 } else { 3 },)).await?;
    tx.execute(
        "update account set cents = cents + $1::int8, mood = nullif(mood, 'sad') where id % 5 = $1::int8 % 5",
        (turn,),
    )
    .await?;
    tx.execute("delete from account where id % 11 = $1::int8 % 11 and id > 5", (turn,)).await?;
    tx.batch_execute("insert into log values ('same', '2026-01-01'), ('same', '2026-01-01'), (null, null)")
        .await?;
    tx.execute("delete from log where ctid = (select ctid from log order by line limit 1)", ()).await?;
    tx.execute("insert into keyed values ($1::int8, 'word')", (turn,)).await?;
    tx.execute("update keyed set id = id + 1000, word = null where id = $1::int8 - 2", (turn,)).await?;
    if turn % 13 == 12 {
        tx.batch_execute("truncate log").await?;
    }
    if turn % 4 == 1 { tx.rollback().await } else { tx.commit().await }
}

async fn a_follower_that_is_killed_anywhere_loses_and_doubles_nothing<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let other = Server::shared().database();
    let (from, to) = (F::config(&pair._database.url()), F::config(&other.url()));
    let mut target = F::connect(&to).await.unwrap();
    pair.sql.batch_execute(TABLES).await.unwrap();
    target.batch_execute(TABLES).await.unwrap();
    pair.sql.batch_execute("create publication p for table account, keyed, log").await.unwrap();
    for turn in 0..3 {
        write(&mut pair.sql, turn).await.unwrap();
    }
    let follow = Follow::new(&pair.slot, "p");

    // A copy that is killed leaves nothing but its slot, and is made anew.
    let mut source = F::connect(&from).await.unwrap();
    target.batch_execute("alter table log rename to gone").await.unwrap();
    follow.copy(&mut pair.walsender, &mut source, &mut target).await.unwrap_err();
    target.batch_execute("alter table gone rename to log").await.unwrap();
    let begun = follow.copy(&mut pair.walsender, &mut source, &mut target).await.unwrap();
    assert_eq!(content(&mut target).await.unwrap(), content(&mut pair.sql).await.unwrap());
    assert_eq!(follow.copy(&mut pair.walsender, &mut source, &mut target).await.unwrap(), begun, "once");

    let mut position = begun;
    let mut turn = 3;
    for life in 0..12 {
        for _ in 0..3 {
            write(&mut pair.sql, turn).await.unwrap();
            turn += 1;
        }
        let mut walsender = F::connect(&pair.config).await.unwrap();
        let mut target = F::connect(&to).await.unwrap();
        let mut follower = match follow.start(&mut walsender, &mut target).await {
            Ok(follower) => follower,
            // The walsender of the life before has not noticed its end yet.
            Err(error) if error.to_string().contains("active") => continue,
            Err(error) => panic!("{error}"),
        };
        match life % 4 {
            // Killed with transactions applied and not confirmed, as a process is.
            0 => {
                follower.step().await.unwrap();
            }
            // Its walsender is killed.
            1 => {
                follower.step().await.unwrap();
                let kill = "select count(pg_terminate_backend(active_pid)) from pg_replication_slots where slot_name = $1";
                pair.sql.query_value::<i64>(kill, (&pair.slot,)).await.unwrap();
                while follower.step().await.is_ok_and(|position| position.is_some()) {}
            }
            // The target's session is killed.
            2 => {
                let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()";
                pair.sql.query_value::<i64>(kill, (other.name(),)).await.unwrap();
                follower.step().await.unwrap_err();
            }
            _ => {
                follower.step().await.unwrap();
                follower.step().await.unwrap();
            }
        }
        assert!(follower.position() >= position, "positions never go back");
        position = follower.position();
        if life % 4 == 0 {
            std::mem::forget(follower);
        }
    }
    // All of it, up to a mark.
    pair.sql.batch_execute("insert into log values ('the end')").await.unwrap();
    let mut target = F::connect(&to).await.unwrap();
    loop {
        let mut walsender = F::connect(&pair.config).await.unwrap();
        let Ok(mut follower) = follow.start(&mut walsender, &mut target).await else { continue };
        let mark: Lsn = pair
            .sql
            .query_value::<String>("select pg_current_wal_insert_lsn()::text", ())
            .await
            .unwrap()
            .parse()
            .unwrap();
        pair.sql.batch_execute("insert into log values ('past the end')").await.unwrap();
        // Others may have written to the log between the two.
        while follower.step().await.unwrap().unwrap() <= mark {}
        break;
    }
    assert_eq!(content(&mut target).await.unwrap(), content(&mut pair.sql).await.unwrap());
    drop(target);
    pair.walsender = F::connect(&pair.config).await.unwrap();
    pair.end().await;
}

/// Values whose text depends on the settings of a database.
const FORMS: &str =
    "create table forms (id int8 primary key, day date, spent interval, much money, x float8)";

async fn databases_that_write_values_differently_hold_the_same<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let other = Server::shared().database();
    for setting in ["datestyle = 'SQL, DMY'", "intervalstyle = 'sql_standard'", "extra_float_digits = -15"] {
        pair.sql.batch_execute(&format!("alter database {} set {setting}", pair.slot)).await.unwrap();
    }
    pair.walsender = F::connect(&pair.config).await.unwrap();
    let mut source = F::connect(&F::config(&pair._database.url())).await.unwrap();
    let mut target = F::connect(&F::config(&other.url())).await.unwrap();
    source.batch_execute(FORMS).await.unwrap();
    target.batch_execute(FORMS).await.unwrap();
    let row = |id| {
        format!(
            "insert into forms values ({id}, '2026-02-03', '-1 days -02:03:04', 1234.56::numeric::money, float8 '0.1' + float8 '0.2')"
        )
    };
    source.batch_execute(&format!("create publication p for table forms; {}", row(1))).await.unwrap();

    let follow = Follow::new(&pair.slot, "p");
    follow.copy(&mut pair.walsender, &mut source, &mut target).await.unwrap();
    source.batch_execute(&row(2)).await.unwrap();
    let mut follower = follow.start(&mut pair.walsender, &mut target).await.unwrap();
    follower.step().await.unwrap();
    drop(follower);
    let differing = "select count(*) from forms where day = '2026-02-03' and much = 1234.56::numeric::money
        and x = float8 '0.1' + float8 '0.2' and extract(day from spent) = -1 and extract(second from spent) = -4";
    assert_eq!(target.query_value::<i64>(differing, ()).await.unwrap(), 2);
    drop((source, target));
    pair.walsender = F::connect(&pair.config).await.unwrap();
    pair.end().await;
}

async fn a_copy_takes_the_columns_and_rows_that_are_published<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let other = Server::shared().database();
    let mut source = F::connect(&F::config(&pair._database.url())).await.unwrap();
    let mut target = F::connect(&F::config(&other.url())).await.unwrap();
    let parts = "create table parts (id int8 primary key) partition by range (id);
                 create table part_1 partition of parts for values from (0) to (10);";
    source.batch_execute(parts).await.unwrap();
    source
        .batch_execute(
            "create table shared (id int8 primary key, word text, secret text);
             insert into shared values (1, 'one', 'x'), (-1, 'minus one', 'x'); insert into parts values (3)",
        )
        .await
        .unwrap();
    target.batch_execute(parts).await.unwrap();
    let lists = Server::shared().major() >= 15;
    let (columns, condition, secret) = match lists {
        true => ("(id, word)", "where (id > 0)", ""),
        false => ("", "", ", secret text"),
    };
    target
        .batch_execute(&format!("create table shared (id int8 primary key, word text{secret})"))
        .await
        .unwrap();
    source
        .batch_execute(&format!(
            "create publication p for table shared {columns} {condition}, parts with (publish_via_partition_root)"
        ))
        .await
        .unwrap();
    let follow = Follow::new(&pair.slot, "p");
    follow.copy(&mut pair.walsender, &mut source, &mut target).await.unwrap();
    source
        .batch_execute(
            "insert into shared values (2, 'two', 'x'), (-2, 'minus two', 'x'); insert into parts values (4)",
        )
        .await
        .unwrap();
    let mut follower = follow.start(&mut pair.walsender, &mut target).await.unwrap();
    let mut content = (0i64, String::new());
    while content.0 < 2 {
        follower.step().await.unwrap();
        let mut reading = F::connect(&F::config(&other.url())).await.unwrap();
        let sql =
            "select (select count(*) from parts), (select string_agg(word, ' ' order by id) from shared)";
        content = reading.query_one(sql, ()).await.unwrap();
    }
    drop(follower);
    assert_eq!(content.1, if lists { "one two" } else { "minus two minus one one two" });
    drop((source, target));
    pair.walsender = F::connect(&pair.config).await.unwrap();
    pair.end().await;
}

/// A database and one that follows it, with the same tables.
struct Mirror<F: Face> {
    source: Pair<F>,
    target: F::Client,
    follow: Follow,
    other: Database,
}

impl<F: Face> Mirror<F> {
    /// Publishes these tables, and the one that every `Pair` has.
    async fn of(tables: &str, published: &str) -> Mirror<F> {
        let mut source = Pair::<F>::new().await;
        let other = Server::shared().database();
        let mut target = F::connect(&F::config(&other.url())).await.unwrap();
        source.sql.batch_execute(tables).await.unwrap();
        target.batch_execute("create table t (id int8 primary key, name text)").await.unwrap();
        target.batch_execute(tables).await.unwrap();
        source
            .sql
            .batch_execute(&format!(
                "create publication p for table t, {published} with (publish_via_partition_root)"
            ))
            .await
            .unwrap();
        let follow = Follow::new(&source.slot, "p");
        Mirror { source, target, follow, other }
    }

    async fn copy(&mut self) {
        let Mirror { source, target, follow, .. } = self;
        follow.copy(&mut source.walsender, &mut source.sql, target).await.unwrap();
    }

    /// Changes the source in one transaction, and follows until the target has it.
    async fn follows(&mut self, change: &str) -> Result<()> {
        self.source.sql.batch_execute(change).await?;
        let mark: String =
            self.source.sql.query_value("select pg_current_wal_insert_lsn()::text", ()).await?;
        let mark: Lsn = mark.parse()?;
        self.source.sql.batch_execute("delete from t; insert into t values (0, 'past the mark')").await?;
        let mut walsender = F::connect(&self.source.config).await?;
        let mut follower = self.follow.start(&mut walsender, &mut self.target).await?;
        while follower.position() <= mark {
            follower.step().await?;
        }
        follower.stop(SOON).await
    }

    /// What a query of one text says of the source and of the target.
    async fn both(&mut self, sql: &str) -> (String, String) {
        let source = self.source.sql.query_value(sql, ()).await.unwrap();
        (source, self.target.query_value(sql, ()).await.unwrap())
    }

    async fn end(mut self) {
        drop(self.target);
        self.source.walsender = F::connect(&self.source.config).await.unwrap();
        self.source.end().await;
        drop(self.other);
    }
}

const ROWS: &str =
    "select coalesce(string_agg(r::text, ' ' order by r::text), '') from (table t union all table u) r";

async fn a_position_that_is_lost_is_an_error_and_loses_no_transaction<F: Face>() {
    let mut mirror = Mirror::<F>::of("create table u (id int8 primary key, name text)", "u").await;
    let mut other = F::connect(&F::config(&mirror.other.url())).await.unwrap();
    let no_position = |error: pg_core::Error| {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains("no position for the slot"), "{error}");
        assert!(error.cure().unwrap().contains("run copy() first"), "{error}");
    };
    no_position(mirror.follows("insert into u values (1, 'before')").await.unwrap_err());
    mirror.copy().await;

    let mut walsender = F::connect(&mirror.source.config).await.unwrap();
    let mut follower = mirror.follow.start(&mut walsender, &mut mirror.target).await.unwrap();
    let gone: String =
        other.query_value("delete from pg_follow_position returning lsn::text", ()).await.unwrap();
    mirror.source.sql.batch_execute("insert into u values (2, 'meanwhile')").await.unwrap();
    no_position(follower.step().await.unwrap_err());
    follower.stop(SOON).await.unwrap();

    // What was not applied was not confirmed either, and comes again.
    let back = "insert into pg_follow_position values ($1, $2::text::pg_lsn)";
    other.execute(back, (mirror.source.slot.as_str(), gone.as_str())).await.unwrap();
    mirror.follows("insert into u values (3, 'after')").await.unwrap();
    let (source, target) = mirror.both(ROWS).await;
    assert_eq!(source, target);
    assert!(target.contains("meanwhile"), "{target}");

    // One that was moved on says that it was applied.
    let mut walsender = F::connect(&mirror.source.config).await.unwrap();
    let mut follower = mirror.follow.start(&mut walsender, &mut mirror.target).await.unwrap();
    other.batch_execute("update pg_follow_position set lsn = 'FFFFFFFF/0'").await.unwrap();
    mirror.source.sql.batch_execute("insert into u values (4, 'elsewhere')").await.unwrap();
    follower.step().await.unwrap();
    follower.stop(SOON).await.unwrap();
    assert_eq!(mirror.both(ROWS).await.1, target);
    drop((walsender, other));
    mirror.end().await;
}

async fn a_publication_without_tables_is_an_error_and_leaves_nothing<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    let other = Server::shared().database();
    let mut target = F::connect(&F::config(&other.url())).await.unwrap();
    pair.sql.batch_execute("create publication empty; create publication p for table t").await.unwrap();
    for name in ["misspelled", "empty"] {
        let follow = Follow::new(&pair.slot, name);
        let error = follow.copy(&mut pair.walsender, &mut pair.sql, &mut target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains(name), "{error}");
        let slots = "select count(*) from pg_replication_slots where slot_name = $1";
        assert_eq!(pair.sql.query_value::<i64>(slots, (&pair.slot,)).await.unwrap(), 0);
        let error = follow.start(&mut pair.walsender, &mut target).await.unwrap_err();
        assert!(error.cure().unwrap().contains("run copy() first"), "{error}");
    }
    target.batch_execute("create table t (id int8 primary key, name text)").await.unwrap();
    Follow::new(&pair.slot, "p").copy(&mut pair.walsender, &mut pair.sql, &mut target).await.unwrap();
    drop(target);
    pair.end().await;
}

async fn a_truncate_empties_what_the_source_has_emptied_and_nothing_else<F: Face>() {
    let tables = "create table parent (id int8 primary key); create table child () inherits (parent);
        create table parts (id int8 primary key) partition by range (id);
        create table part partition of parts for values from (0) to (10);
        create table a (id int8 generated by default as identity primary key);
        create table b (a int8 primary key references a)";
    let mut mirror = Mirror::<F>::of(tables, "parent, parts, a, b").await;
    let rows = "insert into parent values (1); insert into child values (1); insert into parts values (1);
        insert into a values (1); insert into b values (1)";
    mirror.source.sql.batch_execute(rows).await.unwrap();
    mirror.copy().await;
    let content =
        "select format('%s %s %s %s %s', (select count(*) from only parent), (select count(*) from child),
        (select count(*) from parts), (select count(*) from a), (select count(*) from b))";
    assert_eq!(mirror.both(content).await.1, "1 1 1 1 1");

    mirror.follows("truncate only parent").await.unwrap();
    assert_eq!(mirror.both(content).await, ("0 1 1 1 1".into(), "0 1 1 1 1".into()));
    mirror.follows("truncate parent, parts").await.unwrap();
    assert_eq!(mirror.both(content).await, ("0 0 0 1 1".into(), "0 0 0 1 1".into()));

    // Tables that only the target has are nobody's to empty.
    mirror
        .target
        .batch_execute("create table mine (a int8 references a); insert into mine values (1)")
        .await
        .unwrap();
    let error = mirror.follows("truncate a restart identity cascade").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some(SqlState::FEATURE_NOT_SUPPORTED), "{error}");
    assert_eq!(mirror.target.query_value::<i64>("select count(*) from mine", ()).await.unwrap(), 1);
    mirror.target.batch_execute("drop table mine").await.unwrap();
    mirror.follows("insert into a values (5)").await.unwrap();
    assert_eq!(mirror.both(content).await, ("0 0 0 1 0".into(), "0 0 0 1 0".into()));
    mirror.end().await;
}

async fn a_row_is_changed_in_its_own_table_and_partition<F: Face>() {
    let tables = "create table parent (id int8 primary key, word text);
        create table child (primary key (id)) inherits (parent);
        create table parts (id int8, word text) partition by range (id);
        create table part_1 partition of parts for values from (0) to (10);
        create table part_2 partition of parts for values from (10) to (20);
        alter table parts replica identity full; alter table part_1 replica identity full;
        alter table part_2 replica identity full";
    let mut mirror = Mirror::<F>::of(tables, "parent, parts").await;
    // Each is at the beginning of its table.
    let rows = "insert into parent values (1, 'parent'), (2, 'parent'); insert into child values (1, 'child'), (2, 'child');
        insert into parts values (1, 'one'), (2, 'two'), (11, 'eleven'), (12, 'twelve')";
    mirror.source.sql.batch_execute(rows).await.unwrap();
    mirror.copy().await;
    let change = "update only parent set word = 'changed' where id = 1; delete from only parent where id = 2;
        update parts set word = 'changed' where id = 1; delete from parts where id = 12";
    mirror.follows(change).await.unwrap();
    let content = "select string_agg(r::text, ' ' order by r::text)
        from (select tableoid::regclass, * from parent union all select tableoid::regclass, * from parts) r";
    let (source, target) = mirror.both(content).await;
    assert_eq!(source, target);
    assert_eq!(
        target,
        "(child,1,child) (child,2,child) (parent,1,changed) (part_1,1,changed) (part_1,2,two) (part_2,11,eleven)"
    );
    mirror.end().await;
}

async fn rows_without_columns_are_followed<F: Face>() {
    let mut mirror =
        Mirror::<F>::of("create table bare (); alter table bare replica identity full", "bare").await;
    mirror.source.sql.batch_execute("insert into bare default values").await.unwrap();
    mirror.copy().await;
    let content = "select count(*)::text from bare";
    assert_eq!(mirror.both(content).await.1, "1");
    mirror.follows("insert into bare default values; insert into bare default values").await.unwrap();
    assert_eq!(mirror.both(content).await.1, "3");
    mirror.end().await;
}

each_client!(
    a_position_that_is_lost_is_an_error_and_loses_no_transaction,
    a_publication_without_tables_is_an_error_and_leaves_nothing,
    a_truncate_empties_what_the_source_has_emptied_and_nothing_else,
    a_row_is_changed_in_its_own_table_and_partition,
    rows_without_columns_are_followed,
    a_follower_that_is_killed_anywhere_loses_and_doubles_nothing,
    databases_that_write_values_differently_hold_the_same,
    a_copy_takes_the_columns_and_rows_that_are_published,
);

#[test]
fn some_random_kills_of_everything_lose_and_double_nothing() {
    println!("{}", pg_tests::chaos::replication(12, 7));
}

/// Longer than the server waits for a sign of life. (15 s at one that waits for 2 s are the soak `replication_pump`.)
const BUSY: Duration = Duration::from_secs(5);

#[test]
fn a_busy_blocking_application_keeps_its_connection_by_pumping() {
    let server = impatient("1s");
    let (pumped, alone) = (server.database(), server.database());
    let lost = std::thread::scope(|scope| {
        let alone = scope.spawn(|| busy_blocking(&alone, BUSY, false));
        busy_blocking(&pumped, BUSY, true).unwrap();
        alone.join().unwrap()
    });
    lost.expect_err("it was busy for too long");
    forget_slot(&alone);
}

#[test]
fn a_busy_asynchronous_application_keeps_its_connection_by_pumping() {
    let server = impatient("1s");
    busy_async(&server.database(), BUSY).unwrap();
}

/// The target's table is locked for longer than the source waits.
#[test]
fn a_follower_that_waits_for_its_target_keeps_its_source() {
    type F = pg_tests::clients::AsyncFace;
    let server = impatient("1s");
    let (from, to) = (server.database(), server.database());
    pg_tests::clients::block_on(async {
        let mut source = F::connect(&F::config(&from.url())).await.unwrap();
        let mut target = F::connect(&F::config(&to.url())).await.unwrap();
        let mut other = F::connect(&F::config(&to.url())).await.unwrap();
        let walsender = F::config(&from.url()).replication(Replication::Logical);
        let mut walsender = F::connect(&walsender).await.unwrap();
        for session in [&mut source, &mut target] {
            session.batch_execute("create table t (id int8 primary key)").await.unwrap();
        }
        source.batch_execute("create publication p for table t").await.unwrap();
        let follow = Follow::new(from.name(), "p").status_interval(Duration::from_millis(100));
        follow.copy(&mut walsender, &mut source, &mut target).await.unwrap();
        let mut follower = follow.start(&mut walsender, &mut target).await.unwrap();
        source.batch_execute("insert into t values (1)").await.unwrap();
        let mut locking = other.begin().await.unwrap();
        locking.batch_execute("lock table t").await.unwrap();
        let unlocked = async {
            tokio::time::sleep(BUSY).await;
            locking.rollback().await.unwrap();
        };
        let (stepped, ()) = tokio::join!(follower.step(), unlocked);
        assert!(stepped.unwrap().is_some());
        source.batch_execute("insert into t values (2)").await.unwrap();
        assert!(follower.step().await.unwrap().is_some());
        follower.stop(SOON).await.unwrap();
        assert_eq!(target.query_value::<i64>("select sum(id)::int8 from t", ()).await.unwrap(), 3);
        walsender.drop_slot(from.name(), true).await.unwrap();
    });
}
