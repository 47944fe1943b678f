//! Messages of a test file: what is sent, and what is expected.

use std::ops::Range;

use bytes::Bytes;

use super::json;
use super::model::Message as Written;
use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, SourceFile, codes, did_you_mean};
use crate::format::{json as json_format, xml};
use crate::message::{Headers, Limits, Message, Properties, Text, Value};
use crate::route::variables;

/// Reads a file by its path in the project.
pub type ReadFile<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// The properties that a message can have.
const PROPERTIES: &[&str] = &[
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
    "cluster_id",
];

/// How a body is compared.
#[derive(Debug)]
pub enum Form {
    /// By value.
    Json(Value),
    /// In canonical form.
    Xml(xml::Tree),
    /// Byte for byte.
    Text,
}

/// A body.
#[derive(Debug)]
pub struct Body {
    /// How it is compared.
    pub form: Form,
    /// What is sent.
    pub bytes: Bytes,
    /// Where it stands in the test file, or the name of its file does.
    pub span: Range<usize>,
    /// Its file in the project.
    pub file: Option<String>,
}

/// A message of a test file.
#[derive(Debug, Default)]
pub struct Template {
    /// The body, if one is named.
    pub body: Option<Body>,
    /// Headers by name, and where they stand.
    pub headers: Option<(Value, Range<usize>)>,
    /// Properties by name, and where they stand.
    pub properties: Option<(Value, Range<usize>)>,
    /// Where the message stands.
    pub span: Range<usize>,
}

/// Reads messages of one test file and collects what is wrong.
pub struct Reader<'a> {
    /// The test file.
    pub file: &'a SourceFile,
    /// Reads documents.
    pub read: &'a ReadFile<'a>,
    /// The bounds of documents.
    pub limits: &'a Limits,
    /// What is wrong.
    pub wrong: Vec<Diagnostic>,
    /// The documents that were read to be sent.
    pub sent_files: Vec<String>,
}

