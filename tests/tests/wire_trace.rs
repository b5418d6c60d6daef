//! What goes over the wire in the main exchanges, as text: no message too many, none in another order, no hidden round
//! trip. How a line reads is told by `pg_tests::trace`; what depends on the server's version is left out.

use pg_core::config::Config;
use pg_core::exchange::pipeline;
use pg_core::{ErrorKind, FromRow, FromSql, Isolation, Lifecycle, Session, ToSql, TransactionOptions};
use pg_tests::clients::Face;
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use pg_tests::trace::{trace, trace_session};

/// A client whose every byte is recorded.
struct Wire<F: Face> {
    client: F::Client,
    relay: Relay,
    database: Database,
}

impl<F: Face> Wire<F> {
    /// Connected, and recorded from the start of the connection.
    async fn connect(configure: impl FnOnce(Config<F::Connector>) -> Config<F::Connector>) -> Wire<F> {
        let database = Server::shared().database();
        database.sql("create type mood as enum ('sad', 'ok')");
        database.sql("create type item as (name text, price bigint)");
        database.sql("create table account (id bigint primary key, cents bigint not null)");
        let relay = Relay::to(&database);
        relay.record();
        let client = F::connect(&configure(F::config(&relay.url(&database)))).await.unwrap();
        Wire { client, relay, database }
    }

    /// Connected, and recorded from now on.
    async fn open() -> Wire<F> {
        Wire::open_with(|config| config).await
    }

    async fn open_with(configure: impl FnOnce(Config<F::Connector>) -> Config<F::Connector>) -> Wire<F> {
        let wire = Wire::connect(configure).await;
        wire.relay.reset();
        wire
    }

    /// Compares what was said since the last call, and the number of round trips.
    #[track_caller]
    fn said(&self, round_trips: u64, expected: &str) {
        let said = self.tidy(&trace_session(&self.relay.recorded()));
        assert!(said == tidy(expected), "what was said:\n{said}\nwhat was expected:\n{}", tidy(expected));
        assert_eq!(self.relay.round_trips(), round_trips, "round trips of\n{said}");
        self.relay.reset();
    }

    /// Without names and numbers that differ from run to run.
    fn tidy(&self, said: &str) -> String {
        let said = said.replace(self.database.name(), "the_database");
        let catalog = format!("{:?}", include_str!("../../pg-core/src/exchange/catalog.sql"));
        let mut lines: Vec<String> = Vec::new();
        let mut looking_up = false;
        for line in said.replace(&catalog, "(the catalog's query)").lines() {
            looking_up |= line.contains("(the catalog's query)");
            looking_up &= !line.starts_with("B CommandComplete");
            match looking_up && line.starts_with("B DataRow") {
                true if lines.last().is_some_and(|last| last == "B DataRow ..") => {}
                true => lines.push("B DataRow ..".to_owned()),
                false => lines.push(without_oids(line)),
            }
        }
        lines.join("\n")
    }
}

/// Each line without what it is indented by.
fn tidy(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// OIDs of types that were created here are `OID`: in lists of Parse and ParameterDescription, and in columns.
fn without_oids(line: &str) -> String {
    let of_types = ["F Parse", "B RowDescription", "B ParameterDescription"];
    if !of_types.iter().any(|name| line.starts_with(name)) {
        return line.to_owned();
    }
    let Some((head, list)) = line.rsplit_once('[') else { return line.to_owned() };
    let word = |word: &str| {
        let created = word.parse().is_ok_and(|oid: u32| oid >= 16384);
        if created { "OID".to_owned() } else { word.to_owned() }
    };
    let items = list
        .trim_end_matches(']')
        .split(' ')
        .map(|item| item.split(':').map(word).collect::<Vec<_>>().join(":"));
    format!("{head}[{}]", items.collect::<Vec<_>>().join(" "))
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Ok,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    price: i64,
}

#[derive(Debug, PartialEq, FromRow)]
struct Account {
    id: i64,
    cents: i64,
}

async fn connecting_is_one_round_trip<F: Face>() {
    let wire = Wire::<F>::connect(|config| config).await;
    let said = trace(&wire.relay.recorded());
    // Which parameters are told, and what they say, is the server's affair.
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("B ParameterStatus")).collect();
    assert_eq!(
        wire.tidy(&said.join("\n")),
        tidy(
            r#"
            F StartupMessage 3.0 user="postgres" database="the_database" client_encoding="UTF8"
            B AuthenticationOk
            B BackendKeyData key[4]
            B ReadyForQuery I
            "#
        )
    );
    assert_eq!(wire.relay.round_trips(), 1);
}

