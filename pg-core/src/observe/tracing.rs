//! An observer that makes a span of each call, with OpenTelemetry's names for PostgreSQL.

use super::event::{Event, Observer};
use super::text::{operation, shown};
use crate::error::Error;
use std::fmt;
use tracing::field::Empty;
use tracing::{Level, Span, event, span};

/// A span for each call, at level `INFO` and target `pg`, as OpenTelemetry's conventions for databases have it:
/// `db.system.name` (`postgresql`), `db.namespace`, `server.address`, `server.port`, `db.operation.name`, `db.query.text`,
/// `db.response.returned_rows`, `db.response.status_code` (the SQLSTATE), `error.type`.
///
/// Parameters are not shown, nor are passwords that are set in SQL. The span's name (`otel.name`) is the operation: the
/// statement's first word. A call that was dropped has the `error.type` `dropped`. Notices and notifications are events, at
/// level `DEBUG`, and a connection that could not be made is one, at level `WARN`.
#[derive(Clone, Default)]
pub struct Tracing {
    namespace: String,
    address: String,
    port: u16,
    span: Option<Span>,
}

impl Tracing {
    /// For sessions of this database, at this server.
    pub fn new(namespace: &str, address: &str, port: u16) -> Tracing {
        Tracing { namespace: namespace.to_owned(), address: address.to_owned(), port, span: None }
    }
}

impl Observer for Tracing {
    fn observe(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(call) => {
                let operation =
                    operation(call.sql).unwrap_or_else(|| format!("{:?}", call.kind).to_uppercase());
                self.span = Some(span!(
                    target: "pg",
                    Level::INFO,
                    "query",
                    otel.kind = "client",
                    otel.name = %operation,
                    db.system.name = "postgresql",
                    db.namespace = %self.namespace,
                    server.address = %self.address,
                    server.port = u64::from(self.port),
                    db.operation.name = %operation,
                    db.query.text = &*shown(call.sql),
                    db.response.returned_rows = Empty,
                    db.response.status_code = Empty,
                    error.type = Empty,
                ));
            }
            Event::Ended(_, ended) => {
                let Some(span) = self.span.take() else { return };
                span.record("db.response.returned_rows", ended.rows);
                if let Some(sqlstate) = ended.error.and_then(Error::sqlstate) {
                    span.record("db.response.status_code", sqlstate.code());
                }
                if let Some(error) = ended.error {
                    span.record("error.type", &*error_type(error));
                } else if ended.is_dropped {
                    span.record("error.type", "dropped");
                }
            }
            Event::Connected { error: Some(error), .. } => {
                event!(
                    target: "pg",
                    Level::WARN,
                    db.system.name = "postgresql",
                    db.namespace = %self.namespace,
                    server.address = %self.address,
                    server.port = u64::from(self.port),
                    error.type = &*error_type(error),
                    "connecting failed: {}",
                    error.summary()
                );
            }
            Event::Notice(notice) => {
                event!(target: "pg", Level::DEBUG, code = %notice.sqlstate.code(), "{}", notice.message);
            }
            Event::Notification(heard) => {
                event!(target: "pg", Level::DEBUG, channel = %heard.channel, "notification");
            }
            _ => {}
        }
    }

    fn is_on(&self) -> bool {
        tracing::enabled!(target: "pg", Level::INFO)
    }
}

/// The SQLSTATE, or what kind of error it is where the server said nothing.
fn error_type(error: &Error) -> String {
    match error.sqlstate() {
        Some(sqlstate) => sqlstate.code().to_owned(),
        None => format!("{:?}", error.kind()),
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