impl Reader<'_> {
    /// Adds a finding.
    pub fn error(&mut self, code: &'static str, span: &Range<usize>, message: String, hint: impl Into<String>) {
        self.wrong.push(Diagnostic::error(code, self.file, span.clone(), message).hint(hint));
    }

    /// A message that is sent: its body is whatever it is.
    pub fn sent(&mut self, written: &Written, span: &Range<usize>) -> Template {
        let template = self.template(written, span, false);
        self.sent_files.extend(template.body.as_ref().and_then(|body| body.file.clone()));
        template
    }

    /// A message that is expected: its body must be what it is compared as.
    pub fn expected(&mut self, written: &Written, span: &Range<usize>) -> Template {
        self.template(written, span, true)
    }

    fn template(&mut self, written: &Written, span: &Range<usize>, compared: bool) -> Template {
        let mut bodies = Vec::new();
        if let Some(json) = &written.json {
            match json::value(self.file, json) {
                Ok(value) => {
                    let bytes = Bytes::from(json_format::compact(&value));
                    bodies.push(Body { form: Form::Json(value), bytes, span: json.span.clone(), file: None });
                }
                Err(wrong) => self.wrong.push(wrong),
            }
        }
        if let Some(xml) = &written.xml {
            bodies.extend(self.body(Bytes::from(xml.value.clone()), &xml.span, None, "xml", compared));
        }
        if let Some(text) = &written.text {
            bodies.extend(self.body(Bytes::from(text.value.clone()), &text.span, None, "text", compared));
        }
        for (path, format) in [(&written.json_file, "json"), (&written.xml_file, "xml")] {
            if let Some(path) = path
                && let Some((name, bytes)) = self.document(path)
            {
                bodies.extend(self.body(bytes, &path.span, Some(name), format, compared));
            }
        }
        if let [_, second, ..] = bodies.as_slice() {
            let span = second.span.clone();
            let hint = "keep one of `json`, `json_file`, `xml`, `xml_file` and `text`";
            self.error(codes::VALUE_INVALID, &span, "the message has two bodies".to_owned(), hint);
        }
        let headers = written.headers.as_ref().and_then(|headers| self.members(headers, "headers"));
        let properties = written.properties.as_ref().and_then(|properties| self.members(properties, "properties"));
        if let Some((Value::Object(members), span)) = &properties {
            for name in members.keys().filter(|name| !PROPERTIES.contains(&name.as_str())) {
                let hint = match did_you_mean(name, PROPERTIES.iter().copied()) {
                    Some(similar) => format!("write `{similar}`"),
                    None => format!("the properties are {}", PROPERTIES.join(", ")),
                };
                self.error(codes::YAML_UNKNOWN_KEY, span, format!("unknown property `{name}`"), hint);
            }
        }
        Template { body: bodies.into_iter().next(), headers, properties, span: span.clone() }
    }

    fn members(&mut self, written: &Spanned<json::Json>, what: &str) -> Option<(Value, Range<usize>)> {
        match json::value(self.file, written) {
            Ok(value @ Value::Object(_)) => Some((value, written.span.clone())),
            Ok(other) => {
                let message = format!("expected a map of {what}, found {}", other.type_name());
                self.error(codes::YAML_WRONG_TYPE, &written.span, message, format!("write `{what}: {{ name: … }}`"));
                None
            }
            Err(wrong) => {
                self.wrong.push(wrong);
                None
            }
        }
    }

    fn document(&mut self, path: &Spanned<String>) -> Option<(String, Bytes)> {
        let name = beside(&self.file.path, &path.value);
        match (self.read)(&name) {
            Ok(bytes) => Some((name, bytes.into())),
            Err(reason) => {
                let hint = "write the path from the test file, as `../../tests/documents/order.xml`";
                let message = format!("`{name}` cannot be read: {reason}");
                self.error(codes::FILE_UNREADABLE, &path.span, message, hint);
                None
            }
        }
    }

    /// A body that is sent need not be well-formed: that it is not may be what the case is about.
    fn body(
        &mut self,
        bytes: Bytes,
        span: &Range<usize>,
        file: Option<String>,
        format: &str,
        compared: bool,
    ) -> Option<Body> {
        let form = match format {
            "json" => json_format::read(&bytes, self.limits).map(Form::Json),
            "xml" => xml::read(&bytes, self.limits).map(Form::Xml),
            _ => Ok(Form::Text),
        };
        let form = match form {
            Ok(form) => form,
            Err(_) if !compared => Form::Text,
            Err(violation) => {
                let message = format!("the expected {format} is not well-formed: {violation}");
                let hint = "write it as it must come, or compare it as `text`";
                self.error(codes::VALUE_INVALID, span, message, hint);
                return None;
            }
        };
        Some(Body { form, bytes, span: span.clone(), file })
    }

    /// The message of a template. `format` describes the body where the properties do not.
    pub fn message(&mut self, template: &Template, written: &Written) -> Message {
        let mut properties = Properties { delivery_mode: Some(2), ..Properties::default() };
        if written.json.is_some() || written.json_file.is_some() {
            properties.content_type = Some(Text::from("application/json"));
        } else if written.xml.is_some() || written.xml_file.is_some() {
            properties.content_type = Some(Text::from("application/xml"));
        }
        if let Some((Value::Object(members), span)) = &template.properties {
            for (name, value) in members.iter() {
                if let Err(expected) = set(&mut properties, name, value) {
                    let message = format!("the property `{name}` is {expected}");
                    self.error(codes::YAML_WRONG_TYPE, span, message, format!("write {expected} here"));
                }
            }
        }
        let mut headers = Headers::new();
        if let Some((Value::Object(members), span)) = &template.headers {
            for (name, value) in members.iter() {
                match variables::field(value) {
                    Ok(field) => headers.extend(field.map(|field| (name.clone(), field))),
                    Err(reason) => {
                        self.error(
                            codes::VALUE_INVALID,
                            span,
                            format!("header `{name}`: {reason}"),
                            "write it as text",
                        );
                    }
                }
            }
        }
        let body = template.body.as_ref().map(|body| body.bytes.clone()).unwrap_or_default();
        Message { headers, properties: properties.into(), body }
    }
}

/// Sets a property; `null` takes it away. The error is what the property must be.
fn set(properties: &mut Properties, name: &str, value: &Value) -> Result<(), &'static str> {
    let text = || match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err("text"),
    };
    let byte = || match value {
        Value::Null => Ok(None),
        Value::Number(number) => {
            number.as_i64().and_then(|int| u8::try_from(int).ok()).map(Some).ok_or("a number from 0 to 255")
        }
        _ => Err("a number from 0 to 255"),
    };
    match name {
        "content_type" => properties.content_type = text()?,
        "content_encoding" => properties.content_encoding = text()?,
        "delivery_mode" => properties.delivery_mode = byte()?,
        "priority" => properties.priority = byte()?,
        "correlation_id" => properties.correlation_id = text()?,
        "reply_to" => properties.reply_to = text()?,
        "expiration" => properties.expiration = text()?,
        "message_id" => properties.message_id = text()?,
        "timestamp" => {
            let seconds = |value: &Value| match value {
                Value::Number(number) => number.as_i64().and_then(|int| u64::try_from(int).ok()),
                _ => None,
            };
            properties.timestamp = match value {
                Value::Null => None,
                value => Some(seconds(value).ok_or("a number of seconds since 1970")?),
            };
        }
        "type" => properties.kind = text()?,
        "user_id" => properties.user_id = text()?,
        "app_id" => properties.app_id = text()?,
        "cluster_id" => properties.cluster_id = text()?,
        _ => {}
    }
    Ok(())
}

/// The path of a document that a file names from its own folder.
pub fn beside(file: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