async fn the_first_query_and_a_cached_one<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.database.sql("insert into account values (7, 100)");
    let sql = "select id, cents from account where id = $1";
    let accounts: Vec<Account> = wire.client.query(sql, (7_i64,)).await.unwrap();
    assert_eq!(accounts, [Account { id: 7, cents: 100 }]);
    wire.said(
        1,
        r#"
            F Parse "s1" "select id, cents from account where id = $1" [20]
            F Bind "" "s1" [1] [0x0000000000000007] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B RowDescription ["id":20:1 "cents":20:1]
            B DataRow [0x0000000000000007 0x0000000000000064]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
    assert_eq!(wire.client.query_opt::<Account>(sql, (8_i64,)).await.unwrap(), None);
    wire.said(
        1,
        r#"
            F Bind "" "s1" [1] [0x0000000000000008] [1]
            F Execute "" 0
            F Sync
            B BindComplete
            B CommandComplete "SELECT 0"
            B ReadyForQuery I
        "#,
    );
}

async fn a_string_goes_as_text_of_inferred_type<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.client.query_value::<bool>("select $1 > now()", ("infinity",)).await.unwrap();
    wire.said(
        1,
        r#"
            F Parse "s1" "select $1 > now()" [0]
            F Bind "" "s1" [] ["infinity"] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B RowDescription ["?column?":16:1]
            B DataRow [0x01]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn an_enum_goes_as_text_before_the_catalog_knows_it<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.client.query_value::<Mood>("select $1::mood", (Mood::Sad,)).await.unwrap();
    wire.said(
        1,
        r#"
            F Parse "s1" "select $1::mood" [0]
            F Bind "" "s1" [] ["sad"] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B RowDescription ["mood":OID:1]
            B DataRow ["sad"]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn a_composite_is_looked_up_once<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let lamp = Item { name: "lamp".to_owned(), price: 5 };
    let (item, _): (Item, Mood) =
        wire.client.query_one("select $1::item, $2::mood", (lamp.clone(), Mood::Ok)).await.unwrap();
    assert_eq!(item, lamp);
    wire.said(
        2,
        r#"
            F Parse "" (the catalog's query) [1009 1009 1028 1009]
            F Bind "" "" [] ["{NULL,NULL}" "{item,mood}" "{}" "{}"] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B DataRow ..
            B CommandComplete "SELECT 4"
            B ReadyForQuery I
            F Parse "s1" "select $1::item, $2::mood" [OID OID]
            F Bind "" "s1" [1] [0x0000000200000019000000046c616d7000000014000000080000000000000005 "ok"] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B RowDescription ["item":OID:1 "mood":OID:1]
            B DataRow [0x0000000200000019000000046c616d7000000014000000080000000000000005 "ok"]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn begin_travels_with_the_first_statement<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut tx = wire.client.begin().await.unwrap();
    tx.execute("insert into account values ($1, $2)", (1_i64, 100_i64)).await.unwrap();
    tx.commit().await.unwrap();
    wire.said(
        2,
        r#"
            F Parse "" "BEGIN" []
            F Bind "" "" [] [] []
            F Execute "" 0
            F Parse "s1" "insert into account values ($1, $2)" [20 20]
            F Bind "" "s1" [1] [0x0000000000000001 0x0000000000000064] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "BEGIN"
            B ParseComplete
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B ReadyForQuery T
            F Query "COMMIT"
            B CommandComplete "COMMIT"
            B ReadyForQuery I
        "#,
    );
}

async fn a_savepoint_travels_with_its_first_statement<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut tx = wire.client.begin().await.unwrap();
    let mut inner = tx.begin().await.unwrap();
    inner.execute("delete from account", ()).await.unwrap();
    inner.rollback().await.unwrap();
    tx.commit().await.unwrap();
    wire.said(
        3,
        r#"
            F Parse "" "BEGIN" []
            F Bind "" "" [] [] []
            F Execute "" 0
            F Parse "" "SAVEPOINT pg_2" []
            F Bind "" "" [] [] []
            F Execute "" 0
            F Parse "s1" "delete from account" []
            F Bind "" "s1" [] [] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "BEGIN"
            B ParseComplete
            B BindComplete
            B CommandComplete "SAVEPOINT"
            B ParseComplete
            B BindComplete
            B CommandComplete "DELETE 0"
            B ReadyForQuery T
            F Query "ROLLBACK TO SAVEPOINT pg_2; RELEASE SAVEPOINT pg_2"
            B CommandComplete "ROLLBACK"
            B CommandComplete "RELEASE"
            B ReadyForQuery T
            F Query "COMMIT"
            B CommandComplete "COMMIT"
            B ReadyForQuery I
        "#,
    );
}

async fn a_dropped_transaction_sends_rollback<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut tx = wire.client.begin().await.unwrap();
    tx.execute("delete from account", ()).await.unwrap();
    drop(tx);
    wire.client.ping().await.unwrap();
    wire.said(
        3,
        r#"
            F Parse "" "BEGIN" []
            F Bind "" "" [] [] []
            F Execute "" 0
            F Parse "s1" "delete from account" []
            F Bind "" "s1" [] [] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "BEGIN"
            B ParseComplete
            B BindComplete
            B CommandComplete "DELETE 0"
            B ReadyForQuery T
            F Query "ROLLBACK"
            B CommandComplete "ROLLBACK"
            B ReadyForQuery I
            F Sync
            B ReadyForQuery I
        "#,
    );
}

async fn a_transaction_with_nothing_inside_says_nothing<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.client.begin().await.unwrap().commit().await.unwrap();
    drop(wire.client.begin().await.unwrap());
    wire.said(0, "");
}

