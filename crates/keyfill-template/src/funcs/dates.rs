//! Dates: sprig's functions over `time.Time`, and the methods that templates call on times.
//!
//! The data of zones other than UTC and the machine's zone is part of the program.

use super::math::clamped;
use crate::function::{Call, FuncError, Function, any, int, text};
use crate::run::Run;
use crate::value::{Encoded, Kind, Object, Str, Type, Value};
use keyfill_go::time::{self, Duration, Time, Zone};
use std::borrow::Cow;

const A: Type = Type::Any;
const S: Type = Type::String;
const TIME: Type = Type::Named("time.Time", Kind::Struct);
const DURATION: Type = Type::Named("time.Duration", Kind::Int64);
const SECOND: i64 = 1_000_000_000;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("now", &[], |_, _| Ok(time_value(now()))),
    Function::fixed("date", &[S, A], |_, args| Ok(shown(text(args, 0), any(args, 1), b"Local"))),
    Function::fixed("dateInZone", &[S, A, S], date_in_zone),
    Function::fixed("date_in_zone", &[S, A, S], date_in_zone),
    Function::fixed("htmlDate", &[A], |_, args| Ok(shown(DATE, any(args, 0), b"Local"))),
    Function::fixed("htmlDateInZone", &[A, S], |_, args| Ok(shown(DATE, any(args, 0), text(args, 1)))),
    Function::fixed("dateModify", &[S, TIME], date_modify),
    Function::fixed("date_modify", &[S, TIME], date_modify),
    Function::fixed("mustDateModify", &[S, TIME], must_date_modify),
    Function::fixed("must_date_modify", &[S, TIME], must_date_modify),
    Function::fixed("ago", &[A], ago),
    Function::fixed("duration", &[A], duration),
    Function::fixed("durationRound", &[A], duration_round),
    Function::fixed("toDate", &[S, S], to_date),
    Function::fixed("mustToDate", &[S, S], must_to_date),
    Function::fixed("unixEpoch", &[TIME], unix_epoch),
];

/// The layout of dates in HTML.
const DATE: &[u8] = b"2006-01-02";

fn now() -> Time {
    Time::now(Zone::Local)
}

/// A time as a value.
pub(super) fn time_value(time: Time) -> Value {
    Value::object(TimeObject(time))
}

/// Whether a value is a time.
pub(super) fn is_time(value: &Value) -> bool {
    value.as_object::<TimeObject>().is_some()
}

/// The time of an argument: a time, or the seconds since 1970. The current time for anything else.
fn moment(value: &Value) -> Time {
    match value {
        Value::Int(n) | Value::Int64(n) => Time::unix(*n, 0, Zone::Local),
        Value::Int32(n) => Time::unix(i64::from(*n), 0, Zone::Local),
        other => other.as_object::<TimeObject>().map_or_else(now, |time| time.0.clone()),
    }
}

fn shown(layout: &[u8], date: &Value, zone: &[u8]) -> Value {
    let zone = Zone::load(zone).unwrap_or(Zone::Utc);
    Value::str(moment(date).in_zone(zone).format(layout))
}

fn date_in_zone(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(shown(text(args, 0), any(args, 1), text(args, 2)))
}

/// Argument `index`, declared as a time.
fn time_at(args: &[Value], index: usize) -> Time {
    any(args, index).as_object::<TimeObject>().map_or_else(Time::zero, |time| time.0.clone())
}

fn date_modify(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let time = time_at(args, 1);
    Ok(time_value(match Duration::parse(text(args, 0)) {
        Some(duration) => time.add(duration),
        None => time,
    }))
}

fn must_date_modify(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let duration = Duration::parse(text(args, 0)).ok_or_else(|| {
        let shown = String::from_utf8_lossy(text(args, 0)).into_owned();
        FuncError::new(format!("time: invalid duration {shown:?}"))
    })?;
    Ok(time_value(time_at(args, 1).add(duration)))
}

fn ago(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    // Unlike in `date`, an int32 is not a time here.
    let from = if matches!(any(args, 0), Value::Int32(_)) { now() } else { moment(any(args, 0)) };
    Ok(now().since(&from).round(Duration(SECOND)).to_string().into())
}

/// A number of seconds, passed as an `int64` or as text, as the text of a duration.
fn duration(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let seconds = match any(args, 0) {
        Value::Str(text) => clamped(text.as_bytes(), 10),
        Value::Int64(n) => *n,
        _ => 0,
    };
    Ok(Duration(seconds.wrapping_mul(SECOND)).to_string().into())
}

