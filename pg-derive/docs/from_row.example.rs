
#[derive(Debug, FromSql)]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, FromRow)]
struct Audit {
    by: String,
    note: Option<String>,
}

#[derive(Debug, FromRow)]
struct User<'r> {
    id: i64,
    name: &'r str,
    #[pg(name = "feeling")]
    mood: Option<Mood>,
    #[pg(default)]
    logins: i64,
    #[pg(flatten(prefix = "created_"))]
    created: Audit, // created_by, created_note
    #[pg(flatten(prefix = "deleted_"))]
    deleted: Option<Audit>,
    #[pg(skip)]
    cached: Option<String>,
}

#[derive(Debug, FromRow)]
struct Count(i64);

assert_eq!(User::SHAPE.fields().len(), 6);
