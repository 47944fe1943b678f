//! Sets headers and properties.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::yaml::Spanned;
use crate::diagnostic::{Diagnostic, codes};
use crate::endpoint::BoxFuture;
use crate::message::{Failure, Kind, Properties as Basic, Text, Value};
use crate::route::compile::{Compiler, Place};
use crate::route::expression::Expression;
use crate::route::run::Run;
use crate::route::target::SHORT_STRING;
use crate::route::variables;
use crate::transform::Wanted;

use super::{Description, Flow, Pattern, Step};

/// Sets headers and properties of the message. Each value is a jq expression; `null` removes what was there.
///
/// All expressions see the message as it is before the step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Headers by name. Text, booleans and numbers keep their type; objects become tables. A number
    /// with more digits than a 64-bit integer or a double has is refused.
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<String>>,
    /// Properties of AMQP 0-9-1.
    #[serde(default)]
    pub properties: Properties,
}

macro_rules! properties {
    ($($(#[$doc:meta])* $key:ident: $kind:ident => $field:ident;)*) => {
        /// Properties of AMQP 0-9-1 (section 1.8.3 of the class `basic`).
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Properties {
            $($(#[$doc])* #[serde(default)] pub $key: Option<Spanned<String>>,)*
        }

        impl Properties {
            fn each(&self) -> impl Iterator<Item = (&'static str, Assign, &Spanned<String>)> {
                [$((
                    stringify!($key).trim_start_matches("r#"),
                    (|properties, value| { properties.$field = $kind(value)?; Ok(()) }) as Assign,
                    self.$key.as_ref(),
                )),*]
                .into_iter()
                .filter_map(|(name, assign, expression)| Some((name, assign, expression?)))
            }
        }
    };
}

/// Puts a value into a property, or tells what would have been right.
type Assign = fn(&mut Basic, &Value) -> Result<(), &'static str>;

properties! {
    /// The media type of the body.
    content_type: text => content_type;
    /// The encoding of the body.
    content_encoding: text => content_encoding;
    /// 0 to 255.
    priority: octet => priority;
    /// Ties an answer to its request.
    correlation_id: text => correlation_id;
    /// The queue for answers.
    reply_to: text => reply_to;
    /// Milliseconds after which the broker drops the message, as text or number.
    expiration: milliseconds => expiration;
    /// The message's id.
    message_id: text => message_id;
    /// Seconds since 1970.
    timestamp: seconds => timestamp;
    /// The message's type.
    r#type: text => kind;
    /// The application's id.
    app_id: text => app_id;
}

fn text(value: &Value) -> Result<Option<Text>, &'static str> {
    const RIGHT: &str = "a text of at most 255 bytes, a number or a boolean";
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_text(),
        Value::Bool(bool) => Text::from(bool.to_string()),
        Value::Array(_) | Value::Object(_) => return Err(RIGHT),
    };
    if text.len() <= SHORT_STRING { Ok(Some(text)) } else { Err(RIGHT) }
}

fn octet(value: &Value) -> Result<Option<u8>, &'static str> {
    integer(value, "an integer from 0 to 255")
}

fn seconds(value: &Value) -> Result<Option<u64>, &'static str> {
    integer(value, "a whole number of seconds since 1970")
}

fn integer<T: TryFrom<i64>>(value: &Value, right: &'static str) -> Result<Option<T>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => number.as_i64().and_then(|int| T::try_from(int).ok()).map(Some).ok_or(right),
        _ => Err(right),
    }
}

/// A broker closes the channel over any other expiration.
fn milliseconds(value: &Value) -> Result<Option<Text>, &'static str> {
    const RIGHT: &str = "a whole number of milliseconds, at most 4294967295";
    let Some(text) = text(value).map_err(|_| RIGHT)? else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.parse::<u32>().is_ok() { Ok(Some(text)) } else { Err(RIGHT) }
}

#[derive(Debug)]
struct Compiled {
    headers: Vec<(Text, Expression)>,
    properties: Vec<(&'static str, Assign, Expression)>,
}

impl Pattern for Set {
    fn compile(&self, place: &Place<'_>, compiler: &mut Compiler<'_>) -> Option<Box<dyn Step>> {
        let mut compiled = Compiled { headers: Vec::new(), properties: Vec::new() };
        for (name, expression) in &self.headers {
            if name.is_empty() || name.len() > SHORT_STRING {
                let message = "a header's name has from 1 to 255 bytes";
                compiler.report(
                    Diagnostic::error(codes::VALUE_INVALID, compiler.file, expression.span.clone(), message)
                        .hint("give the header a short name"),
                );
            }
            let value = compiler.expression_of_document(expression, Wanted::Anything);
            compiled.headers.extend(value.map(|value| (Text::from(name.as_str()), value)));
        }
        for (name, assign, expression) in self.properties.each() {
            let value = compiler.expression_of_document(expression, Wanted::Anything);
            compiled.properties.extend(value.map(|value| (name, assign, value)));
        }
        if self.headers.is_empty() && self.properties.each().next().is_none() {
            compiler.report(
                Diagnostic::error(codes::STEP_SHAPE, compiler.file, place.span.clone(), "`set` sets nothing")
                    .hint("write `set: { headers: { name: … } }` or `set: { properties: { type: … } }`"),
            );
        }
        Some(Box::new(compiled))
    }
}

impl Compiled {
    fn set(&self, run: &mut Run<'_>) -> Result<Flow, Failure> {
        let headers = self.headers.iter().map(|(name, value)| Ok((name, value.one(run)?)));
        let headers = headers.collect::<Result<Vec<_>, Failure>>()?;
        let properties = self.properties.iter().map(|(name, assign, value)| Ok((name, assign, value.one(run)?)));
        let properties = properties.collect::<Result<Vec<_>, Failure>>()?;
        for (name, assign, value) in properties {
            assign(run.properties_mut(), &value).map_err(|right| {
                let reason = format!("the property `{name}` must be {right}, not {}", value.type_name());
                Failure::permanent(Kind::Mapping, reason)
            })?;
        }
        for (name, value) in headers {
            let field = variables::field(&value)
                .map_err(|reason| Failure::permanent(Kind::Mapping, format!("the header `{name}`: {reason}")))?;
            match field {
                Some(field) => run.headers_mut().insert(name.clone(), field),
                None => run.headers_mut().remove(name),
            };
        }
        Ok(Flow::Continue)
    }
}

impl Step for Compiled {
    fn run<'a>(&'a self, run: &'a mut Run<'_>) -> BoxFuture<'a, Result<Flow, Failure>> {
        Box::pin(std::future::ready(self.set(run)))
    }

    fn describe(&self) -> Description<'_> {
        let headers = self.headers.iter().map(|(name, value)| format!("header {name} = {}", value.source()));
        let properties = self.properties.iter().map(|(name, _, value)| format!("property {name} = {}", value.source()));
        Description::line(format!("set {}", headers.chain(properties).collect::<Vec<_>>().join(", ")))
    }
}