/// The duration in its largest unit.
fn duration_round(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let duration = match any(args, 0) {
        Value::Str(text) => Duration::parse(text.as_bytes()).unwrap_or(Duration(0)),
        Value::Int64(n) => Duration(*n),
        other => match other.as_object::<TimeObject>() {
            Some(time) => now().since(&time.0),
            None => Duration(0),
        },
    };
    const HOUR: u64 = 3600;
    let units =
        [(HOUR * 24 * 365, "y"), (HOUR * 24 * 30, "mo"), (HOUR * 24, "d"), (HOUR, "h"), (60, "m"), (1, "s")];
    let nanoseconds = duration.0.unsigned_abs();
    for (seconds, unit) in units {
        let unit_length = seconds * SECOND.unsigned_abs();
        if nanoseconds > unit_length {
            return Ok(format!("{}{unit}", nanoseconds / unit_length).into());
        }
    }
    Ok("0s".into())
}

fn to_date(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(time_value(Time::parse(text(args, 0), text(args, 1), &Zone::Local).unwrap_or_else(|_| Time::zero())))
}

fn must_to_date(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let time = Time::parse(text(args, 0), text(args, 1), &Zone::Local);
    time.map(time_value).map_err(|error| error.to_string().into())
}

fn unix_epoch(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(time_at(args, 0).unix_seconds().to_string().into())
}

/// `time.Time`
struct TimeObject(Time);

/// A method of a time or duration without parameters.
const fn part(name: &'static str, call: Call) -> Function {
    Function::fixed(name, &[], call)
}

static TIME_METHODS: &[Function] = &[
    Function::fixed("Format", &[S], |_, args| Ok(Value::str(time_at(args, 0).format(text(args, 1))))),
    part("String", |_, args| Ok(Value::Str(time_text(&time_at(args, 0))))),
    part("Unix", |_, args| Ok(Value::Int64(time_at(args, 0).unix_seconds()))),
    part("UnixMilli", |_, args| Ok(Value::Int64(in_units(&time_at(args, 0), 1_000)))),
    part("UnixMicro", |_, args| Ok(Value::Int64(in_units(&time_at(args, 0), 1_000_000)))),
    part("UnixNano", |_, args| Ok(Value::Int64(in_units(&time_at(args, 0), SECOND)))),
    part("Year", |_, args| Ok(Value::Int(time_at(args, 0).date().0))),
    part("Month", |_, args| Ok(named_number("time.Month", time_at(args, 0).date().1, time::month_name))),
    part("Day", |_, args| Ok(number(time_at(args, 0).date().2))),
    part("Hour", |_, args| Ok(number(time_at(args, 0).clock().0))),
    part("Minute", |_, args| Ok(number(time_at(args, 0).clock().1))),
    part("Second", |_, args| Ok(number(time_at(args, 0).clock().2))),
    part("Nanosecond", |_, args| Ok(number(time_at(args, 0).nanosecond()))),
    part("YearDay", |_, args| Ok(number(time_at(args, 0).year_day()))),
    part("Weekday", |_, args| {
        Ok(named_number("time.Weekday", time_at(args, 0).weekday(), time::weekday_name))
    }),
    part("IsZero", |_, args| Ok(Value::Bool(time_at(args, 0).is_zero()))),
    part("UTC", |_, args| Ok(time_value(time_at(args, 0).in_zone(Zone::Utc)))),
    part("Local", |_, args| Ok(time_value(time_at(args, 0).in_zone(Zone::Local)))),
    Function::fixed("Add", &[DURATION], |_, args| {
        Ok(time_value(time_at(args, 0).add(Duration(int(args, 1)))))
    }),
    Function::fixed("AddDate", &[Type::Int, Type::Int, Type::Int], |_, args| {
        Ok(time_value(time_at(args, 0).add_date(int(args, 1), int(args, 2), int(args, 3))))
    }),
    Function::fixed("Compare", &[TIME], |_, args| Ok(Value::Int(order(args) as i64))),
    Function::fixed("Sub", &[TIME], |_, args| Ok(duration_value(time_at(args, 0).since(&time_at(args, 1))))),
    Function::fixed("After", &[TIME], |_, args| Ok(Value::Bool(order(args).is_gt()))),
    Function::fixed("Before", &[TIME], |_, args| Ok(Value::Bool(order(args).is_lt()))),
    Function::fixed("Equal", &[TIME], |_, args| Ok(Value::Bool(order(args).is_eq()))),
];

fn number(n: u32) -> Value {
    Value::Int(i64::from(n))
}

