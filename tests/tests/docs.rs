//! What the documents say is what there is.

use pg_tests::documents::{documented_types, read, table, words, workspace};
use std::path::{Path, PathBuf};
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

/// Those at the root, and all of each crate's `docs`.
fn documents() -> Vec<String> {
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut documents = Vec::new();
    for folder in ["", "pg-core/docs", "pg-blocking/docs", "pg-async/docs", "pg-derive/docs"] {
        let Ok(entries) = std::fs::read_dir(workspace().join(folder)) else { continue };
        let paths = entries.map(|entry| entry.unwrap().path()).filter(is_document);
        documents
            .extend(paths.map(|path| path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned()));
    }
    documents.sort();
    assert!(documents.len() > 10, "{documents:?}");
    documents
}

/// The value of each row of the table, in the words of the code that has it.
#[test]
fn the_table_of_limits_tells_what_the_code_has() {
    const CODE: [(&str, &str, &str); 29] = [
        ("64 KiB", "pg-core/src/wire/frame.rs", "before_login: 64 * 1024"),
        ("30,000 bytes", "pg-core/src/wire/frame.rs", "small: 30_000"),
        ("1 GiB - 1", "pg-core/src/wire/frame.rs", "large: 0x3fff_ffff"),
        ("1 GiB - 2", "pg-core/src/wire/writer.rs", "LONGEST: i32 = 0x3fff_fffe"),
        ("65,535", "pg-core/src/wire/writer.rs", "u16::try_from(count)"),
        ("6", "pg-core/src/types/elements.rs", "MAX_DIMENSIONS: usize = 6;"),
        ("32", "pg-core/src/types/value/mod.rs", "MAX_DEPTH: usize = 32;"),
        ("20", "pg-core/src/types/value/write.rs", "MAX_TEXT_DEPTH: usize = 20;"),
        ("64", "pg-core/src/types/catalog.rs", "MAX_HEIGHT: u32 = 64;"),
        (
            "65,536, and 16 MiB of them",
            "pg-core/src/protocol/notifications.rs",
            "MOST_NOTIFICATIONS: usize = 65_536;",
        ),
        (
            "65,536, and 16 MiB of them",
            "pg-core/src/protocol/notifications.rs",
            "MOST_BYTES: usize = 16 * 1024 * 1024;",
        ),
        ("1,000, and 1 MiB of them", "pg-core/src/protocol/inbox.rs", "MOST_NOTICES: usize = 1_000;"),
        (
            "1,000, and 1 MiB of them",
            "pg-core/src/protocol/inbox.rs",
            "MOST_NOTICE_BYTES: usize = 1024 * 1024;",
        ),
        ("1,000", "pg-core/src/protocol/inbox.rs", "MOST_PARAMETERS: usize = 1_000;"),
        ("63 bytes", "pg-core/src/streams/notifying.rs", "NAME: usize = 64;"),
        ("7,999 bytes", "pg-core/src/streams/notifying.rs", "PAYLOAD: usize = 8_000;"),
        ("100", "pg-core/src/config/settings.rs", "statement_cache_capacity: 100,"),
        ("4,096 to 100,000", "pg-core/src/auth/policy.rs", "scram_iterations: 4096..=100_000,"),
        ("no limit", "pg-core/src/config/settings.rs", "connect_timeout: None,"),
        ("no limit", "pg-core/src/config/settings.rs", "deadline: None,"),
        ("5 s", "pg-core/src/config/settings.rs", "cancel_timeout: Duration::from_secs(5)"),
        ("100 ms", "pg-core/src/config/settings.rs", "drain_timeout: Duration::from_millis(100)"),
        (
            "written in pieces of 32 KiB, 512 statements unanswered",
            "pg-core/src/exchange/pipeline.rs",
            "PIECE: usize = 32 * 1024;",
        ),
        (
            "written in pieces of 32 KiB, 512 statements unanswered",
            "pg-core/src/exchange/pipeline.rs",
            "MOST_UNANSWERED: usize = 512;",
        ),
        ("256, or 256 KiB not yet sent", "pg-async/src/shared/state.rs", "MOST_CALLS: usize = 256;"),
        ("256, or 256 KiB not yet sent", "pg-async/src/shared/state.rs", "MOST_QUEUED: usize = 256 * 1024;"),
        ("1 MiB of all of them", "pg-core/src/protocol/aside.rs", "MOST: usize = 1024 * 1024;"),
        ("30 s, 10 s", "pg-core/src/listener.rs", "Duration::from_secs(30)"),
        ("30 s, 10 s", "pg-core/src/listener.rs", "Duration::from_secs(10)"),
    ];
    let limits = table(&read("pg-core/docs/limits.md"), "| what | setting | by default | beyond it |");
    for row in &limits {
        let is_held = CODE.iter().any(|(value, ..)| row[2] == *value);
        assert!(is_held || row[2] == "as said there", "no code is named for {row:?}");
    }
    for (value, file, code) in CODE {
        assert!(limits.iter().any(|row| row[2] == value), "no row says {value}");
        assert!(read(file).contains(code), "{file} has no {code:?}, and the limit is said to be {value}");
    }
}

#[test]
fn the_exceptions_to_the_lints_are_those_that_are_told() {
    let mut found = Vec::new();
    for member in ["pg-core", "pg-blocking", "pg-async"] {
        let root = read(&format!("{member}/src/lib.rs"));
        let (_, denied) = root.split_once("deny(").expect("lints are denied at the head");
        let lints: Vec<&str> = denied
            .split(')')
            .next()
            .unwrap()
            .split(',')
            .map(str::trim)
            .filter(|lint| !lint.is_empty())
            .collect();
        assert!(lints.contains(&"clippy::unwrap_used"), "{lints:?}");
        for file in sources(&workspace().join(member).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for start in ["#[allow(", "#[expect(", "#![allow(", "#![expect("] {
                for attribute in text.split(start).skip(1).map(|rest| rest.split(")]").next().unwrap()) {
                    let file = file.strip_prefix(workspace()).unwrap().to_str().unwrap();
                    let named = attribute.split(',').map(str::trim).filter(|lint| lints.contains(lint));
                    found.extend(named.map(|lint| (file.to_owned(), lint.replace("clippy::", ""))));
                }
            }
        }
    }
    let told = table(&read("pg-core/docs/promises.md"), "| exception | lint |");
    let mut told: Vec<(String, String)> =
        told.iter().map(|row| (words(&row[0])[0].to_owned(), words(&row[1])[0].to_owned())).collect();
    found.sort();
    told.sort();
    assert_eq!(found, told);
}

/// All of a folder's files of Rust.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            // Items of the code are rustdoc's to check.
            if !link.contains("::") && !link.contains("://") && !link.starts_with('#') {
                let folder = workspace().join(&document);
                assert!(folder.parent().unwrap().join(link).exists(), "{document} leads to {link}");
            }
        }
    }
}

#[test]
fn paths_that_the_documents_name_exist() {
    let roots = ["pg-core/", "pg-derive/", "pg-blocking/", "pg-async/", "tests/", ".ci/"];
    for document in documents() {
        for word in words(&read(&document).replace("```", "")) {
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

/// `file::test` is in `tests/tests/file.rs` or `tests/simulation/tests/file.rs`, `pg_core::module::test` in that
/// module's file or its `tests.rs`.
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
