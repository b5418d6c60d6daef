// Mistakes: 9
//! What traits say that are met without a derive.

use pg_blocking::pg_core::{Parameter, Run};
use pg_blocking::{Client, Config, Row, Session, wait};

struct Money(i64);

fn names_no_column(row: &Row) {
    let _ = row.value(1_i64);
}

fn can_not_be_kept(client: &mut Client) {
    let _ = client.query_value::<Money>("select 1", ());
}

fn is_no_session(money: &mut Money) {
    runs(money);
}

fn runs<S: Session>(_: &mut S) {}

fn is_no_sink(client: &mut Client) {
    client.set_notification_sink(Some(Box::new(Money(1))));
}

fn is_no_parameter() {
    let _: &[&dyn Parameter] = &[&Money(1)];
}

fn is_no_exchange(client: &mut Client) {
    let _ = client.run(Money(1));
}

fn is_no_part(client: &mut Client) {
    let _ = client.pipeline((Money(1), Money(2)));
}

fn does_not_wait(config: &Config) {
    let _ = wait::connect(config, std::sync::Arc::new(Money(1)));
}

fn is_no_observer(config: &Config) {
    let _ = config.connect_observed(Money(1));
}

fn main() {}