async fn a_pipeline_is_one_burst_with_one_sync<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let insert = "insert into account values ($1, 0)";
    let parts = (
        pipeline::execute(insert, (1_i64,)),
        pipeline::execute(insert, (2_i64,)),
        pipeline::query_one::<(i64,), _>("select count(*) from account", ()),
    );
    assert_eq!(wire.client.pipeline(parts).await.unwrap(), (1, 1, (2,)));
    wire.said(
        1,
        r#"
            F Parse "s1" "insert into account values ($1, 0)" [20]
            F Bind "" "s1" [1] [0x0000000000000001] []
            F Execute "" 0
            F Bind "" "s1" [1] [0x0000000000000002] []
            F Execute "" 0
            F Parse "s2" "select count(*) from account" []
            F Bind "" "s2" [] [] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B ParseComplete
            B BindComplete
            B RowDescription ["count":20:1]
            B DataRow [0x0000000000000002]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn a_batch_is_one_simple_query<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.client.batch_execute("create table a (); drop table a; select 1").await.unwrap();
    wire.said(
        1,
        r#"
            F Query "create table a (); drop table a; select 1"
            B CommandComplete "CREATE TABLE"
            B CommandComplete "DROP TABLE"
            B RowDescription ["?column?":23:0]
            B DataRow ["1"]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn a_stream_with_a_known_row_type_is_one_round_trip<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut rows = wire.client.stream_as::<(i64,)>("select generate_series(1, 2)::int8", ()).await.unwrap();
    while rows.next_as::<(i64,)>().await.unwrap().is_some() {}
    wire.said(
        1,
        r#"
            F Parse "s1" "select generate_series(1, 2)::int8" []
            F Bind "" "s1" [] [] [1]
            F Describe P ""
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B RowDescription ["generate_series":20:1]
            B DataRow [0x0000000000000001]
            B DataRow [0x0000000000000002]
            B CommandComplete "SELECT 2"
            B ReadyForQuery I
        "#,
    );
}

async fn a_stream_of_any_rows_is_described_first<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut rows = wire.client.stream("select generate_series(1, 2)", ()).await.unwrap();
    while rows.next_row().await.unwrap().is_some() {}
    wire.said(
        2,
        r#"
            F Parse "s1" "select generate_series(1, 2)" []
            F Describe S "s1"
            F Sync
            B ParseComplete
            B ParameterDescription []
            B RowDescription ["generate_series":23:0]
            B ReadyForQuery I
            F Bind "" "s1" [] [] [1]
            F Execute "" 0
            F Sync
            B BindComplete
            B DataRow [0x00000001]
            B DataRow [0x00000002]
            B CommandComplete "SELECT 2"
            B ReadyForQuery I
        "#,
    );
}

