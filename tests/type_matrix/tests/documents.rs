//! The table of types says what the matrix tries.

use pg_tests::documents::{documented_types, read, words};
use pg_type_matrix::Place;
use std::collections::BTreeSet;

/// Nothing is documented that isn't tried on a server, and nothing is tried that nobody is told of.
#[test]
fn the_table_of_types_is_the_type_matrix() {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names
    };
    let tried = pg_type_matrix::families::all();
    let documented = documented_types();
    let names = documented.iter().flat_map(|row| words(&row[0]).into_iter().map(str::to_owned)).collect();
    assert_eq!(sorted(names), sorted(tried.iter().map(|row| row.documented().to_owned()).collect()));
    for row in &documented {
        for type_ in words(&row[0]) {
            let tried: Vec<_> = tried.iter().filter(|tried| tried.documented() == type_).collect();
            let written = tried.iter().flat_map(|tried| tried.written()).map(str::to_owned).collect();
            let read = tried.iter().flat_map(|tried| tried.read()).map(str::to_owned).collect();
            let cell = |at: usize| sorted(words(&row[at]).into_iter().map(str::to_owned).collect());
            assert_eq!(
                cell(2),
                sorted(written),
                "{type_} is written from these in the table, and in the matrix"
            );
            assert_eq!(cell(3), sorted(read), "{type_} is read as these in the table, and in the matrix");
            for tried in tried {
                let since = if tried.since() == 0 { "all".to_owned() } else { tried.since().to_string() };
                assert_eq!(row[1], since, "the first version of {type_}");
                assert_eq!(row[4] == "text", tried.text_only().is_some(), "the forms of {type_}");
                assert_eq!(row[4] == "binary", tried.binary_only().is_some(), "the forms of {type_}");
            }
        }
    }
}

/// Which types stand where is said for ranges alone: there are no other exceptions.
#[test]
fn the_types_without_ranges_are_those_of_the_matrix() {
    let rows = pg_type_matrix::families::all();
    let mut lacking = BTreeSet::new();
    for row in &rows {
        let exceptions = row.exceptions();
        assert!(
            exceptions.iter().all(|place| *place == Place::Range),
            "{}: {exceptions:?}",
            row.documented()
        );
        if !exceptions.is_empty() {
            lacking.insert(row.documented());
        }
    }
    let text = read("pg-core/docs/types.md");
    let paragraph = text.split("\n\n").find_map(|paragraph| paragraph.strip_prefix("No range is over "));
    assert_eq!(words(paragraph.expect("the paragraph")).into_iter().collect::<BTreeSet<_>>(), lacking);
}
