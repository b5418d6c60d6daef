//! Runs a long run by its name; without one, or with a wrong one, lists them.

use pg_tests::soak;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let Some(soak) = soak::ALL.iter().find(|soak| name.as_deref() == Some(soak.name)) else {
        eprintln!("cargo run --release -p pg-tests --bin soak -- NAME");
        for soak in soak::ALL {
            eprintln!("  {:<16} {}", soak.name, soak.about);
        }
        return ExitCode::from(2);
    };
    let started = Instant::now();
    println!("{}: {}", soak.name, soak.about);
    println!("{} ({:.1} s)", (soak.run)(), started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}