async fn preparing_describes_and_keeps<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let sql = "select cents from account where id = $1";
    wire.client.prepare(sql).await.unwrap();
    wire.said(
        1,
        r#"
            F Parse "s1" "select cents from account where id = $1" []
            F Describe S "s1"
            F Sync
            B ParseComplete
            B ParameterDescription [20]
            B RowDescription ["cents":20:0]
            B ReadyForQuery I
        "#,
    );
    wire.client.query_opt::<(i64,)>(sql, (1_i64,)).await.unwrap();
    wire.said(
        1,
        r#"
            F Bind "" "s1" [1] [0x0000000000000001] [1]
            F Execute "" 0
            F Sync
            B BindComplete
            B CommandComplete "SELECT 0"
            B ReadyForQuery I
        "#,
    );
}

async fn an_error_leaves_the_session_in_order<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    wire.database.sql("insert into account values (1, 0)");
    wire.client.execute("insert into account values ($1, 0)", (1_i64,)).await.unwrap_err();
    wire.said(
        1,
        r#"
            F Parse "s1" "insert into account values ($1, 0)" [20]
            F Bind "" "s1" [1] [0x0000000000000001] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B ErrorResponse S="ERROR" C="23505" M="duplicate key value violates unique constraint \"account_pkey\"" D="Key (id)=(1) already exists." s="public" t="account" n="account_pkey"
            B ReadyForQuery I
        "#,
    );
    wire.client.execute("selec", ()).await.unwrap_err();
    wire.said(
        1,
        r#"
            F Parse "s2" "selec" []
            F Bind "" "s2" [] [] []
            F Execute "" 0
            F Sync
            B ErrorResponse S="ERROR" C="42601" M="syntax error at or near \"selec\"" P="1"
            B ReadyForQuery I
        "#,
    );
    // The statement that could be prepared stays so.
    wire.client.execute("insert into account values ($1, 0)", (2_i64,)).await.unwrap();
    wire.said(
        1,
        r#"
            F Bind "" "s1" [1] [0x0000000000000002] []
            F Execute "" 0
            F Sync
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B ReadyForQuery I
        "#,
    );
}

async fn a_batch_waits_for_the_answer_to_begin<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let options = TransactionOptions::new().isolation(Isolation::Serializable).read_only(false);
    let mut tx = wire.client.begin_with(options).await.unwrap();
    tx.batch_execute("delete from account; select 1").await.unwrap();
    tx.rollback().await.unwrap();
    wire.said(
        3,
        r#"
            F Query "BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE"
            B CommandComplete "BEGIN"
            B ReadyForQuery T
            F Query "delete from account; select 1"
            B CommandComplete "DELETE 0"
            B RowDescription ["?column?":23:0]
            B DataRow ["1"]
            B CommandComplete "SELECT 1"
            B ReadyForQuery T
            F Query "ROLLBACK"
            B CommandComplete "ROLLBACK"
            B ReadyForQuery I
        "#,
    );
}

async fn a_failed_transaction_is_rolled_back_by_commit<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let mut tx = wire.client.begin().await.unwrap();
    tx.execute("selec", ()).await.unwrap_err();
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::RolledBack);
    wire.said(
        2,
        r#"
            F Parse "" "BEGIN" []
            F Bind "" "" [] [] []
            F Execute "" 0
            F Parse "s1" "selec" []
            F Bind "" "s1" [] [] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "BEGIN"
            B ErrorResponse S="ERROR" C="42601" M="syntax error at or near \"selec\"" P="1"
            B ReadyForQuery E
            F Query "COMMIT"
            B CommandComplete "ROLLBACK"
            B ReadyForQuery I
        "#,
    );
}

