//! What the documents say, for tests that hold them to what there is.

use std::path::{Path, PathBuf};

/// Where the workspace lies.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the workspace").to_owned()
}

/// A document by its path in the workspace.
///
/// # Panics
/// If there is none.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the table whose head begins with these cells, each as its cells.
///
/// # Panics
/// If there is none.
pub fn table(text: &str, head: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| !line.starts_with(head))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "there is no table {head}");
    rows
}

/// What stands in backticks.
pub fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Cells of the full table: types, since, in, out, forms.
pub fn documented_types() -> Vec<Vec<String>> {
    let mut rows =
        table(&read("pg-core/docs/types.md"), "| PostgreSQL | since | Rust in | Rust out | forms |");
    let feature = |cell: &String| cell.split(" (feature").next().unwrap_or_default().to_owned();
    rows.iter_mut().for_each(|row| row[0] = feature(&row[0]));
    rows
}
