//! What the documents say is what there is.

use pg_tests::documents::{documented_types, read, table, words, workspace};
use std::process::Command;

/// The README has the usual ones, and the full table all.
#[test]
fn the_types_of_the_readme_are_in_the_full_table() {
    let full = documented_types();
    for short in table(&read("README.md"), "| PostgreSQL | Rust |") {
        for type_ in
            words(short[0].split(" (feature").next().unwrap()).into_iter().filter(|word| *word != "T[]")
        {
            let row = full.iter().find(|row| words(&row[0]).contains(&type_));
            let row = row.unwrap_or_else(|| panic!("{type_} isn't in pg-core/docs/types.md"));
            for rust in words(&short[1]) {
                for (direction, cell) in [("written from", &row[2]), ("read as", &row[3])] {
                    assert!(words(cell).contains(&rust), "{type_} is not {direction} {rust}");
                }
            }
        }
    }
}

#[test]
fn the_readme_names_every_feature_of_the_clients() {
    let readme = read("README.md");
    let told: Vec<String> =
        table(&readme, "| feature | of | what |").into_iter().map(|row| row[0].clone()).collect();
    for client in ["pg-blocking", "pg-async"] {
        let manifest = read(&format!("{client}/Cargo.toml"));
        let (_, features) = manifest.split_once("[features]\n").unwrap();
        let features =
            features.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(" = "));
        for (feature, _) in features.filter(|(feature, _)| *feature != "default" && !feature.starts_with('#'))
        {
            assert!(told.iter().any(|cell| words(cell).contains(&feature)), "{client}'s feature {feature}");
        }
    }
}

#[test]
fn the_readme_tells_the_oldest_rust_that_the_manifest_asks_for() {
    let manifest = read("Cargo.toml");
    let rust = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(read("README.md").contains(&format!("Rust {rust} or newer")), "rust-version is {rust}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pg-core/docs/decisions.md", "pg-core/docs/types.md"]
    {
        let text = read(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") && !link.starts_with('#') {
                let folder = workspace().join(document);
                assert!(folder.parent().unwrap().join(link).exists(), "{document} leads to {link}");
            }
        }
    }
}

#[test]
fn paths_that_the_documents_name_exist() {
    let roots = ["pg-core/", "pg-derive/", "pg-blocking/", "pg-async/", "tests/", ".ci/"];
    for document in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "pg-core/docs/decisions.md"] {
        for word in words(&read(document).replace("```", "")) {
            if roots.iter().any(|root| word.starts_with(root)) && !word.contains([' ', '*', ':']) {
                assert!(workspace().join(word).exists(), "{document} names {word}");
            }
        }
    }
}

/// The README's first command, on a server of its own or that of `DATABASE_URL`.
#[test]
fn the_tour_runs_through_and_is_plain_text_where_nobody_watches() {
    let tour = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "pg-tests", "--example", "tour"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8(tour.stdout).unwrap(), String::from_utf8_lossy(&tour.stderr).into_owned());
    assert!(tour.status.success(), "{out}\n{err}");
    assert!(!out.contains('\x1b'), "colours in a pipe:\n{out}");
    // The caret stands under the word that the server complained of.
    let lines: Vec<&str> = out.lines().collect();
    let caret = lines.iter().position(|line| line.trim() == "^").expect("an error with its caret");
    assert_eq!(lines[caret - 1].find("pirce"), lines[caret].find('^'), "{out}");
    let seconds = lines.last().and_then(|line| line.rsplit(' ').nth(1)?.parse::<f64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds < 10.0), "{seconds:?} seconds:\n{out}");
    let counted = |what: &str| {
        let line = lines.iter().find(|line| line.trim_start().starts_with(what));
        line.and_then(|line| line.split_whitespace().rev().nth(2)?.parse::<u32>().ok())
    };
    for (what, round_trips) in [
        ("connect ", 1),
        ("the first query with parameters", 1),
        ("the same, cached", 1),
        ("the first composite and enum", 2),
        ("begin, three statements, commit", 4),
        ("100 inserts", 1),
        ("pg_blocking::complete(transfer(", 4),
        ("transfer(&mut async_client", 4),
    ] {
        assert_eq!(counted(what), Some(round_trips), "round trips of {what:?} in\n{out}");
    }
}

/// `file::test` is in `tests/tests/file.rs` or `tests/simulation/tests/file.rs`, `pg_core::module::test` in that module's file or its `tests.rs`.
#[test]
fn each_promise_names_tests_that_exist() {
    let promises = read("pg-core/docs/promises.md");
    let named: Vec<&str> =
        promises.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect();
    let mut tests = 0;
    for name in named {
        let (place, test) = name.rsplit_once("::").unwrap();
        // How tests are named, and SQL.
        if ["file", "pg_core::module", "column"].contains(&place) {
            continue;
        }
        let files = match place.strip_prefix("pg_core::") {
            Some(module) => {
                let path = format!("pg-core/src/{}", module.replace("::", "/"));
                vec![format!("{path}.rs"), format!("{path}/mod.rs"), format!("{path}/tests.rs")]
            }
            None => vec![format!("tests/tests/{place}.rs"), format!("tests/simulation/tests/{place}.rs")],
        };
        let found = files.iter().filter_map(|file| std::fs::read_to_string(workspace().join(file)).ok()).any(
            |text| {
                [format!("fn {test}("), format!("fn {test}<"), format!("mod {test}_of ")]
                    .iter()
                    .any(|word| text.contains(word))
                    || text.lines().any(|line| line.trim() == format!("{test},"))
            },
        );
        assert!(found, "{name} is no test");
        tests += 1;
    }
    assert!(tests > 50, "{tests} tests are named");
}
