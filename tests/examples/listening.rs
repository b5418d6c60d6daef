//! Notifications: waiting for one, giving them to a sink, and a listener that outlives its connection.
//! `cargo run -p pg-tests --example listening`

use pg_blocking::pg_core::listener::Signal;
use pg_blocking::{Config, Heard, Listener, Result};
use pg_tests::relay::{Cut, Relay};
use pg_tests::server::Server;
use std::sync::mpsc;
use std::time::Duration;

fn main() -> Result<()> {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = Config::new(&database.url())?.connect()?;
    client.listen("orders")?;

    // One that is waited for; others come along with any answer.
    client.notify("orders", "nr 1")?;
    if let Some(Heard::Notification(order)) = client.wait_notification(Duration::from_secs(10))? {
        println!("{}: {}", order.channel, order.payload);
    }

    // A sink is given each as it comes, wherever the connection reads.
    let (sender, receiver) = mpsc::channel();
    client.set_notification_sink(Some(Box::new(sender)));
    client.notify("orders", "nr 2")?;
    println!(
        "to the channel: {:?}",
        receiver.try_recv().ok().and_then(Heard::notification).map(|n| n.payload)
    );

    // A listener connects and listens again, and says where something may be missing.
    let mut listener = Listener::connect(&Config::new(&relay.url(&database))?, &["orders"])?;
    client.notify("orders", "nr 3")?;
    tell(listener.next()?);
    relay.cut(Cut::Fin);
    client.notify("orders", "nr 4, which nobody hears")?;
    tell(listener.next()?);
    client.notify("orders", "nr 5")?;
    tell(listener.next()?);
    Ok(())
}

fn tell(signal: Signal) {
    match signal {
        Signal::Notification(order) => println!("heard: {}", order.payload),
        Signal::Gap(why) => println!("some may be missing, so all orders are read anew: {}", why.summary()),
        Signal::Lost(count) => println!("{count} are missing"),
    }
}
