//! The core's log lines on their way to the host's logger.
//!
//! `tracing` events (and those of the `log` crate) become records, lose their
//! secrets and go into the queue of a thread-safe function: weak, so that it does
//! not keep Node alive, bounded, and never waited for. A full queue drops lines;
//! the next line that gets through says how many.

use std::{
    fmt::{self, Write as _},
    sync::{
        OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use napi::{
    Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

use crate::redact::redact;

/// Lines that may wait for the JavaScript thread.
const QUEUE: usize = 1024;

/// Where the records go.
pub(crate) type LogSink = ThreadsafeFunction<LogRecord, (), LogRecord, Status, false, true, QUEUE>;

static SINK: RwLock<Option<LogSink>> = RwLock::new(None);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static FILTER: OnceLock<Option<reload::Handle<Targets, Registry>>> = OnceLock::new();

/// How much is logged, and how bad a line is.
#[napi(string_enum = "lowercase")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// One line of the log, without secrets.
#[napi(object, object_from_js = false)]
pub struct LogRecord {
    /// How bad it is.
    pub level: LogLevel,
    /// Module it came from.
    pub target: String,
    /// Message and fields.
    pub message: String,
    /// Set when the record belongs to one account.
    pub account_id: Option<String>,
}

/// Replaces sink and level.
pub(crate) fn install(level: LogLevel, sink: LogSink) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    let targets = targets(level);
    let handle = FILTER.get_or_init(|| {
        let (filter, handle) = reload::Layer::new(targets.clone());
        let installed = tracing_subscriber::registry()
            .with(filter)
            .with(Bridge)
            .try_init();
        installed.ok().map(|()| handle)
    });
    if let Some(handle) = handle {
        // Fails only once the subscriber is gone, which it never is.
        let _ = handle.reload(targets);
    }
}

/// Ours in full; the SDK one step quieter, everything else only when it warns.
fn targets(level: LogLevel) -> Targets {
    let (ours, sdk, rest) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO),
    };
    Targets::new()
        .with_targets([("matrix_core", ours), ("matrix_node", ours)])
        .with_target("matrix_sdk", sdk)
        .with_default(rest)
}

/// Sends what a panic says to the log; without a sink it goes where it always went.
/// The hook sees only this addon's panics: its standard library is its own.
pub(crate) fn report_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if SINK.read().is_ok_and(|sink| sink.is_some()) {
            tracing::error!(target: "matrix_node", "{panic}");
        } else {
            usual(panic);
        }
    }));
}

/// The account a span belongs to.
struct AccountId(String);

struct Bridge;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Bridge {
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        let mut fields = Line::default();
        attributes.record(&mut fields);
        if let (Some(account_id), Some(span)) = (fields.account_id, context.span(id)) {
            span.extensions_mut().insert(AccountId(account_id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = sink.as_ref() else { return };
        let mut line = Line::default();
        event.record(&mut line);
        let account_id = line.account_id.or_else(|| {
            context.event_scope(event)?.find_map(|span| {
                let extensions = span.extensions();
                extensions.get::<AccountId>().map(|id| id.0.clone())
            })
        });
        // Lines of the `log` crate carry their real target among the fields.
        let normal = event.normalized_metadata();
        let metadata = normal.as_ref().unwrap_or_else(|| event.metadata());
        let mut message = line.message;
        message.push_str(&line.fields);
        let dropped = DROPPED.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            // Infallible for a String.
            let _ = write!(message, " ({dropped} earlier lines were dropped)");
        }
        let record = LogRecord {
            level: level(metadata.level()),
            target: metadata.target().to_owned(),
            message: redact(&message).into_owned(),
            account_id,
        };
        match sink.call(record, ThreadsafeFunctionCallMode::NonBlocking) {
            Status::Ok => {}
            _ => {
                DROPPED.fetch_add(dropped + 1, Ordering::Relaxed);
            }
        }
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Message and fields of an event or span.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
    account_id: Option<String>,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // An empty id is a call that belongs to no account.
            "account_id" if value.is_empty() => {}
            "account_id" => self.account_id = Some(value.to_owned()),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Infallible for a String.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "account_id" => {
                self.account_id = Some(format!("{value:?}"));
                Ok(())
            }
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
