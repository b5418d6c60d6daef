
#[derive(CopyRow)]
#[pg(rename_all = "camelCase")]
struct Entry<'a> {
    user_id: i64,
    text: &'a str,
}

let entries = [Entry { user_id: 1, text: "one" }, Entry { user_id: 2, text: "two" }];
// client.copy_in_all(&CopyFrom::table("entry"), &entries)?;
# assert_eq!(Entry::FIELDS[0].name(), Some("userId"));
# assert_eq!((entries[1].user_id, entries[1].text), (2, "two"));
