//! Every type, in every place and both forms, under both clients, against the server's own text: see
//! `tests/type_matrix`.

use pg_type_matrix as types;
use std::io::Write;

/// Each type gets its share.
const VALUES: usize = 6_000;

#[test]
fn every_type_comes_back_from_every_place_as_it_went() {
    let started = std::time::Instant::now();
    let share = VALUES.div_ceil(types::families::all().len()).max(40);
    let tally = types::run(share);
    assert!(tally.values >= 5_000, "{tally}");
    // Past the capture of output, so that the run prints it.
    let seconds = started.elapsed().as_secs_f64();
    writeln!(std::io::stderr(), "type matrix: {tally}, in {seconds:.1} s").unwrap();
}
