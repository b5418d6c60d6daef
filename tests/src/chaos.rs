//! A database that follows another while client, backends, server and links are killed at random.

use crate::relay::{Cut, Direction, Relay};
use crate::seed::Rng;
use crate::server::{Database, Options, Server, Stop};
use pg_blocking::{Client, Config, Replication, complete};
use pg_core::Result;
use pg_core::lsn::Lsn;
use pg_core::walsender::Follow;
use std::collections::BTreeMap;

const TABLES: &str = "create table account (id int8 primary key, cents int8 not null, note text);
    create table log (line text); alter table log replica identity full";

/// All that is in the tables, in short.
const CONTENT: &str = "select md5(coalesce(string_agg(a::text, ',' order by id), '')) || ' ' || count(*)
    || (select ' ' || md5(coalesce(string_agg(l::text, ',' order by line), '')) || ' ' || count(*) from log l) from account a";

/// Kills so often; how often each kind was killed, and how much was followed.
///
/// # Panics
/// If anything was lost or doubled, or a position went back.
pub fn replication(kills: u64, seed: u64) -> String {
    let mut rng = Rng::new(seed);
    // What was confirmed must outlive the server: this is what a commit is for.
    let options = Options::new().set("synchronous_commit", "on").set("logical_decoding_work_mem", "64kB");
    let server = Server::start(options).unwrap_or_else(|error| panic!("{error}"));
    let (from, to) = (server.database(), server.database());
    let mut source = connect(&from);
    let mut target = connect(&to);
    for session in [&mut source, &mut target] {
        told(session.batch_execute(TABLES));
    }
    told(source.batch_execute("create publication p for all tables"));
    let follow = Follow::new("chaos", "p").memory_limit(256 << 20);
    let mut walsender = told(walsender_of(&from.url()).connect());
    let mut copied = connect(&from);
    let mut position = told(complete(follow.copy(&mut walsender, &mut copied, &mut target)));
    drop((walsender, copied));

    let mut killed: BTreeMap<&str, u64> = BTreeMap::new();
    let mut turn = 0;
    while killed.values().sum::<u64>() < kills {
        if source.is_closed() {
            source = connect(&from);
        }
        // A follower waits for what hasn't happened, so as many steps are taken as have.
        let mut happened = 0;
        for _ in 0..1 + rng.below(3) {
            turn += 1;
            happened += u64::from(told(write(&mut source, turn, &mut rng)));
        }
        let (relay, target_relay) = (Relay::to(&from), Relay::to(&to));
        let kind = ["client", "walsender", "target", "server", "link", "target's link"][rng.index(6)];
        let life = || -> Result<(Client, Client)> {
            let target = Config::new(&target_relay.url(&to))?.connect()?;
            Ok((walsender_of(&relay.url(&from)).connect()?, target))
        };
        let (mut walsender, mut target) = told(life());
        // The slot may still be held by the life before.
        let Ok(mut follower) = complete(follow.start(&mut walsender, &mut target)) else { continue };
        let bytes = rng.below(300_000);
        match kind {
            "link" => relay.cut_after(Direction::ToClient, bytes, Cut::Reset),
            "target's link" => target_relay.cut_after(Direction::ToServer, bytes / 10, Cut::Reset),
            _ => {}
        }
        for _ in 0..rng.below(happened + 1) {
            if complete(follower.step()).is_err() {
                break;
            }
        }
        match kind {
            // As by SIGKILL: nothing more is heard of it.
            "client" => {
                relay.cut(Cut::Reset);
                target_relay.cut(Cut::Reset);
            }
            "walsender" => terminate(&mut source, "backend_type = 'walsender'"),
            "target" => terminate(&mut source, &format!("datname = '{}'", to.name())),
            "server" => {
                server.stop(Stop::Immediate).unwrap_or_else(|error| panic!("{error}"));
                server.start_again().unwrap_or_else(|error| panic!("{error}"));
                source = connect(&from);
            }
            _ => {}
        }
        if kind != "client" && !kind.contains("link") {
            // What had come may still be applied; then the loss is told.
            told(source.execute("insert into log values ('meanwhile')", ()));
            while complete(follower.step()).is_ok_and(|step| step.is_some()) {}
        }
        assert!(follower.position() >= position, "the position went back, kill {killed:?}");
        position = follower.position();
        *killed.entry(kind).or_default() += 1;
    }

    // All that is left, up to a mark.
    told(source.execute("insert into log values ('the end')", ()));
    let mark: String = told(source.query_value("select pg_current_wal_lsn()::text", ()));
    let mark: Lsn = told(mark.parse());
    told(source.execute("insert into log values ('past the end')", ()));
    let mut target = connect(&to);
    loop {
        let mut walsender = told(walsender_of(&from.url()).connect());
        let Ok(mut follower) = complete(follow.start(&mut walsender, &mut target)) else { continue };
        while follower.position() <= mark {
            told(complete(follower.step()));
        }
        break;
    }
    let (there, here): (String, String) =
        (told(source.query_value(CONTENT, ())), told(target.query_value(CONTENT, ())));
    assert_eq!(there, here, "source and target, after {killed:?}, seed {seed}");
    told(walsender_of(&from.url()).connect().and_then(|mut walsender| walsender.drop_slot("chaos", true)));
    format!("killed {killed:?}; {turn} transactions followed, 0 lost, 0 doubled; seed {seed}")
}

fn walsender_of(url: &str) -> Config {
    told(Config::new(url)).replication(Replication::Logical)
}

fn connect(database: &Database) -> Client {
    told(Config::new(&database.url()).and_then(|config| config.connect()))
}

#[track_caller]
fn told<T>(outcome: Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

fn terminate(session: &mut Client, which: &str) {
    let sql = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid() and {which}"
    );
    told(session.query_value::<i64>(&sql, ()));
}

/// One transaction: inserts, updates and deletes, large in one of six, undone in part or as a whole in some. Whether it
/// was committed.
fn write(source: &mut Client, turn: i64, rng: &mut Rng) -> Result<bool> {
    let rows: i64 = if rng.below(6) == 0 { 3_000 } else { 5 };
    let insert = "insert into account select $1::int8 * 10000 + n, n, repeat('x', 60) from generate_series(1, $2::int8) n";
    let mut tx = source.begin()?;
    tx.execute(insert, (turn, rows))?;
    tx.execute("update account set cents = cents + 1, note = null where id % 17 = $1::int8 % 17", (turn,))?;
    let mut part = tx.begin()?;
    part.execute(insert, (turn + 1_000_000, rows))?;
    if rng.below(2) == 0 {
        part.rollback()?
    } else {
        part.commit()?
    }
    tx.execute("delete from account where id % 13 = $1::int8 % 13", (turn,))?;
    tx.execute("insert into log values ($1), ('same')", (format!("turn {turn}"),))?;
    tx.execute("delete from log where ctid = (select ctid from log where line = 'same' limit 1)", ())?;
    let keep = rng.below(5) > 0;
    if keep {
        tx.commit()?
    } else {
        tx.rollback()?
    }
    Ok(keep)
}
