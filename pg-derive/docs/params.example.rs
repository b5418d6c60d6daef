
#[derive(Params)]
struct NewUser<'a> {
    name: &'a str,
    #[pg(name = "born")]
    year: i32,
}

let sql = "insert into users (name, born, slug) values (:name, :born, lower(:name))";
let user = NewUser { name: "Anna", year: 1990 };
// client.execute(sql, &user)?;
# let fields = user.fields();
# assert_eq!([fields[0].name, fields[1].name], [Some("born"), Some("name")]);
# assert!(sql.contains(":born"));
