//! Runs a long run by its name; without one, or with a wrong one, lists them: `cargo run --release -p pg-soak -- NAME`.

mod memory;

use pg_tests::soak::{self, Soak};
use std::process::ExitCode;
use std::time::Instant;

/// Those that need what ordinary tests don't build.
const MORE: &[Soak] = &[
    Soak {
        name: "replication_memory",
        about: "a transaction of 2,000,000 rows, or as many as said, streams through each client in at most 16 MB of memory",
        run: memory::replication,
    },
    Soak {
        name: "copy_memory",
        about: "1,000,000 rows, or as many as said, in and out by COPY and a query: half a megabyte is held in each client",
        run: memory::copies,
    },
    Soak {
        name: "simulation",
        about: "10 million runs of a client and an imagined server, a quarter of them without faults; or as many as said",
        run: pg_simulation::soak::simulation,
    },
    Soak {
        name: "state_machine",
        about: "10 million legal and illegal messages with random calls, and every tag in every phase",
        run: pg_simulation::soak::state_machine,
    },
    Soak {
        name: "types",
        about: "the type matrix, every type in every place and both forms: 100,000 values a type under each client, or as many as said",
        run: pg_type_matrix::soak,
    },
];

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let all = || soak::ALL.iter().chain(MORE);
    let Some(soak) = all().find(|soak| name.as_deref() == Some(soak.name)) else {
        eprintln!("cargo run --release -p pg-soak -- NAME");
        for soak in all() {
            eprintln!("  {:<18} {}", soak.name, soak.about);
        }
        return ExitCode::from(2);
    };
    let started = Instant::now();
    println!("{}: {}", soak.name, soak.about);
    println!("{} ({:.1} s)", (soak.run)(), started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
