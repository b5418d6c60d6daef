//! The laws of the workspace, held by reading its source: imports go down the layers of pg-core, nothing imports in a
//! circle or through the crate root, the core knows no outside world, and nobody has a runtime or `unsafe` beneath.
//!
//! The layers are those of the table in `pg-core/src/lib.rs`: what the documentation says is what is tested.

mod source;

use source::{Crate, workspace};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const CRATES: [&str; 4] = ["pg-core", "pg-derive", "pg-blocking", "pg-async"];

/// Name to number, from the rows `//! | 0 words | [`error`], .. | .. |`.
fn layers() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(workspace().join("pg-core/src/lib.rs")).unwrap();
    let mut layers = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, layer, modules, ..] = cells[..] else { continue };
        let Some(number) = layer.split(' ').next().and_then(|number| number.parse().ok()) else { continue };
        for name in modules.split('`').skip(1).step_by(2) {
            layers.insert(name.to_owned(), number);
        }
    }
    layers
}

#[test]
fn every_module_of_the_core_stands_in_the_table_of_layers() {
    let listed: BTreeSet<String> = layers().into_keys().collect();
    let core = Crate::read("pg-core");
    let mut declared: BTreeSet<String> = core.modules().map(|module| top(module).to_owned()).collect();
    // The crate root and what only expansions of the derives name.
    declared.remove("");
    declared.remove("private");
    assert_eq!(declared, listed, "modules of pg-core, and those in the table of pg-core/src/lib.rs");
}

#[test]
fn imports_of_the_core_go_down_the_layers_only() {
    let layers = layers();
    let core = Crate::read("pg-core");
    let up: Vec<String> = core
        .imports()
        .filter(|import| match (layers.get(top(import.from)), layers.get(top(import.to))) {
            (Some(from), Some(to)) => from < to,
            _ => false,
        })
        .map(|import| import.to_string())
        .collect();
    assert!(up.is_empty(), "imports from a layer below:\n{}", up.join("\n"));
}

#[test]
fn no_file_imports_itself_through_others() {
    let circles = Crate::read("pg-core").circles();
    assert!(circles.is_empty(), "import circles:\n{}", circles.join("\n"));
}

#[test]
fn nothing_is_imported_through_the_crate_root() {
    for name in CRATES {
        let source = Crate::read(name);
        let through: Vec<String> =
            source.imports().filter(|import| import.to.is_empty()).map(|import| import.to_string()).collect();
        assert!(through.is_empty(), "{name}: name the module that defines it:\n{}", through.join("\n"));
    }
}

#[test]
fn the_core_names_nothing_of_the_outside_world() {
    // Clippy holds the same by type (pg-core/clippy.toml); this needs no clippy.
    let outside = [
        "std::fs",
        "std::env",
        "std::thread",
        "std::process",
        "std::os::",
        "std::io::std",
        "Instant::now",
        "SystemTime::now",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "ToSocketAddrs",
        "println!",
        "getrandom",
        "rand::",
    ];
    let core = Crate::read("pg-core");
    for (module, code) in core.code() {
        for word in outside {
            assert!(
                !code.contains(word),
                "pg-core/src: module {module} names {word}: bytes and values are arguments"
            );
        }
    }
}

#[test]
fn the_core_stands_on_no_runtime_and_no_io() {
    let tree = dependencies(&["-p", "pg-core", "--all-features"]);
    let forbidden = [
        "tokio",
        "mio",
        "polling",
        "socket2",
        "rustix",
        "async-io",
        "async-std",
        "smol",
        "futures-executor",
        "nix",
        "signal-hook",
        "rustls-native-certs",
        "webpki-roots",
    ];
    for name in forbidden {
        assert!(!tree.contains(name), "pg-core depends on {name}");
    }
    // postgres-protocol (by rand) and ring bring getrandom along; nothing here calls it.
    let direct = dependencies(&["-p", "pg-core", "--all-features", "--depth", "1"]);
    assert!(
        !direct.contains("getrandom") && !direct.contains("rand"),
        "pg-core takes random bytes as arguments"
    );
}

#[test]
fn the_blocking_client_has_no_runtime_beneath() {
    let tree = dependencies(&["-p", "pg-blocking", "--all-features"]);
    for name in ["tokio", "mio", "futures-executor", "async-io", "async-executor", "smol"] {
        assert!(!tree.contains(name), "pg-blocking depends on {name}");
    }
}

