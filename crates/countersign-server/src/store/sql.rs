//! How is one SQL text spoken to every database?
//!
//! What both databases say alike stands in this folder once. What only one of them has, such as
//! how it batches, waits and wakes, stands in a folder of its own.

use std::{future::Future, sync::Arc};

use countersign_proto::{management::Page, time::UnixTime};
use serde::Serialize;

use super::{Changed, NewAuditEntry, StoreError};
use crate::registry::Registry;

pub(super) mod migrations;

pub(super) mod registry;

pub(super) mod audit;

pub(super) mod tokens;

pub(super) mod granted;

mod origin;

mod token_codes;

pub(super) mod rotation;

pub(super) mod token_ends;

mod token_roles;

pub(super) mod token_uses;

pub(super) mod keys;

pub(super) mod logins;

pub(super) mod sessions;

pub(super) mod accounts;

pub(super) mod cleanup;

pub(super) mod restoration;

#[cfg(test)]
pub(super) mod plans;

/// A connection that runs statements. Parameters are `$1`, `$2`, …; numbers are 64 bits wide.
pub(super) trait Sql: Send {
    /// What it answers with.
    type Row: Columns;

    /// Finds a principal by its name, and keeps others from deleting it until the end of the
    /// transaction.
    const HOLD_PRINCIPAL: &'static str;

    /// The same, and keeps others from doing this meanwhile.
    const HOLD_PRINCIPAL_ALONE: &'static str;

    /// Runs a statement: how many rows it touched.
    fn execute(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Runs a statement that answers with rows.
    fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Appends audit rows in their order.
    fn append_audit(
        &mut self,
        entries: Vec<NewAuditEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Waits until nobody else is in the way, and keeps others out until the end of the transaction.
    ///
    /// In this order, and after the rows of the registry: so nobody waits for one who waits.
    fn hold(&mut self, lock: Lock) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this transaction may forget what ended: one at a time does.
    fn lead_cleanup(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The first row, where there is one.
    fn row(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Option<Self::Row>, StoreError>> + Send {
        async move { Ok(self.rows(sql, values).await?.into_iter().next()) }
    }
}

/// What is done without others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// System tokens are counted.
    SystemTokens,
    /// A token is granted: others may grant at the same time, but none ends.
    Granting,
    /// Tokens end, or change: nobody else does that, or grants one.
    Ending,
}

/// How many of these one node performs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abreast {
    /// As many as come.
    Any,
    /// A few: they wait for each other anyway, and whoever waits in the database holds a connection
    /// that somebody else could read with.
    Few,
}

/// A write as a value. Each database brings it into a transaction in its own way, and may take it
/// back and perform it again.
pub(super) trait Request: Clone + Send + 'static {
    /// What its caller waits for.
    type Answer: Send + 'static;

    /// Whether others of the same node wait for their turn before they take a connection.
    const ABREAST: Abreast = Abreast::Any;

    /// Writes. An error takes everything back.
    fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;

    /// Whether what was written stays, by its answer; else it is taken back.
    fn stays(_: &Self::Answer) -> bool {
        true
    }
}

/// What others see when the transaction is committed.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) registry: Arc<Registry>,
    pub(super) changes: Vec<Changed>,
}

/// Asks for a sign of life: a write that means nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping;

impl Request for Ping {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<(), StoreError> {
        connection
            .execute(
                "UPDATE counter SET value = value + 1 WHERE name = 'pings'",
                values![],
            )
            .await
            .map(drop)
    }
}

/// The columns of one row, by their place from 0.
pub(super) trait Columns: Send {
    fn number(&self, at: usize) -> Result<u64, StoreError>;
    fn number_or_none(&self, at: usize) -> Result<Option<u64>, StoreError>;
    fn text(&self, at: usize) -> Result<String, StoreError>;
    fn text_or_none(&self, at: usize) -> Result<Option<String>, StoreError>;
    fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError>;

    fn time(&self, at: usize) -> Result<UnixTime, StoreError> {
        self.number(at).map(UnixTime::from_secs)
    }

    fn time_or_none(&self, at: usize) -> Result<Option<UnixTime>, StoreError> {
        Ok(self.number_or_none(at)?.map(UnixTime::from_secs))
    }

    fn small(&self, at: usize) -> Result<u32, StoreError> {
        u32::try_from(self.number(at)?)
            .map_err(|_| StoreError::Fault(format!("the number in column {at} is too large")))
    }
}

/// A page of at most `limit` items, of rows that were asked for with one more.
fn page<R: Columns, T>(
    rows: &[R],
    limit: u32,
    read: impl Fn(&R) -> Result<T, StoreError>,
    cursor: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows
        .iter()
        .take(wanted)
        .map(read)
        .collect::<Result<Vec<_>, _>>()?;
    let next = match items.last() {
        Some(last) if rows.len() > wanted => Some(cursor(last)),
        _ => None,
    };
    Ok(Page { items, next })
}

/// The value of a parameter.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(Some(signed(number)))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::from(u64::from(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::from(u64::from(flag))
    }
}

impl From<UnixTime> for Value {
    fn from(time: UnixTime) -> Value {
        Value::from(time.as_secs())
    }
}

impl From<Option<UnixTime>> for Value {
    fn from(time: Option<UnixTime>) -> Value {
        Value::Number(time.map(|time| signed(time.as_secs())))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        Value::Text(text)
    }
}

impl From<Option<u32>> for Value {
    fn from(number: Option<u32>) -> Value {
        Value::Number(number.map(i64::from))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

/// The values of the parameters of one statement, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::store::sql::Value::from($value)),*]
    };
}
pub(super) use values;

/// Both databases count up to 2^63 - 1; no moment that is believed comes near it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn json<T: Serialize + ?Sized>(record: &T) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Fault(error.to_string()))
}
