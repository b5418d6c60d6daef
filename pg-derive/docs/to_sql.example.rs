
#[derive(ToSql)]
enum Mood {
    Sad,
    #[pg(name = "so so")]
    Ok,
    VeryHappy, // the label `very_happy`
}

#[derive(ToSql)]
#[pg(schema = "shop")] // CREATE TYPE shop.item AS (name text, price bigint, tags text[])
struct Item<'a> {
    name: &'a str,
    price: i64,
    tags: Vec<&'a str>,
}

#[derive(ToSql)]
#[pg(domain)] // CREATE DOMAIN email AS text CHECK (..)
struct Email(String);

#[derive(ToSql)]
#[pg(packed)] // PostgreSQL's own `point`: two float8
struct Point {
    x: f64,
    y: f64,
}

#[derive(ToSql)]
#[pg(text, name = "inet")] // through Display
struct Host(std::net::IpAddr);

assert_eq!(<Item<'_> as Adapter>::TYPE.to_string(), "shop.item");
assert_eq!(<Vec<Mood> as Adapter>::TYPE.to_string(), "mood[]");
assert!(<Host as Adapter>::TEXT_ONLY);
