//! What a wrong derive says: a folder of `cases` for each kind of mistake, with the compiler's whole answer beside each.
//! A case's first line tells its mistakes, and the compiler's errors are as many.
//!
//! `TRYBUILD=overwrite cargo test -p pg-derive-errors` writes the answers anew; read them before you commit them. They
//! are those of the toolchain in `rust-toolchain.toml`.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    #[test]
    fn each_mistake_is_reported_with_its_cure() {
        trybuild::TestCases::new().compile_fail("cases/*/*.rs");
    }

    #[test]
    fn each_mistake_is_reported_once() {
        let cases = cases();
        assert!(cases.len() > 60, "{} cases", cases.len());
        for case in cases {
            let (source, answer) = (read(&case), read(&case.with_extension("stderr")));
            let first = source.lines().next().unwrap_or_default();
            let mistakes: usize =
                first.strip_prefix("// Mistakes: ").and_then(|n| n.parse().ok()).unwrap_or_else(|| {
                    panic!("{} begins with its number of mistakes: `// Mistakes: 1`", case.display())
                });
            let errors = answer.lines().filter(|line| line.starts_with("error")).count();
            assert_eq!(errors, mistakes, "errors in the answer to {}", case.display());
        }
    }

    fn cases() -> Vec<PathBuf> {
        let folders = fs::read_dir("cases").unwrap().map(|folder| folder.unwrap().path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
        files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect()
    }

    fn read(path: &std::path::Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}
