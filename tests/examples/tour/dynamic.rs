//! What is known only at run time: columns of any type, codecs that nobody could derive, SQL in pieces.

use crate::{Outcome, Tour};
use pg_blocking::pg_core::row::Table;
use pg_blocking::pg_core::types::Type;
use pg_blocking::pg_core::types::run_time::CodecContext;
use pg_blocking::pg_core::types::value::Value;
use pg_blocking::pg_core::types::via::{Via, via};
use pg_blocking::{Registry, Row, Sql};
use std::collections::BTreeMap;
use std::num::ParseFloatError;
use std::time::UNIX_EPOCH;

/// Rows whose columns nobody knew.
pub(crate) fn columns_of_any_type(tour: &mut Tour) -> Outcome {
    let sql = "select name, home, moods, basket from guest order by name";
    tour.screen.sql(sql);
    let rows: Vec<Row> = tour.step("all columns as they are", |client| client.query(sql, ()))?;
    tour.screen.block(Table::of(&rows)?.null("(none)"));
    let Some(row) = rows.first() else { return Err("there are guests".into()) };
    tour.screen.pair("row.value(\"moods\")?", format_args!("{:?}", row.value("moods")?));
    let maps: Vec<BTreeMap<String, Value>> = tour.client.query("select 1 as n, 'a' as word", ())?;
    tour.screen.pair("a row as BTreeMap<String, Value>", format_args!("{:?}", maps[0]));
    Ok(())
}

/// As if of another crate: it has no traits of ours.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place(f64, f64);

fn read(text: &str, _: &CodecContext<'_>) -> Result<Place, ParseFloatError> {
    let (x, y) = text.trim_matches(['(', ')']).split_once(',').unwrap_or((text, ""));
    Ok(Place(x.parse()?, y.parse()?))
}

fn write(place: &Place, _: &CodecContext<'_>) -> String {
    format!("({},{})", place.0, place.1)
}

/// A typecaster and an adapter by name, for one client or one statement.
pub(crate) fn codecs_of_run_time(tour: &mut Tour) -> Outcome {
    let points = Registry::new().typecaster("point", read).adapter("point", write);
    let here = Place(48.2, 16.4);
    let sql = "select $1, array[$1, null]";
    tour.screen.sql(sql);
    let (Via(back), list): (Via<Place>, Vec<Option<Via<Place>>>) = tour
        .step("client.using(&points): codecs of this statement alone", |client| {
            client.using(&points).query_one(sql, (via(&here),))
        })?;
    assert_eq!((back, &list), (here, &vec![Some(Via(here)), None]));
    tour.screen.block(format_args!("{back:?}, {list:?}"));
    Ok(())
}

/// Names, values and lists, each in its place and none as text.
pub(crate) fn sql_in_pieces(tour: &mut Tour) -> Outcome {
    let (table, columns, limit) = ("guest", ["name", "mail"], 1_i64);
    let columns = columns.map(pg_blocking::pg_core::compose::Ident::new);
    let sql = Sql::new("select ").join(", ", columns)?.text(" from ").identifier(table)?;
    let sql = sql.text(" where name <> ").value("'; drop table guest; --").text(" limit ").value(limit);
    tour.screen.sql(sql.as_str());
    let rows: Vec<(String, String)> = tour.client.query(sql.as_str(), &sql)?;
    tour.screen.block(format_args!("{rows:?}"));
    // Where there are no parameters: values written out, each with its type.
    let since = tour.client.connection().literal(&UNIX_EPOCH)?;
    let tags = tour.client.connection().literal_as(&"[1, 2]", &Type::JSONB)?;
    let sql =
        format!("create temp table noted (since timestamptz default {since}, tags jsonb default {tags})");
    tour.screen.sql(&sql);
    Ok(tour.client.batch_execute(&sql)?)
}
