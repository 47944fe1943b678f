//! A message as it stands in the store while it waits there: all of it, bit for bit.
//!
//! One byte for the version of this form, the headers as a table, the properties, and the body to the end. Numbers are
//! big endian; text and bytes have their length before them, in four bytes; what may be missing has a byte before it that
//! is 0 or 1.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::message::{Failure, Field, Headers, Kind, Message, Properties, Text};

const VERSION: u8 = 1;
/// Fields in fields, at most.
const DEEPEST: usize = 64;

/// Writes a message.
///
/// # Errors
/// Its headers nest deeper than anything sensible.
pub(super) fn pack(message: &Message) -> Result<Bytes, Failure> {
    let mut out = BytesMut::with_capacity(message.body.len() + 512);
    out.put_u8(VERSION);
    let too_deep = || Failure::permanent(Kind::Limit, format!("the headers nest deeper than {DEEPEST} levels"));
    put_table(&mut out, &message.headers, DEEPEST).ok_or_else(too_deep)?;
    put_properties(&mut out, &message.properties).ok_or_else(too_deep)?;
    out.put_slice(&message.body);
    Ok(out.freeze())
}

/// Reads what [`pack`] has written; `None` if it is something else. The body is not copied.
pub(super) fn unpack(mut packed: Bytes) -> Option<Message> {
    if packed.try_get_u8().ok()? != VERSION {
        return None;
    }
    let headers = table(&mut packed, DEEPEST)?;
    let properties = properties(&mut packed)?;
    Some(Message { headers, properties: properties.into(), body: packed })
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) -> Option<()> {
    out.put_u32(u32::try_from(bytes.len()).ok()?);
    out.put_slice(bytes);
    Some(())
}

fn put_table(out: &mut BytesMut, table: &Headers, deepest: usize) -> Option<()> {
    out.put_u32(u32::try_from(table.len()).ok()?);
    for (name, field) in table {
        put_bytes(out, name.as_bytes())?;
        put_field(out, field, deepest)?;
    }
    Some(())
}

fn put_text(out: &mut BytesMut, text: Option<&Text>) -> Option<()> {
    out.put_u8(text.is_some().into());
    text.map_or(Some(()), |text| put_bytes(out, text.as_bytes()))
}

/// A letter for the type, then the value.
fn put_field(out: &mut BytesMut, field: &Field, deepest: usize) -> Option<()> {
    let within = deepest.checked_sub(1)?;
    out.put_u8(letter(field));
    match field {
        Field::Void => {}
        Field::Bool(value) => out.put_u8((*value).into()),
        Field::I8(value) => out.put_i8(*value),
        Field::U8(value) => out.put_u8(*value),
        Field::I16(value) => out.put_i16(*value),
        Field::U16(value) => out.put_u16(*value),
        Field::I32(value) => out.put_i32(*value),
        Field::U32(value) => out.put_u32(*value),
        Field::I64(value) => out.put_i64(*value),
        Field::F32(value) => out.put_u32(value.to_bits()),
        Field::F64(value) => out.put_u64(value.to_bits()),
        Field::Decimal { scale, value } => {
            out.put_u8(*scale);
            out.put_u32(*value);
        }
        Field::Timestamp(value) => out.put_u64(*value),
        Field::ShortString(text) => put_bytes(out, text.as_bytes())?,
        Field::LongString(bytes) | Field::Bytes(bytes) => put_bytes(out, bytes)?,
        Field::Table(table) => put_table(out, table, within)?,
        Field::Array(items) => {
            out.put_u32(u32::try_from(items.len()).ok()?);
            items.iter().try_for_each(|item| put_field(out, item, within))?;
        }
    }
    Some(())
}

