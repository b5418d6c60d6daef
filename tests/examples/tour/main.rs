//! A tour of what there is, with real output: `cargo run -p pg-tests --example tour`.
//!
//! It starts a PostgreSQL of its own, or uses the one of `DATABASE_URL`; either way in a database of its own, which is
//! dropped at the end. Every byte goes through a relay that counts round trips.
//!
//! A stage is one function `fn(&mut Tour) -> Outcome` in a file of its own and a line in [`STAGES`].

mod connecting;
mod copying;
mod counting;
mod declared;
mod dynamic;
mod errors;
mod generic;
mod registry;
mod replicating;
mod rows;
mod screen;
mod shop;
mod staying;
mod streaming;
mod together;
mod values;
mod waiting;

use pg_blocking::{Client, Config, Result};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use screen::Screen;
use std::process::ExitCode;
use std::time::Instant;

/// What a stage ends with; the first error ends the tour.
type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Its title, and what it shows.
type Stage = (&'static str, fn(&mut Tour) -> Outcome);

const STAGES: [Stage; 28] = [
    ("Connect, and ask", connecting::connect_and_ask),
    ("Values of your own types, there and back, alone and as arrays", values::there_and_back),
    ("Rows as structs", rows::as_structs),
    ("Statements as constants, held to the live schema", declared::held_to_the_schema),
    ("Columns of any type", dynamic::columns_of_any_type),
    ("Codecs that are registered at run time", dynamic::codecs_of_run_time),
    ("SQL in pieces", dynamic::sql_in_pieces),
    ("Structs by COPY, in and out", copying::rows_in_and_out),
    ("The registry: one look-up for all connections", registry::shared),
    ("Errors that say where, and what to do", errors::with_carets),
    ("One function, two clients", generic::transfer_under_both_clients),
    ("A transaction that is dropped is rolled back", together::rolled_back_by_drop),
    ("A pipeline: several statements in one round trip", together::pipeline),
    ("Many sets of parameters, a Sync each, a COMMIT that travels along", together::few_round_trips),
    ("A stream of borrowed rows", streaming::borrowed),
    ("A stream that is dropped early", streaming::dropped_early),
    ("Replication: what others write, as structs", replicating::changes_as_structs),
    ("Rows part by part, and a cursor that goes back", staying::parts),
    ("A large object, read and written as a file", staying::large_object),
    ("A transaction that is run again", staying::retry),
    ("A call that ends at its deadline", staying::deadline),
    ("Notifications, and a listener whose link is cut", waiting::notifications),
    ("A blocking call that is interrupted", waiting::interrupt),
    ("One function in each way of waiting", waiting::each_way),
    ("Connections that never wait, in one thread", waiting::never),
    ("A log of what is slow or fails", waiting::observers),
    ("A pool: nothing of one borrower reaches the next", waiting::pools),
    ("What it all costs", counting::round_trips),
];

/// What the stages share.
struct Tour {
    screen: Screen,
    server: &'static Server,
    database: Database,
    relay: Relay,
    /// Connected through the relay.
    client: Client,
}

impl Tour {
    /// Where a client connects to so that the relay counts.
    fn config(&self) -> Result<Config> {
        Config::new(&self.relay.url(&self.database))
    }

    /// Does something with the client, and shows what it cost.
    fn step<T>(&mut self, what: &str, step: impl FnOnce(&mut Client) -> Result<T>) -> Result<T> {
        self.relay.reset();
        let output = step(&mut self.client)?;
        self.screen.cost(what, self.relay.round_trips());
        Ok(output)
    }
}

fn main() -> ExitCode {
    let screen = Screen::of_stdout();
    match tour(screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn tour(screen: Screen) -> Outcome {
    let start = Instant::now();
    let server = Server::try_shared()?;
    let database = server.try_database()?;
    let relay = Relay::to(&database);
    let client = Config::new(&relay.url(&database))?.connect()?;
    let origin = match server.is_own() {
        true => "started for this tour",
        false => "the server of DATABASE_URL",
    };
    screen.say(&format!(
        "PostgreSQL {}, {origin}; the tour's database is {}",
        server.version(),
        database.name()
    ));

    let mut tour = Tour { screen, server, database, relay, client };
    shop::create(&mut tour.client)?;
    for (number, (title, stage)) in (1..).zip(STAGES) {
        tour.screen.title(number, title);
        stage(&mut tour)?;
    }
    tour.screen.say(&format!("\n{} stages in {:.1} s", STAGES.len(), start.elapsed().as_secs_f64()));
    Ok(())
}