async fn a_pipeline_stops_at_the_part_that_fails<F: Face>() {
    let mut wire = Wire::<F>::open().await;
    let insert = "insert into account values ($1, 0)";
    let parts = (1..=3_i64).map(|id| pipeline::execute(insert, (id / 2,))).collect::<Vec<_>>();
    wire.client.pipeline(parts).await.unwrap_err();
    wire.said(
        1,
        r#"
            F Parse "s1" "insert into account values ($1, 0)" [20]
            F Bind "" "s1" [1] [0x0000000000000000] []
            F Execute "" 0
            F Bind "" "s1" [1] [0x0000000000000001] []
            F Execute "" 0
            F Bind "" "s1" [1] [0x0000000000000001] []
            F Execute "" 0
            F Sync
            B ParseComplete
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B BindComplete
            B CommandComplete "INSERT 0 1"
            B BindComplete
            B ErrorResponse S="ERROR" C="23505" M="duplicate key value violates unique constraint \"account_pkey\"" D="Key (id)=(1) already exists." s="public" t="account" n="account_pkey"
            B ReadyForQuery I
        "#,
    );
    assert_eq!(wire.client.query_value::<i64>("select count(*) from account", ()).await.unwrap(), 0);
}

async fn a_statement_that_leaves_the_cache_is_closed_by_the_request_that_displaces_it<F: Face>() {
    let mut wire = Wire::<F>::open_with(|config| config.statement_cache_capacity(1)).await;
    wire.client.execute("select 1", ()).await.unwrap();
    wire.relay.reset();
    wire.client.execute("select 2", ()).await.unwrap();
    wire.said(
        1,
        r#"
            F Close S "s1"
            F Parse "s2" "select 2" []
            F Bind "" "s2" [] [] []
            F Execute "" 0
            F Sync
            B CloseComplete
            B ParseComplete
            B BindComplete
            B DataRow ["2"]
            B CommandComplete "SELECT 1"
            B ReadyForQuery I
        "#,
    );
}

async fn without_a_cache_statements_are_unnamed<F: Face>() {
    let mut wire = Wire::<F>::open_with(|config| config.statement_cache_capacity(0)).await;
    for _ in 0..2 {
        wire.client.query_value::<i32>("select 1", ()).await.unwrap();
        wire.said(
            1,
            r#"
                F Parse "" "select 1" []
                F Bind "" "" [] [] [1]
                F Describe P ""
                F Execute "" 0
                F Sync
                B ParseComplete
                B BindComplete
                B RowDescription ["?column?":23:1]
                B DataRow [0x00000001]
                B CommandComplete "SELECT 1"
                B ReadyForQuery I
            "#,
        );
    }
}

async fn cancelling_is_a_connection_of_its_own<F: Face>() {
    let wire = Wire::<F>::open().await;
    let token = wire.client.cancel_token();
    // A token may be used anywhere; here, beside the runtime.
    std::thread::spawn(move || F::cancel(&token)).join().unwrap().unwrap();
    wire.relay.wait_until(|counts| counts.connections == 1 && counts.open == 1);
    assert_eq!(trace(&wire.relay.recorded()), "F CancelRequest key[4]\n");
    assert_eq!(wire.relay.round_trips(), 0);
}

async fn closing_says_farewell<F: Face>() {
    let wire = Wire::<F>::open().await;
    wire.client.close().await.unwrap();
    wire.relay.wait_until(|counts| counts.open == 0);
    assert_eq!(trace_session(&wire.relay.recorded()), "F Terminate\n");
}

pg_tests::each_client!(
    connecting_is_one_round_trip,
    the_first_query_and_a_cached_one,
    a_string_goes_as_text_of_inferred_type,
    an_enum_goes_as_text_before_the_catalog_knows_it,
    a_composite_is_looked_up_once,
    begin_travels_with_the_first_statement,
    a_savepoint_travels_with_its_first_statement,
    a_dropped_transaction_sends_rollback,
    a_transaction_with_nothing_inside_says_nothing,
    a_pipeline_is_one_burst_with_one_sync,
    a_batch_is_one_simple_query,
    a_stream_with_a_known_row_type_is_one_round_trip,
    a_stream_of_any_rows_is_described_first,
    preparing_describes_and_keeps,
    an_error_leaves_the_session_in_order,
    a_batch_waits_for_the_answer_to_begin,
    a_failed_transaction_is_rolled_back_by_commit,
    a_pipeline_stops_at_the_part_that_fails,
    a_statement_that_leaves_the_cache_is_closed_by_the_request_that_displaces_it,
    without_a_cache_statements_are_unnamed,
    cancelling_is_a_connection_of_its_own,
    closing_says_farewell,
);
