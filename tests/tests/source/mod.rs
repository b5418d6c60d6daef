//! Reads a crate's source as text: its modules, one a file, and which of them import which. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder with the workspace's Cargo.toml.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The source of one crate.
pub(crate) struct Crate {
    /// By the module's path without `crate::`; the root is empty.
    files: BTreeMap<String, File>,
}

struct File {
    path: PathBuf,
    lines: usize,
    /// Without comments, texts and tests.
    code: String,
}

/// One file's use of another.
pub(crate) struct Import<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    /// As it is written.
    path: String,
}

impl fmt::Display for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} ({})", named(self.from), named(self.to), self.path)
    }
}

fn named(module: &str) -> &str {
    if module.is_empty() { "the crate root" } else { module }
}

impl Crate {
    /// Reads `name/src`.
    pub(crate) fn read(name: &str) -> Crate {
        let root = workspace().join(name).join("src");
        let mut files = BTreeMap::new();
        let mut tests = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let module = module_of(path.strip_prefix(&root).unwrap());
                    let text = std::fs::read_to_string(&path).unwrap();
                    let (code, test_modules) = without_tests(&plain(&text));
                    tests.extend(test_modules.into_iter().map(|name| join(&module, &name)));
                    files.insert(module, File { path, lines: text.lines().count(), code });
                }
            }
        }
        files.retain(|module, _| !tests.contains(module) && !module.ends_with("_tests"));
        Crate { files }
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Each module's code without comments, texts and tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(module, file)| (module.as_str(), file.code.as_str()))
    }

    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&Path, usize)> {
        self.files.values().map(|file| (file.path.as_path(), file.lines))
    }

    /// Every path that leads from one file to another. What a file re-exports is an import too.
    pub(crate) fn imports(&self) -> impl Iterator<Item = Import<'_>> {
        self.files.iter().flat_map(move |(from, file)| {
            paths(&file.code).into_iter().filter_map(move |path| {
                let to = self.resolve(from, &path)?;
                (to != from).then_some(Import { from, to, path })
            })
        })
    }

    /// The file that a path leads to; none for other crates' and for local names.
    fn resolve(&self, from: &str, path: &str) -> Option<&str> {
        let mut words: Vec<&str> = path.split("::").collect();
        let mut module: Vec<&str> = from.split("::").filter(|word| !word.is_empty()).collect();
        match words[0] {
            "crate" => module.clear(),
            "self" => {}
            "super" => {
                module.pop();
                while words.get(1) == Some(&"super") {
                    words.remove(0);
                    module.pop();
                }
            }
            child if self.files.contains_key(&join(from, child)) => module.push(child),
            _ => return None,
        }
        for word in &words[1..] {
            if !self.files.contains_key(&join(&module.join("::"), word)) {
                break;
            }
            module.push(word);
        }
        self.files.get_key_value(&module.join("::")).map(|(module, _)| module.as_str())
    }

    /// Circles of imports, one line each; the crate root, which declares and re-exports everything, is left out.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut to: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for import in self.imports().filter(|import| !import.from.is_empty() && !import.to.is_empty()) {
            to.entry(import.from).or_default().insert(import.to);
        }
        let mut done = BTreeSet::new();
        let mut circles = Vec::new();
        for start in to.keys() {
            walk(start, &to, &mut Vec::new(), &mut done, &mut circles);
        }
        circles
    }
}

fn walk<'a>(
    module: &'a str,
    to: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    circles: &mut Vec<String>,
) {
    if let Some(at) = way.iter().position(|before| *before == module) {
        circles.push(format!("{} -> {module}", way[at..].join(" -> ")));
        return;
    }
    if done.contains(module) {
        return;
    }
    way.push(module);
    for next in to.get(module).into_iter().flatten() {
        walk(next, to, way, done, circles);
    }
    way.pop();
    done.insert(module);
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// `exchange/mod.rs` and `exchange.rs` are `exchange`; `lib.rs` is the root.
fn module_of(path: &Path) -> String {
    let path = path.with_extension("");
    let words: Vec<&str> = path.iter().map(|word| word.to_str().unwrap()).collect();
    match words[..] {
        ["lib"] => String::new(),
        [ref folder @ .., "mod"] => folder.join("::"),
        ref words => words.join("::"),
    }
}

/// Code without comments and without what stands in quotes, which is replaced by `""`.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..];
        } else if rest.starts_with("r\"")
            || rest.starts_with("r#") && !out.ends_with(|c: char| c.is_alphanumeric())
        {
            let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
            if rest[1 + hashes..].starts_with('"') {
                let end = format!("\"{}", "#".repeat(hashes));
                let body = &rest[2 + hashes..];
                out.push_str("\"\"");
                rest = &body[body.find(&end).map_or(body.len(), |at| at + end.len())..];
            } else {
                out.push(character);
                rest = &rest[1..];
            }
        } else if character == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            out.push_str("\"\"");
            rest = &rest[end.map_or(rest.len(), |at| at + 2)..];
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            rest = &rest[rest.find("\"'").map_or(1, |at| at + 2)..];
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

/// Code without `#[cfg(test)]` modules (which stand at the end of a file), and the names of those in files of their own.
pub(crate) fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut files = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = item.find(['{', ';']).unwrap_or(item.len());
        let Some((_, name)) = item[..end].rsplit_once("mod ") else {
            // Something else for tests, such as an import: to its end.
            rest = &item[item.find(['}', ';']).map_or(item.len(), |at| at + 1)..];
            continue;
        };
        if item[end..].starts_with('{') {
            return (kept, files);
        }
        files.push(name.trim().to_owned());
        rest = &item[end..];
    }
    kept.push_str(rest);
    (kept, files)
}

/// All paths of two words or more; those of `use` with their braces taken apart.
pub(crate) fn paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let before = rest[..at].chars().next_back();
        let statement = &rest[at + 4..];
        let end = statement.find(';').unwrap_or(statement.len());
        if before.is_none_or(|c| c.is_whitespace()) {
            branches("", &statement[..end], &mut paths);
        }
        rest = &statement[end..];
    }
    let mut word = String::new();
    for character in code.chars().chain([' ']) {
        if character.is_alphanumeric() || matches!(character, '_' | ':') {
            word.push(character);
        } else {
            let path = word.trim_matches(':');
            if path.contains("::") && !word.starts_with(':') {
                paths.insert(path.to_owned());
            }
            word.clear();
        }
    }
    paths
}

fn branches(prefix: &str, tree: &str, paths: &mut BTreeSet<String>) {
    let (mut depth, mut start) = (0, 0);
    for (at, character) in tree.char_indices().chain([(tree.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = tree[start..at].trim();
                start = (at + 1).min(tree.len());
                match branch.split_once('{') {
                    Some((stem, inner)) => {
                        branches(&format!("{prefix}{}", stem.trim()), inner.trim_end_matches('}'), paths);
                    }
                    None if branch.is_empty() => {}
                    None => {
                        let name = branch.split(" as ").next().unwrap_or_default();
                        paths.insert(format!("{prefix}{name}").trim_end_matches("::self").to_owned());
                    }
                }
            }
            _ => {}
        }
    }
}
