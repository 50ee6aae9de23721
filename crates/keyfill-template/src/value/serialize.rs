//! Values from Rust data: everything that serde can serialize.

use super::{ANY_MAP, Entries, List, Map, Str, Value};
use crate::error::Error;
use serde::ser::{self, Serialize, Serializer};
use std::fmt::{self, Display};

impl Value {
    /// Converts Rust data to the types that Go programs use: structs and maps become `map[string]interface {}`,
    /// sequences and tuples `[]interface {}`, integers `int` (`uint64` if they do not fit), other numbers
    /// `float64`, `None` and `()` nil. Enums are written as `serde_json` writes them.
    ///
    /// ```
    /// use keyfill_template::value::{Kind, Value};
    ///
    /// let value = Value::from_serialize(&("text", 7, None::<bool>))?;
    /// let kinds: Vec<Kind> = value.as_list().unwrap().iter().map(Value::kind).collect();
    /// assert_eq!(kinds, [Kind::String, Kind::Int, Kind::Invalid]);
    /// # Ok::<(), keyfill_template::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a map has a key that is neither a string nor a number, boolean or character, or when the data's
    /// own `Serialize` fails.
    pub fn from_serialize<T: Serialize + ?Sized>(data: &T) -> Result<Self, Error> {
        data.serialize(ToValue).map_err(|Refused(message)| Error::plain(message, false))
    }
}

/// The error for data that cannot be converted to a value.
#[derive(Debug)]
struct Refused(String);

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self(format!("the data of the template cannot be used: {message}"))
    }
}

fn integer(number: i128) -> Result<Value, Refused> {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Ok(Value::Int(number)),
        (_, Ok(number)) => Ok(Value::Uint64(number)),
        _ => Err(ser::Error::custom("a number has more than 64 bits")),
    }
}

/// A map with one entry, as which an enum variant with content is written.
fn tagged(variant: &'static str, content: Value) -> Value {
    [(variant, content)].into_iter().collect::<Map>().into()
}

struct ToValue;

impl Serializer for ToValue {
    type Ok = Value;
    type Error = Refused;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    fn serialize_bool(self, value: bool) -> Result<Value, Refused> {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Result<Value, Refused> {
        Ok(Value::Int(value))
    }

    fn serialize_i128(self, value: i128) -> Result<Value, Refused> {
        integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Value, Refused> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<Value, Refused> {
        integer(value.into())
    }

    fn serialize_u128(self, value: u128) -> Result<Value, Refused> {
        integer(i128::try_from(value).unwrap_or(i128::MAX))
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Refused> {
        Ok(Value::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Value, Refused> {
        Ok(Value::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Value, Refused> {
        Ok(Value::from(value.encode_utf8(&mut [0; 4]) as &str))
    }

    fn serialize_str(self, value: &str) -> Result<Value, Refused> {
        Ok(Value::from(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, Refused> {
        Ok(Value::Bytes(value.into()))
    }

    fn serialize_none(self) -> Result<Value, Refused> {
        Ok(Value::Nil)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Refused> {
        Ok(Value::Nil)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Refused> {
        Ok(Value::Nil)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Refused> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Refused> {
        Ok(tagged(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, Refused> {
        Ok(Items::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, Refused> {
        Ok(Items::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items, Refused> {
        Ok(Items::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items, Refused> {
        Ok(Items { variant: Some(variant), ..Items::default() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Refused> {
        Ok(Fields::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Refused> {
        Ok(Fields::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields, Refused> {
        Ok(Fields { variant: Some(variant), ..Fields::default() })
    }
}

/// A list while it is filled.
#[derive(Default)]
struct Items {
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl Items {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.items.push(value.serialize(ToValue)?);
        Ok(())
    }

    fn finish(self) -> Value {
        let list = Value::List(List::new(self.items));
        match self.variant {
            Some(variant) => tagged(variant, list),
            None => list,
        }
    }
}

/// The traits of serde for sequences differ only in the name of one function.
macro_rules! items {
    ($($name:ident, $add:ident;)*) => {$(
        impl ser::$name for Items {
            type Ok = Value;
            type Error = Refused;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                self.add(value)
            }

            fn end(self) -> Result<Value, Refused> {
                Ok(self.finish())
            }
        }
    )*};
}

items! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

/// A map while it is filled.
#[derive(Default)]
struct Fields {
    entries: Entries,
    key: Str,
    variant: Option<&'static str>,
}

impl Fields {
    fn add<T: Serialize + ?Sized>(&mut self, key: Str, value: &T) -> Result<(), Refused> {
        self.entries.insert(key, value.serialize(ToValue)?);
        Ok(())
    }

    fn finish(self) -> Value {
        let map = Value::Map(Map::typed(self.entries, &ANY_MAP));
        match self.variant {
            Some(variant) => tagged(variant, map),
            None => map,
        }
    }
}

impl ser::SerializeMap for Fields {
    type Ok = Value;
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.key = match key.serialize(ToValue)? {
            Value::Str(text) => text,
            Value::Bool(key) => key.to_string().into(),
            Value::Int(key) => key.to_string().into(),
            Value::Uint64(key) => key.to_string().into(),
            _ => return Err(ser::Error::custom("a map has a key that is not a string")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let key = std::mem::take(&mut self.key);
        self.add(key, value)
    }

    fn end(self) -> Result<Value, Refused> {
        Ok(self.finish())
    }
}

macro_rules! fields {
    ($($name:ident;)*) => {$(
        impl ser::$name for Fields {
            type Ok = Value;
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                self.add(key.into(), value)
            }

            fn end(self) -> Result<Value, Refused> {
                Ok(self.finish())
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

#[cfg(test)]
mod tests {
    use crate::value::Value;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(i8, char),
        Struct { side: Option<f32> },
    }

    fn printed(data: &impl Serialize) -> String {
        let value = Value::from_serialize(data).expect("a value");
        String::from_utf8(keyfill_yaml::to_json(&value)).expect("JSON is UTF-8")
    }

    #[test]
    fn rust_data_has_the_json_that_serde_json_gives_it() {
        let shapes =
            (Shape::Unit, Shape::Newtype(1), Shape::Tuple(-2, 'x'), Shape::Struct { side: Some(0.5) });
        assert_eq!(printed(&shapes), r#"["Unit",{"Newtype":1},{"Tuple":[-2,"x"]},{"Struct":{"side":0.5}}]"#);
        assert_eq!(printed(&BTreeMap::from([(2, true), (10, false)])), r#"{"10":false,"2":true}"#);
        assert_eq!(printed(&(u64::MAX, ())), r#"[18446744073709551615,null]"#);
    }

    #[test]
    fn a_map_whose_keys_are_lists_is_refused() {
        let error = Value::from_serialize(&BTreeMap::from([([1], 2)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data of the template cannot be used: a map has a key that is not a string"
        );
        assert!(Value::from_serialize(&u128::MAX).is_err());
    }
}