fn in_units(time: &Time, per_second: i64) -> i64 {
    let fraction = i64::from(time.nanosecond()) / (SECOND / per_second);
    time.unix_seconds().wrapping_mul(per_second).wrapping_add(fraction)
}

fn order(args: &[Value]) -> std::cmp::Ordering {
    let instant = |time: Time| (time.unix_seconds(), time.nanosecond());
    instant(time_at(args, 0)).cmp(&instant(time_at(args, 1)))
}

fn time_text(time: &Time) -> Str {
    time.format(b"2006-01-02 15:04:05.999999999 -0700 MST").into()
}

impl Object for TimeObject {
    fn type_name(&self) -> Cow<'static, str> {
        TIME.name_cow()
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        TIME_METHODS.iter().find(|method| method.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(time_text(&self.0))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .downcast_ref::<Self>()
            .is_some_and(|other| self.0 == other.0 && self.0.zone().name() == other.0.zone().name())
    }

    fn encode(&self) -> Encoded {
        Encoded::Value(Value::str(self.0.format(b"2006-01-02T15:04:05.999999999Z07:00")))
    }
}

/// `time.Duration`
struct DurationObject(Duration);

/// A duration as a value.
pub(super) fn duration_value(duration: Duration) -> Value {
    Value::object(DurationObject(duration))
}

/// The duration in a value, if it is a `time.Duration`.
pub(super) fn as_duration(value: &Value) -> Option<Duration> {
    value.as_object::<DurationObject>().map(|duration| duration.0)
}

fn duration_at(args: &[Value]) -> Duration {
    Duration(int(args, 0))
}

static DURATION_METHODS: &[Function] = &[
    part("String", |_, args| Ok(duration_at(args).to_string().into())),
    part("Hours", |_, args| Ok(Value::Float(in_float(duration_at(args), 3600 * SECOND)))),
    part("Minutes", |_, args| Ok(Value::Float(in_float(duration_at(args), 60 * SECOND)))),
    part("Seconds", |_, args| Ok(Value::Float(in_float(duration_at(args), SECOND)))),
    part("Milliseconds", |_, args| Ok(Value::Int64(duration_at(args).0 / 1_000_000))),
    part("Microseconds", |_, args| Ok(Value::Int64(duration_at(args).0 / 1_000))),
    part("Nanoseconds", |_, args| Ok(Value::Int64(duration_at(args).0))),
    part("Abs", |_, args| Ok(duration_value(Duration(duration_at(args).0.saturating_abs())))),
    Function::fixed("Round", &[DURATION], |_, args| {
        Ok(duration_value(duration_at(args).round(Duration(int(args, 1)))))
    }),
    Function::fixed("Truncate", &[DURATION], |_, args| {
        Ok(duration_value(duration_at(args).truncate(Duration(int(args, 1)))))
    }),
];

/// As in Go, whole units and the fraction are added, which keeps the whole units exact.
pub(super) fn in_float(duration: Duration, unit: i64) -> f64 {
    (duration.0 / unit) as f64 + (duration.0 % unit) as f64 / unit as f64
}

impl Object for DurationObject {
    fn type_name(&self) -> Cow<'static, str> {
        DURATION.name_cow()
    }

    fn kind(&self) -> Kind {
        Kind::Int64
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        DURATION_METHODS.iter().find(|method| method.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.to_string().into())
    }

    fn as_int(&self) -> Option<i64> {
        Some(self.0.0)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn encode(&self) -> Encoded {
        Encoded::Value(Value::Int64(self.0.0))
    }
}

/// `time.Month` and `time.Weekday`: a number that prints as its name.
struct NamedNumber {
    type_name: &'static str,
    number: u32,
    name: &'static str,
}

fn named_number(type_name: &'static str, number: u32, name: fn(u32) -> &'static str) -> Value {
    Value::object(NamedNumber { type_name, number, name: name(number) })
}

static NAMED_METHODS: &[Function] = &[part("String", |_, args| {
    Ok(any(args, 0).as_object::<NamedNumber>().map_or("", |named| named.name).into())
})];

impl Object for NamedNumber {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.into()
    }

    fn kind(&self) -> Kind {
        Kind::Int
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        NAMED_METHODS.iter().find(|method| method.name == name)
    }

    fn text(&self) -> Option<Str> {
        Some(self.name.into())
    }

    fn as_int(&self) -> Option<i64> {
        Some(i64::from(self.number))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some_and(|o| (o.type_name, o.number) == (self.type_name, self.number))
    }

    fn encode(&self) -> Encoded {
        Encoded::Value(Value::Int(i64::from(self.number)))
    }
}