#[test]
fn the_blocking_client_without_tls_is_at_most_fifty_crates() {
    let tree = dependencies(&["-p", "pg-blocking", "--no-default-features"]);
    assert!(tree.len() <= 50, "{} crates: {tree:?}", tree.len());
}

/// Names of the crates that are linked, the package itself included; one is listed once for each version.
fn dependencies(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(workspace())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("pg-"), "{text}");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// A method with a default that a wrapper forgets is the wrapped exchange's no longer.
#[test]
fn whoever_wraps_an_exchange_forwards_all_of_it() {
    let core = Crate::read("pg-core");
    let code: BTreeMap<&str, &str> = core.code().collect();
    let (_, declared) = code["exchange"].split_once("pub trait Exchange").unwrap();
    let (declared, _) = declared.split_once("\n}").unwrap();
    let named = |word: &str, end: &str| -> Vec<String> {
        declared.split(word).skip(1).map(|rest| rest.split(end).next().unwrap().to_owned()).collect()
    };
    let mut wanted: Vec<String> =
        named(" fn ", "(").iter().map(|name| format!("self.exchange.{name}(")).collect();
    wanted.extend(named(" const ", ":").iter().map(|name| format!("const {name}: bool = E::{name};")));
    assert!(wanted.len() > 15, "{wanted:?}");
    let wrappers: Vec<&str> = code
        .iter()
        .filter(|(_, code)| code.contains("E: Exchange> Exchange for"))
        .map(|(module, _)| *module)
        .collect();
    assert!(wrappers.contains(&"exchange::under") && wrappers.contains(&"observe::tally"), "{wrappers:?}");
    for module in wrappers {
        for call in &wanted {
            assert!(code[module].contains(call), "pg-core/src: module {module} lacks `{call}`");
        }
    }
}

#[test]
fn each_public_trait_says_what_to_do_where_it_is_missing() {
    let mut silent = Vec::new();
    for name in CRATES {
        let source = Crate::read(name);
        for (module, code) in source.code() {
            for (at, _) in code.match_indices("pub trait ") {
                let before = &code[..at];
                let attributes = &before[before.rfind(['}', ';']).unwrap_or_default()..];
                if !attributes.contains("diagnostic::on_unimplemented") {
                    let declared = code[at..].lines().next().unwrap_or_default();
                    silent.push(format!("{name} {module}: {declared}"));
                }
            }
        }
    }
    assert!(silent.is_empty(), "traits without `#[diagnostic::on_unimplemented]`:\n{}", silent.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).unwrap();
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for member in ["pg-core", "pg-derive", "pg-blocking", "pg-async", "tests"] {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{member} doesn't take the workspace's lints"
        );
    }
}

#[test]
fn no_source_file_is_longer_than_a_thousand_lines() {
    for name in CRATES {
        for (path, lines) in Crate::read(name).lengths() {
            // Generated from the server's list of codes.
            if path.ends_with("pg-core/src/sqlstate.rs") {
                continue;
            }
            assert!(lines <= 1000, "{} has {lines} lines: it holds more than one idea", path.display());
        }
    }
}

#[test]
fn both_clients_have_the_same_files() {
    let files = |name: &str| -> BTreeSet<String> {
        Crate::read(name).modules().map(|module| top(module).to_owned()).collect()
    };
    let (mut blocking, mut asynchronous) = (files("pg-blocking"), files("pg-async"));
    // What is waited with: a socket's own waiting, or a runtime.
    blocking.remove("socket");
    blocking.remove("pump");
    blocking.remove("nonblocking");
    blocking.remove("wait");
    asynchronous.remove("runtime");
    // Tasks of one connection: threads have each their own.
    asynchronous.remove("shared");
    assert_eq!(blocking, asynchronous);
}

#[test]
fn imports_are_seen_in_every_way_that_they_are_written() {
    let code = source::plain(
        "//! Not `crate::documented`.\nuse crate::{a::{self, B}, c as d};\npub(crate) use super::e;\n\
         fn f() -> crate::g::H { let _ = \"crate::quoted\"; /* crate::commented */ inner::call::<self::i::J>(::std::k::l()) }",
    );
    let paths: Vec<String> = source::paths(&code).into_iter().collect();
    assert_eq!(
        paths,
        ["crate::a", "crate::a::B", "crate::c", "crate::g::H", "inner::call", "self::i::J", "super::e"]
    );
    let (code, files) =
        source::without_tests("a; #[cfg(test)] mod cases; b; #[cfg(test)]\nmod tests { use crate::x; }");
    assert_eq!((code.as_str(), files), ("a; ; b; ", vec!["cases".to_owned()]));
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}
