
#[derive(Debug, PartialEq, FromSql)]
#[pg(rename_all = "lowercase")]
enum Mood {
    Sad,
    VeryHappy, // the label `veryhappy`
}

#[derive(Debug, PartialEq, FromSql)]
struct Item<'r> {
    name: &'r str,
    price: i64,
    #[pg(name = "keywords")]
    tags: Vec<&'r str>,
    mood: Option<Mood>,
    #[pg(skip)]
    rendered: Option<String>,
}

#[derive(Debug, PartialEq, FromSql)]
#[pg(transparent)]
struct Page<T> {
    items: Vec<T>,
}

assert_eq!(<Item<'_> as Typecaster<'_>>::TYPE.to_string(), "item");
assert_eq!(<Page<Mood> as Typecaster<'_>>::TYPE.to_string(), "mood[]");
