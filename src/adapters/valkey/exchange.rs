//! [`Exchange`] over Valkey.
//!
//! | key | value |
//! |---|---|
//! | `playback:learned:{topic}` | a hash of what is told of a version of a recording |
//! | `playback:learned:{topic}:index`, `…:sketch` | who does that for all |
//!
//! The braces are part of the keys: in a cluster those of a recording lie on one node. No session owns them, and the end of
//! none removes them: each has an end of its own. Every command may be repeated without harm. Names and values are read only as
//! far as they are no longer than anything that is written: whoever may write there may write anything.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use redis::{Cmd, Value, cmd};

use super::store::Store;
use crate::error::{Error, Kind, Result};
use crate::playback::exchange::{
    Claim, Entry, Exchange, LASTS, LONGEST_NAME, LONGEST_VALUE, MOST_BYTES, MOST_ENTRIES, News, Told, Topic,
};

/// What replicas tell each other, in the Valkey that keeps their sessions.
#[derive(Debug)]
pub struct ValkeyExchange(Arc<Store>);

impl ValkeyExchange {
    pub(super) fn over(store: Arc<Store>) -> Self {
        Self(store)
    }

    /// Nobody waits for a Valkey that is known to be away, not even until it is known to be back.
    async fn ask<T: redis::FromRedisValue>(&self, command: Cmd) -> Result<T> {
        if self.0.link.is_away() {
            return Err(Error::new(Kind::UpstreamDown, "Valkey cannot be reached."));
        }
        self.0.link.ask(&command).await
    }
}

impl Exchange for ValkeyExchange {
    fn read(&self, topic: Topic) -> BoxFuture<'_, Result<Told>> {
        async move { Ok(told(self.ask(read(topic)).await?)) }.boxed()
    }

    fn write(&self, topic: Topic, news: News) -> BoxFuture<'_, Result<()>> {
        async move { self.ask::<Value>(write(topic, &news)).await.map(drop) }.boxed()
    }

    fn forget(&self, topic: Topic) -> BoxFuture<'_, Result<()>> {
        async move { self.ask::<Value>(super::keys::remove(key(topic))).await.map(drop) }.boxed()
    }

    fn claim<'a>(&'a self, claim: &'a Claim, lasts: Duration) -> BoxFuture<'a, Result<bool>> {
        async move { self.ask(take(claim, lasts)).await }.boxed()
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<()>> {
        async move { self.ask::<Value>(release(claim)).await.map(drop) }.boxed()
    }
}

fn key(topic: Topic) -> String {
    format!("playback:learned:{{{topic}}}")
}

fn key_of_claim(claim: &Claim) -> String {
    format!("{}:{}", key(claim.topic), claim.errand.name())
}

fn script(text: &str, key: String) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(1).arg(key);
    command
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn read(topic: Topic) -> Cmd {
    let mut command = script(READ, key(topic));
    command.arg(millis(LASTS)).arg(MOST_ENTRIES).arg(LONGEST_NAME).arg(LONGEST_VALUE).arg(MOST_BYTES);
    command
}

/// How many were passed over, then names and values.
const READ: &str = "\
local kind = redis.call('TYPE', KEYS[1]).ok \
if kind == 'none' then return {0} end \
if kind ~= 'hash' or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then return {1} end \
redis.call('PEXPIRE', KEYS[1], ARGV[1]) \
local found, room = {0}, tonumber(ARGV[5]) \
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do \
local length = redis.call('HSTRLEN', KEYS[1], name) \
if #name > tonumber(ARGV[3]) or length > tonumber(ARGV[4]) or length > room then found[1] = found[1] + 1 else \
room = room - length \
found[#found + 1] = name \
found[#found + 1] = redis.call('HGET', KEYS[1], name) end end \
return found";

fn write(topic: Topic, news: &News) -> Cmd {
    let mut command = script(WRITE, key(topic));
    command.arg(millis(news.lasts)).arg(MOST_ENTRIES).arg(news.obsolete.len());
    news.obsolete.iter().for_each(|name| {
        command.arg(&**name);
    });
    news.entries.iter().filter(|entry| entry.is_allowed()).for_each(|entry| {
        command.arg(&*entry.name).arg(&*entry.value);
    });
    command
}

/// What is there and is no hash, or has more than anybody tells, makes room.
const WRITE: &str = "\
local kind, most = redis.call('TYPE', KEYS[1]).ok, tonumber(ARGV[2]) \
if kind ~= 'none' and (kind ~= 'hash' or redis.call('HLEN', KEYS[1]) > most) then redis.call('DEL', KEYS[1]) end \
local first = 4 + tonumber(ARGV[3]) \
for at = 4, first - 1 do redis.call('HDEL', KEYS[1], ARGV[at]) end \
local count = redis.call('HLEN', KEYS[1]) \
for at = first, #ARGV, 2 do \
if count < most then count = count + redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) \
elseif redis.call('HEXISTS', KEYS[1], ARGV[at]) == 1 then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end end \
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end \
return 1";

fn take(claim: &Claim, lasts: Duration) -> Cmd {
    let mut command = script(TAKE, key_of_claim(claim));
    command.arg(&*claim.holder).arg(millis(lasts)).arg(millis(LONGEST_CLAIM));
    command
}

/// What claims an errand for longer than this, or for ever, is none of ours.
const LONGEST_CLAIM: Duration = Duration::from_secs(300);

/// `SET NX PX` where it is free; the holder's own goes on.
const TAKE: &str = "\
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end \
local left = redis.call('PTTL', KEYS[1]) \
local is_held = redis.call('TYPE', KEYS[1]).ok == 'string' and left >= 0 and left <= tonumber(ARGV[3]) \
if is_held and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
return 1";

fn release(claim: &Claim) -> Cmd {
    let mut command = script(RELEASE, key_of_claim(claim));
    command.arg(&*claim.holder);
    command
}

const RELEASE: &str = "\
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
return redis.call('DEL', KEYS[1])";

/// What [`READ`] answers, as far as it is that.
fn told(answer: Vec<Value>) -> Told {
    let mut answer = answer.into_iter();
    let mut told = Told::default();
    if let Some(Value::Int(passed_over)) = answer.next() {
        told.passed_over = u64::try_from(passed_over).unwrap_or_default();
    }
    while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) = (answer.next(), answer.next())
    {
        match String::from_utf8(name) {
            Ok(name) => told.entries.push(Entry { name: name.into(), value: Bytes::from(value) }),
            Err(_) => told.passed_over += 1,
        }
    }
    told.entries.sort_by(|one, other| one.name.cmp(&other.name));
    told
}
