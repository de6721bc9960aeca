//! Owns the form of a log line: JSON with the names of the Elastic Common Schema for machines,
//! text for people. Both bear the trace's id wherever the line was written within one.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::surface::LogForm;
use crate::trace::ids_of;

/// Formats log lines.
#[derive(Debug)]
pub(crate) struct LogLine {
    form: LogForm,
    service: &'static str,
}

impl LogLine {
    pub(crate) fn new(form: LogForm, service: &'static str) -> Self {
        Self { form, service }
    }
}

/// The parts of a line, from which either form is written.
struct Line {
    at: String,
    level: &'static str,
    target: &'static str,
    message: String,
    fields: Map<String, Value>,
    trace: Option<(String, String)>,
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = Line::of(context, event);
        match self.form {
            LogForm::Json => writeln!(writer, "{}", line.into_json(self.service)),
            LogForm::Text => writeln!(writer, "{}", line.into_text()?),
        }
    }
}

impl Line {
    fn of<S, N>(context: &FmtContext<'_, S, N>, event: &Event<'_>) -> Self
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        let mut fields = Map::new();
        // The outermost span first, so that what is said closer to the line wins.
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let of_span = extensions
                .get::<FormattedFields<N>>()
                .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
            fields.extend(of_span.unwrap_or_default());
        }
        event.record(&mut Fields(&mut fields));
        let message = match fields.remove("message") {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        // Entering a span makes its trace the current one of the thread. The subscriber itself
        // cannot be asked: while it handles an event it answers nobody.
        let trace = ids_of(&opentelemetry::Context::current())
            .map(|(trace, span)| (trace.to_string(), span.to_string()));
        let metadata = event.metadata();
        Self {
            at: contract::time::to_text(contract::time::now()),
            level: metadata.level().as_str(),
            target: metadata.target(),
            message,
            fields,
            trace,
        }
    }

    fn into_json(self, service: &'static str) -> Value {
        let mut line = self.fields;
        line.insert("@timestamp".into(), self.at.into());
        line.insert("log.level".into(), self.level.to_ascii_lowercase().into());
        line.insert("log.logger".into(), self.target.into());
        line.insert("message".into(), self.message.into());
        line.entry("service.name").or_insert(service.into());
        if let Some((trace, span)) = self.trace {
            line.insert("trace.id".into(), trace.into());
            line.insert("span.id".into(), span.into());
        }
        Value::Object(line)
    }

    fn into_text(self) -> Result<String, fmt::Error> {
        let mut line = format!("{} {:>5} {}", self.at, self.level, self.message);
        for (name, value) in &self.fields {
            write!(line, " {name}={value}")?;
        }
        write!(line, " ({}", self.target)?;
        if let Some((trace, _)) = &self.trace {
            write!(line, " trace.id={trace}")?;
        }
        line.push(')');
        Ok(line)
    }
}

/// Collects an event's fields.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}
