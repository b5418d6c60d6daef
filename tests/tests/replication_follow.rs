//! A database that follows another, whatever is killed meanwhile; and applications that are busy for longer than the
//! server waits.

mod walsender;

use pg_core::config::settings::Replication;
use pg_core::lsn::Lsn;
use pg_core::walsender::{Follow, ReplicationSession};
use pg_core::{Result, Session};
use pg_tests::clients::Face;
use pg_tests::each_client;
use pg_tests::server::Server;
use pg_tests::soak::{busy_async, busy_blocking, forget_slot, impatient};
use std::time::Duration;
use walsender::Pair;

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

each_client!(
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
        follower.stop(walsender::SOON).await.unwrap();
        assert_eq!(target.query_value::<i64>("select sum(id)::int8 from t", ()).await.unwrap(), 3);
        walsender.drop_slot(from.name(), true).await.unwrap();
    });
}
