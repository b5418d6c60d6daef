//! Where a story of [`both_clients!`](crate::both_clients) plays: a database of its own, or, with `PG_TESTS_PGBOUNCER=1`, a
//! PgBouncer in transaction mode before it, with the one setting that clients need there.

use crate::clients::pg_blocking;
use crate::server::{Database, PgBouncer, Server};
use pg_core::config::{Config, Connector};
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A story's database, and the way to it.
#[derive(Debug)]
pub struct Stage {
    pooler: Option<PgBouncer>,
    database: Arc<Database>,
}

/// Whether stories play behind a PgBouncer.
fn is_pooled() -> bool {
    env::var_os("PG_TESTS_PGBOUNCER").is_some_and(|value| value == "1")
}

impl Stage {
    /// Plays a story, named by its module.
    ///
    /// # Panics
    /// It fails; or it is among the exceptions, and doesn't.
    pub fn play(story: &str, play: impl FnOnce(&Stage)) {
        if !is_pooled() {
            return play(&Stage { pooler: None, database: Arc::new(Server::shared().database()) });
        }
        if let Some(reason) = reason(UNTRIED, story) {
            return eprintln!("{story} is left out behind a PgBouncer: {reason}");
        }
        let stage = Stage::pooled();
        let Some(reason) = reason(EXCEPTIONS, story) else {
            return play(&stage);
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| play(&stage)));
        assert!(outcome.is_err(), "{story} holds behind a PgBouncer, and is no exception ({reason})");
    }

    /// Two server connections, which a client's transactions have in turn: what one of them keeps of a session, the next
    /// lacks.
    fn pooled() -> Stage {
        let database = Server::shared().database();
        let pooler = PgBouncer::before(&database, 2).expect("PG_TESTS_PGBOUNCER=1 wants a PgBouncer");
        let stage = Stage { pooler: Some(pooler), database: Arc::new(database) };
        let mut clients = [(); 2].map(|()| {
            let config: pg_blocking::Config = stage.config(|config| config);
            config.connect().unwrap_or_else(|error| panic!("{error}"))
        });
        for command in ["begin", "rollback"] {
            for client in &mut clients {
                client.batch_execute(command).unwrap_or_else(|error| panic!("{error}"));
            }
        }
        stage
    }

    /// The database, for what is done beside the clients.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// How the story's client connects, configured as the story says.
    pub fn config<C: Connector>(&self, configure: impl Fn(Config<C>) -> Config<C>) -> Config<C> {
        let config = |url: String| configure(Config::new(&url).unwrap_or_else(|error| panic!("{error}")));
        match &self.pooler {
            None => config(self.database.url()),
            Some(pooler) => config(pooler.url(&self.database)).statement_cache_capacity(0),
        }
    }
}

/// A story's place in a list.
fn reason(list: &[(&str, &'static str)], story: &str) -> Option<&'static str> {
    list.iter().find(|(name, _)| *name == story).map(|(_, reason)| *reason)
}

const NAMED: &str = "statements stay prepared";
const STATE: &str = "a session has one connection of the server";
const REFUSED: &str = "a refused COPY keeps its connection until the data on its way has come; \
     PgBouncer lends it to others at once, outside of a transaction";

/// Stories that fail behind a PgBouncer, and what they need instead.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("cursors::a_cursor_with_hold_outlives_its_transaction", STATE),
    ("errors::an_insert_whose_result_does_not_fit_was_still_run_once", NAMED),
    ("pipelines::what_cannot_be_run_again_fails_with_the_error_of_the_part_that_failed", NAMED),
    ("pipelines::with_a_sync_each_stale_statements_heal", NAMED),
    ("queries::one_statement_serves_several_row_types", NAMED),
    ("queries::what_was_prepared_is_what_runs_later", NAMED),
    ("statement_cache::a_close_that_the_server_skipped_is_made_up_for", NAMED),
    ("statement_cache::a_full_cache_closes_what_was_used_longest_ago", NAMED),
    ("statement_cache::a_pipeline_heals_where_nothing_is_done_twice", NAMED),
    ("statement_cache::a_pipeline_may_use_more_statements_than_the_cache_holds", NAMED),
    ("statement_cache::an_altered_table_is_an_error_inside_a_transaction", NAMED),
    ("statement_cache::inside_a_transaction_a_taken_name_is_an_error_once", NAMED),
    ("statement_cache::the_same_sql_with_other_types_is_another_statement", NAMED),
    ("statement_cache::what_failed_is_not_kept", NAMED),
    ("statement_cache::what_sql_deallocates_is_prepared_again", NAMED),
    ("statement_cache::without_a_cache_nothing_stays_prepared", NAMED),
];

/// Those that aren't even tried: whether they fail is chance, or they would wait for ever.
const UNTRIED: &[(&str, &str)] = &[
    ("copy::a_failed_copy_is_never_told_as_done", REFUSED),
    ("copy::nothing_remains_of_a_copy_that_did_not_finish", REFUSED),
    ("deadlines::a_copy_that_nobody_takes_is_cut_off", REFUSED),
    ("deadlines::whoever_is_ended_in_a_pause_hears_of_it_at_once", STATE),
    ("refused_copy::a_copy_that_fails_before_its_first_row_leaves_a_usable_connection", REFUSED),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_exception_is_a_story() {
        for (name, _) in EXCEPTIONS.iter().chain(UNTRIED) {
            let (file, story) = name.split_once("::").expect("a file and a story");
            let path = format!("{}/tests/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(text.contains(&format!("async fn {story}<")), "there is no {name}");
        }
    }
}
