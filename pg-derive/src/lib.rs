//! The derives of pg-core, pg-blocking and pg-async: adapters, typecasters, rows, parameters and rows of COPY.
//!
//! Three steps, a file or a folder each: `attributes` and `input` parse, `check` decides what the type is to PostgreSQL
//! and finds the mistakes, `expand` writes the impl. All mistakes of one input are gathered and reported at their own
//! spans; then a stub impl stands in, so that they aren't followed by others. Nothing here panics, and no attribute is
//! passed over in silence.
//!
//! A derive macro can't know which crate its user depends on, so each host crate has its own set of entry points and
//! re-exports it under the plain names.

mod attributes;
mod bounds;
mod check;
mod errors;
mod expand;
mod input;
mod rename;
#[cfg(test)]
mod walk;

use input::Derive;
use proc_macro::TokenStream;

macro_rules! entry_points {
    ($host:literal, $code:literal: $ToSql:ident $to_sql:ident, $FromSql:ident $from_sql:ident, $FromRow:ident $from_row:ident,
     $Params:ident $params:ident, $CopyRow:ident $copy_row:ident) => {
        #[doc = concat!(
            include_str!("../docs/to_sql.md"), "\n# Example\n\n```", $code, "\nuse ", $host, "::{Adapter, ToSql};\n",
            include_str!("../docs/to_sql.example.rs"), "```\n"
        )]
        #[proc_macro_derive($ToSql, attributes(pg))]
        pub fn $to_sql(input: TokenStream) -> TokenStream {
            derive(Derive::ToSql, $host, input)
        }

        #[doc = concat!(
            include_str!("../docs/from_sql.md"), "\n# Example\n\n```", $code, "\nuse ", $host, "::{FromSql, Typecaster};\n",
            include_str!("../docs/from_sql.example.rs"), "```\n"
        )]
        #[proc_macro_derive($FromSql, attributes(pg))]
        pub fn $from_sql(input: TokenStream) -> TokenStream {
            derive(Derive::FromSql, $host, input)
        }

        #[doc = concat!(
            include_str!("../docs/from_row.md"), "\n# Example\n\n```", $code, "\nuse ", $host, "::{FromRow, FromSql};\n",
            include_str!("../docs/from_row.example.rs"), "```\n"
        )]
        #[proc_macro_derive($FromRow, attributes(pg))]
        pub fn $from_row(input: TokenStream) -> TokenStream {
            derive(Derive::FromRow, $host, input)
        }

        #[doc = concat!(
            include_str!("../docs/params.md"), "\n# Example\n\n```", $code, "\nuse ", $host, "::Params;\n",
            include_str!("../docs/params.example.rs"), "```\n"
        )]
        #[proc_macro_derive($Params, attributes(pg))]
        pub fn $params(input: TokenStream) -> TokenStream {
            derive(Derive::Params, $host, input)
        }

        #[doc = concat!(
            include_str!("../docs/copy_row.md"), "\n# Example\n\n```", $code, "\nuse ", $host, "::CopyRow;\n",
            include_str!("../docs/copy_row.example.rs"), "```\n"
        )]
        #[proc_macro_derive($CopyRow, attributes(pg))]
        pub fn $copy_row(input: TokenStream) -> TokenStream {
            derive(Derive::CopyRow, $host, input)
        }
    };
}

entry_points!("pg_core", "rust":
    ToSqlForCore to_sql_for_core, FromSqlForCore from_sql_for_core, FromRowForCore from_row_for_core,
    ParamsForCore params_for_core, CopyRowForCore copy_row_for_core);
entry_points!("pg_blocking", "rust,ignore":
    ToSqlForBlocking to_sql_for_blocking, FromSqlForBlocking from_sql_for_blocking,
    FromRowForBlocking from_row_for_blocking, ParamsForBlocking params_for_blocking,
    CopyRowForBlocking copy_row_for_blocking);
entry_points!("pg_async", "rust,ignore":
    ToSqlForAsync to_sql_for_async, FromSqlForAsync from_sql_for_async, FromRowForAsync from_row_for_async,
    ParamsForAsync params_for_async, CopyRowForAsync copy_row_for_async);

fn derive(derive: Derive, host: &str, tokens: TokenStream) -> TokenStream {
    match syn::parse(tokens) {
        Ok(input) => expand::derive(derive, host, &input).into(),
        Err(e) => e.to_compile_error().into(),
    }
}
