//! What a wrong derive says: a folder of cases for each kind of mistake, with the compiler's whole answer beside each.
//!
//! `TRYBUILD=overwrite cargo test -p pg-tests --test derive_errors` writes the answers anew; read them before you
//! commit them. They are those of the toolchain in `rust-toolchain.toml`.

#[test]
fn each_mistake_is_reported_once_with_its_cure() {
    trybuild::TestCases::new().compile_fail("trybuild/*/*.rs");
}