/// RabbitMQ's letters for types, where it has one.
fn letter(field: &Field) -> u8 {
    match field {
        Field::Void => b'V',
        Field::Bool(_) => b't',
        Field::I8(_) => b'b',
        Field::U8(_) => b'B',
        Field::I16(_) => b's',
        Field::U16(_) => b'u',
        Field::I32(_) => b'I',
        Field::U32(_) => b'i',
        Field::I64(_) => b'l',
        Field::F32(_) => b'f',
        Field::F64(_) => b'd',
        Field::Decimal { .. } => b'D',
        Field::Timestamp(_) => b'T',
        Field::ShortString(_) => b'z',
        Field::LongString(_) => b'S',
        Field::Bytes(_) => b'x',
        Field::Table(_) => b'F',
        Field::Array(_) => b'A',
    }
}

fn put_properties(out: &mut BytesMut, properties: &Properties) -> Option<()> {
    for number in [properties.delivery_mode, properties.priority] {
        out.put_u8(number.is_some().into());
        out.put_u8(number.unwrap_or_default());
    }
    out.put_u8(properties.timestamp.is_some().into());
    out.put_u64(properties.timestamp.unwrap_or_default());
    texts(properties).into_iter().try_for_each(|text| put_text(out, text))
}

fn texts(of: &Properties) -> [Option<&Text>; 10] {
    [
        of.content_type.as_ref(),
        of.content_encoding.as_ref(),
        of.correlation_id.as_ref(),
        of.reply_to.as_ref(),
        of.expiration.as_ref(),
        of.message_id.as_ref(),
        of.kind.as_ref(),
        of.user_id.as_ref(),
        of.app_id.as_ref(),
        of.cluster_id.as_ref(),
    ]
}

fn bytes(packed: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(packed.try_get_u32().ok()?).ok()?;
    (length <= packed.len()).then(|| packed.split_to(length))
}

fn text(packed: &mut Bytes) -> Option<Text> {
    std::str::from_utf8(&bytes(packed)?).ok().map(Text::from)
}

