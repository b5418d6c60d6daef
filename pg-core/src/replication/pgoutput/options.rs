//! The plugin's options.

use super::super::command::PluginOptions;

/// What pgoutput is asked for.
///
/// ```
/// use pg_core::replication::command::PluginOptions;
/// use pg_core::replication::pgoutput::{PgOutput, Streaming};
///
/// let options: PluginOptions = PgOutput::new(["audit", "Weird, \"one\""]).binary().streaming(Streaming::On).into();
/// assert_eq!(options.get("proto_version"), Some("2"));
/// assert_eq!(options.get("publication_names"), Some(r#""audit","Weird, ""one""""#));
/// ```
#[derive(Debug, Clone)]
pub struct PgOutput {
    publications: Vec<String>,
    version: u32,
    binary: bool,
    messages: bool,
    streaming: Streaming,
    two_phase: bool,
    origin_none: bool,
}

/// Whether large transactions are sent before they have committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Streaming {
    /// Each transaction comes after it has committed.
    #[default]
    Off,
    /// Those above the server's `logical_decoding_work_mem` come in blocks. Protocol version 2.
    On,
    /// And aborts tell their place and time. Protocol version 4, from PostgreSQL 16 on.
    Parallel,
}

impl PgOutput {
    /// The changes of these publications, in protocol version 1, or as high a one as the options need.
    pub fn new(publications: impl IntoIterator<Item = impl Into<String>>) -> PgOutput {
        PgOutput {
            publications: publications.into_iter().map(Into::into).collect(),
            version: 1,
            binary: false,
            messages: false,
            streaming: Streaming::Off,
            two_phase: false,
            origin_none: false,
        }
    }

    /// The protocol version: 1 to 4, at least.
    #[must_use]
    pub fn version(mut self, version: u32) -> PgOutput {
        self.version = version;
        self
    }

    /// Values come in binary, of types that have such a form.
    #[must_use]
    pub fn binary(mut self) -> PgOutput {
        self.binary = true;
        self
    }

    /// What `pg_logical_emit_message` sends comes too.
    #[must_use]
    pub fn messages(mut self) -> PgOutput {
        self.messages = true;
        self
    }

    /// Whether large transactions come before they have committed.
    #[must_use]
    pub fn streaming(mut self, streaming: Streaming) -> PgOutput {
        self.streaming = streaming;
        self
    }

    /// Prepared transactions come when they are prepared; the slot was made with `two_phase`. Protocol version 3, from
    /// PostgreSQL 15 on.
    #[must_use]
    pub fn two_phase(mut self) -> PgOutput {
        self.two_phase = true;
        self
    }

    /// Only changes that were made on this server, and not those that it has replicated. From PostgreSQL 16 on.
    #[must_use]
    pub fn local_only(mut self) -> PgOutput {
        self.origin_none = true;
        self
    }
}

impl From<PgOutput> for PluginOptions {
    fn from(wanted: PgOutput) -> PluginOptions {
        let streaming = match wanted.streaming {
            Streaming::Off => 1,
            Streaming::On => 2,
            Streaming::Parallel => 4,
        };
        let version = wanted.version.max(streaming).max(if wanted.two_phase { 3 } else { 1 });
        // A list of identifiers, as the server splits it.
        let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let names: Vec<String> = wanted.publications.iter().map(quoted).collect();
        let mut options = PluginOptions::default()
            .with("proto_version", version.to_string())
            .with("publication_names", names.join(","));
        for (set, name, value) in [
            (wanted.binary, "binary", "true"),
            (wanted.messages, "messages", "true"),
            (wanted.streaming == Streaming::On, "streaming", "on"),
            (wanted.streaming == Streaming::Parallel, "streaming", "parallel"),
            (wanted.two_phase, "two_phase", "on"),
            (wanted.origin_none, "origin", "none"),
        ] {
            if set {
                options = options.with(name, value);
            }
        }
        options
    }
}
