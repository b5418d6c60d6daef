//! COPY FROM STDIN as an ordinary statement is refused, whether or not the server had failed it by itself before.

use pg_core::{ErrorKind, Result, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

async fn a_copy_that_fails_before_its_first_row_leaves_a_usable_connection<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create table entry (n int8);
             create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;
             create table closed (n int8);
             create trigger refuse before insert on closed for each statement execute function refuse()",
        )
        .await?;
    for sql in ["copy entry from stdin", "copy closed from stdin"] {
        for _ in 0..2 {
            let error = client.execute(sql, ()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            still_answers(client).await?;
            let error = client.batch_execute(sql).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            still_answers(client).await?;
        }
    }
    Ok(())
}

pg_tests::both_clients!(a_copy_that_fails_before_its_first_row_leaves_a_usable_connection);
