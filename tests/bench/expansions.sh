#!/usr/bin/env bash
# What derived types cost the compiler: `cargo check` after a touch of a crate with 200 structs, ours beside
# postgres-derive. Ours writes two traits for each of theirs: its own, and postgres-types'.
#
#     tests/bench/expansions.sh [ROUNDS]
#
# Prints the CPU seconds (user and system) of the quickest of ROUNDS runs of each, and their ratio; fails above 1.5.
set -euo pipefail
rounds=${1:-5}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=$work/target CARGO_INCREMENTAL=1

crate() { # NAME DEPENDENCY IMPORT
    mkdir -p "$work/$1/src"
    printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n%s\n' "$1" "$2" \
        > "$work/$1/Cargo.toml"
    {
        echo "$3"
        for n in $(seq 200); do
            cat <<RUST
#[derive(Debug, ToSql, FromSql)]
pub struct Item$n {
    pub id: i64,
    pub name: String,
    pub price: f64,
    pub note: Option<String>,
    pub tags: Vec<String>,
    pub is_new: bool,
    pub count: i32,
    pub bytes: Vec<u8>,
}
RUST
        done
    } > "$work/$1/src/lib.rs"
    (cd "$work/$1" && cargo check --quiet)
}

seconds() { # NAME: CPU time of a check after a touch
    cd "$work/$1"
    touch src/lib.rs
    TIMEFORMAT='%U %S'
    { time cargo check --quiet --offline; } 2>&1 | awk '{ print $1 + $2 }'
}

crate ours "pg-core = { path = \"$top/pg-core\" }" 'use pg_core::{FromSql, ToSql};'
crate theirs 'postgres-types = { version = "0.2.14", features = ["derive"] }' 'use postgres_types::{FromSql, ToSql};'
for _ in $(seq "$rounds"); do
    seconds ours >> "$work/ours.times"
    seconds theirs >> "$work/theirs.times"
done
quickest() { sort -n "$work/$1.times" | head -1; }
awk -v ours="$(quickest ours)" -v theirs="$(quickest theirs)" 'BEGIN {
    printf "ours %.2f s, postgres-derive %.2f s, ratio %.2f\n", ours, theirs, ours / theirs
    exit ours / theirs > 1.5
}'