fn flag(packed: &mut Bytes) -> Option<bool> {
    match packed.try_get_u8().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn table(packed: &mut Bytes, deepest: usize) -> Option<Headers> {
    let count = packed.try_get_u32().ok()?;
    (0..count).map(|_| Some((text(packed)?, field(packed, deepest)?))).collect()
}

fn field(packed: &mut Bytes, deepest: usize) -> Option<Field> {
    let within = deepest.checked_sub(1)?;
    Some(match packed.try_get_u8().ok()? {
        b'V' => Field::Void,
        b't' => Field::Bool(flag(packed)?),
        b'b' => Field::I8(packed.try_get_i8().ok()?),
        b'B' => Field::U8(packed.try_get_u8().ok()?),
        b's' => Field::I16(packed.try_get_i16().ok()?),
        b'u' => Field::U16(packed.try_get_u16().ok()?),
        b'I' => Field::I32(packed.try_get_i32().ok()?),
        b'i' => Field::U32(packed.try_get_u32().ok()?),
        b'l' => Field::I64(packed.try_get_i64().ok()?),
        b'f' => Field::F32(f32::from_bits(packed.try_get_u32().ok()?)),
        b'd' => Field::F64(f64::from_bits(packed.try_get_u64().ok()?)),
        b'D' => Field::Decimal { scale: packed.try_get_u8().ok()?, value: packed.try_get_u32().ok()? },
        b'T' => Field::Timestamp(packed.try_get_u64().ok()?),
        b'z' => Field::ShortString(text(packed)?),
        b'S' => Field::LongString(bytes(packed)?),
        b'x' => Field::Bytes(bytes(packed)?),
        b'F' => Field::Table(table(packed, within)?),
        b'A' => {
            let count = packed.try_get_u32().ok()?;
            Field::Array((0..count).map(|_| field(packed, within)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn properties(packed: &mut Bytes) -> Option<Properties> {
    let mut number = || {
        let is_there = flag(packed)?;
        let number = packed.try_get_u8().ok()?;
        Some(is_there.then_some(number))
    };
    let (delivery_mode, priority) = (number()?, number()?);
    let has_timestamp = flag(packed)?;
    let timestamp = packed.try_get_u64().ok()?;
    let mut text = || if flag(packed)? { text(packed).map(Some) } else { Some(None) };
    Some(Properties {
        delivery_mode,
        priority,
        timestamp: has_timestamp.then_some(timestamp),
        content_type: text()?,
        content_encoding: text()?,
        correlation_id: text()?,
        reply_to: text()?,
        expiration: text()?,
        message_id: text()?,
        kind: text()?,
        user_id: text()?,
        app_id: text()?,
        cluster_id: text()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_field() -> impl Strategy<Value = Field> {
        let flat = prop_oneof![
            Just(Field::Void),
            any::<bool>().prop_map(Field::Bool),
            any::<i8>().prop_map(Field::I8),
            any::<u8>().prop_map(Field::U8),
            any::<i16>().prop_map(Field::I16),
            any::<u16>().prop_map(Field::U16),
            any::<i32>().prop_map(Field::I32),
            any::<u32>().prop_map(Field::U32),
            any::<i64>().prop_map(Field::I64),
            any::<f32>().prop_map(Field::F32),
            any::<f64>().prop_map(Field::F64),
            any::<(u8, u32)>().prop_map(|(scale, value)| Field::Decimal { scale, value }),
            any::<u64>().prop_map(Field::Timestamp),
            ".{0,20}".prop_map(|text| Field::ShortString(text.into())),
            any::<Vec<u8>>().prop_map(|bytes| Field::LongString(bytes.into())),
            any::<Vec<u8>>().prop_map(|bytes| Field::Bytes(bytes.into())),
        ];
        flat.prop_recursive(3, 20, 4, |inner| {
            let table = proptest::collection::btree_map(".{0,9}".prop_map(Text::from), inner.clone(), 0..4);
            prop_oneof![proptest::collection::vec(inner, 0..4).prop_map(Field::Array), table.prop_map(Field::Table)]
        })
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let text = || proptest::option::of(".{0,20}".prop_map(Text::from));
        let headers = proptest::collection::btree_map(".{0,9}".prop_map(Text::from), any_field(), 0..6);
        let numbers = any::<(Option<u8>, Option<u8>, Option<u64>)>();
        let texts = proptest::collection::vec(text(), 10);
        (headers, numbers, texts, any::<Vec<u8>>()).prop_map(|(headers, numbers, texts, body)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().expect("ten");
            let (delivery_mode, priority, timestamp) = numbers;
            let properties = Properties {
                delivery_mode,
                priority,
                timestamp,
                content_type: text(),
                content_encoding: text(),
                correlation_id: text(),
                reply_to: text(),
                expiration: text(),
                message_id: text(),
                kind: text(),
                user_id: text(),
                app_id: text(),
                cluster_id: text(),
            };
            Message { headers, properties: properties.into(), body: body.into() }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn a_message_comes_back_bit_for_bit(message in any_message()) {
            let packed = pack(&message).expect("is not deep");
            let back = unpack(packed.clone()).expect("was packed");
            // What is not a number is not equal to itself, but its bits are.
            prop_assert_eq!(pack(&back).expect("is not deep"), packed);
            prop_assert_eq!(format!("{back:?}"), format!("{message:?}"));
        }

        #[test]
        fn any_bytes_give_a_message_or_nothing(bytes in any::<Vec<u8>>(), message in any_message(), cut in 0_usize..300) {
            let _whatever = unpack([&[VERSION], &*bytes].concat().into());
            let packed = pack(&message).expect("is not deep");
            let head = packed.len() - message.body.len();
            let cut = unpack(packed.slice(..cut.min(head.saturating_sub(1))));
            prop_assert!(cut.is_none(), "{:?}", cut);
        }
    }

    #[test]
    fn headers_without_bottom_are_refused() {
        let deep = (0..100).fold(Field::Void, |field, _| Field::Array(vec![field]));
        let message = Message { headers: [("deep".into(), deep)].into(), ..Message::default() };
        assert_eq!(pack(&message).expect_err("too deep").kind, Kind::Limit);
    }
}
