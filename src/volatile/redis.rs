//! The shared store of several instances, on a Redis or Valkey server.
//!
//! Every check-and-set is one Lua script. Every request ends within the configured timeout, and an
//! unavailable server costs that time once a second at most (see `breaker`).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::{ConnectionAddr, FromRedisValue, IntoConnectionInfo, Script, ScriptInvocation};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::budget::{Gcra, micros};
use super::codes::microseconds;
use super::connections::Connections;
use super::server::Server;
use super::{Charge, CodeLookup, Health, Level, NewCode, Tries, Unavailable, Verdict};
use crate::config;
use crate::telemetry::waits::{Wait, timed};

/// The pause of the circuit breaker.
const PAUSE: Duration = Duration::from_secs(1);

/// The URL is malformed, or needs a feature this build lacks. The message does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Redis URL is not a usable redis:// or rediss:// URL")]
pub struct InvalidUrl;

/// The store on a server.
pub struct Redis {
    pub(super) connections: Connections,
    pub(super) client: redis::Client,
    pub(super) server: Server,
    breaker: Breaker,
    scripts: Scripts,
    prefix: String,
    pub(super) timeout: Duration,
}

/// The Lua scripts.
struct Scripts {
    charge: Script,
    place_code: Script,
    try_code: Script,
    forget_code: Script,
    drop_codes: Script,
    publish: Script,
}

impl Scripts {
    fn new() -> Self {
        Self {
            charge: Script::new(include_str!("charge.lua")),
            place_code: Script::new(include_str!("place_code.lua")),
            try_code: Script::new(include_str!("try_code.lua")),
            forget_code: Script::new(include_str!("forget_code.lua")),
            drop_codes: Script::new(include_str!("drop_codes.lua")),
            publish: Script::new(include_str!("publish.lua")),
        }
    }
}

/// Omits the URL, which holds credentials.
impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, health) = (&self.prefix, self.health());
        formatter
            .debug_struct("Redis")
            .field("prefix", prefix)
            .field("health", &health)
            .finish_non_exhaustive()
    }
}

/// How a request failed, which decides whether it is retried.
enum Failure {
    /// On a connection: a new one may lead to a working server.
    Connected(Unavailable),
    /// Without a connection, or by timeout.
    Final(Unavailable),
}

impl Redis {
    pub(super) fn connect(
        url: &SecretString,
        settings: &config::Redis,
        now: DateTime<Utc>,
    ) -> Result<Self, InvalidUrl> {
        Self::connect_with_pause(url, settings, now, PAUSE)
    }

    pub(super) fn connect_with_pause(
        url: &SecretString,
        settings: &config::Redis,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<Self, InvalidUrl> {
        // Drop the library's message, which may quote the URL.
        let info = url
            .expose_secret()
            .into_connection_info()
            .map_err(|_| InvalidUrl)?;
        // `rediss://…/#insecure` accepts any certificate (machine in the middle).
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(InvalidUrl);
        }
        let unusable = |_| InvalidUrl;
        let timeout = Duration::from_millis(settings.timeout_milliseconds);
        let server = Server::new(&info, timeout);
        let connections =
            Connections::prepare(info.clone(), server.clone(), timeout, settings.pool)
                .map_err(unusable)?;
        Ok(Self {
            connections,
            client: redis::Client::open(info).map_err(unusable)?,
            server,
            breaker: Breaker::new(pause, now),
            scripts: Scripts::new(),
            // A hash tag: a script may only use keys of one cluster slot.
            prefix: format!("{{{}}}", settings.prefix),
            timeout,
        })
    }

    pub(super) async fn charge(
        &self,
        now: DateTime<Utc>,
        levels: &[Level],
    ) -> Result<Verdict, Unavailable> {
        let mut invocation = self.scripts.charge.arg(micros(now));
        for (index, level) in levels.iter().enumerate() {
            for charge in level {
                let Gcra {
                    increment,
                    limit,
                    never_wait,
                } = Gcra::of(charge);
                invocation.key(format!("{}:budget:{}", self.prefix, charge.key));
                invocation
                    .arg(index)
                    .arg(increment)
                    .arg(limit)
                    .arg(never_wait);
            }
        }
        let (level, wait): (usize, u64) = self.guarded(now, &invocation).await?;
        Ok(match wait {
            0 => Verdict::Allowed,
            wait => Verdict::Refused {
                level,
                retry_after: Duration::from_micros(wait),
            },
        })
    }

    pub(super) async fn place_code(
        &self,
        now: DateTime<Utc>,
        code: NewCode<'_>,
    ) -> Result<(u64, Vec<u8>, u64, u64), Unavailable> {
        let mut invocation = self.scripts.place_code.key(self.code_key(code.key));
        invocation
            .arg(micros(now))
            .arg(microseconds(code.cooldown))
            .arg(microseconds(code.resend_for))
            .arg(microseconds(code.store_for).div_ceil(1000))
            .arg(code.tries)
            .arg(code.sealed)
            .arg(code.replaces.unwrap_or_default())
            .arg(micros(code.expires_at));
        self.guarded(now, &invocation).await
    }

    pub(super) async fn try_code(
        &self,
        now: DateTime<Utc>,
        lookups: &[CodeLookup],
        tries: Tries,
    ) -> Result<Vec<Vec<u8>>, Unavailable> {
        let mut invocation = self.scripts.try_code.arg(tries.total);
        invocation.arg(tries.other_devices);
        for lookup in lookups {
            invocation.key(self.code_key(&lookup.key));
            invocation.arg(u8::from(lookup.for_other_device));
        }
        self.guarded(now, &invocation).await
    }

    pub(super) async fn forget_code(
        &self,
        now: DateTime<Utc>,
        lookups: &[CodeLookup],
        sealed: &[u8],
    ) -> Result<(), Unavailable> {
        let mut invocation = self.scripts.forget_code.arg(sealed);
        for lookup in lookups {
            invocation.key(self.code_key(&lookup.key));
        }
        self.guarded::<u64>(now, &invocation).await.map(drop)
    }

    pub(super) async fn drop_codes(
        &self,
        now: DateTime<Utc>,
        keys: &[String],
    ) -> Result<(), Unavailable> {
        let Some((first, others)) = keys.split_first() else {
            return Ok(());
        };
        let mut invocation = self.scripts.drop_codes.key(self.code_key(first));
        for key in others {
            invocation.key(self.code_key(key));
        }
        self.guarded::<u64>(now, &invocation).await.map(drop)
    }

    pub(super) async fn publish(
        &self,
        now: DateTime<Utc>,
        message: &str,
    ) -> Result<(), Unavailable> {
        let mut invocation = self.scripts.publish.key(self.channel());
        invocation.arg(message);
        self.guarded::<u64>(now, &invocation).await.map(drop)
    }

    /// The Pub/Sub channel of the instances with this prefix.
    pub(super) fn channel(&self) -> String {
        format!("{}:events", self.prefix)
    }

    fn code_key(&self, key: &str) -> String {
        format!("{}:otp:{key}", self.prefix)
    }

    /// Writes, because a read-only server is not usable. The charge always fits.
    pub(super) async fn ping(&self, now: DateTime<Utc>) -> Result<(), Unavailable> {
        let key = "ping".to_owned();
        let sign = Charge {
            key,
            capacity: u32::MAX,
            window: Duration::from_secs(1),
            cost: 1,
        };
        self.charge(now, &[vec![sign]]).await.map(drop)
    }

    pub(super) fn health(&self) -> Health {
        self.breaker.health()
    }

    async fn guarded<T: FromRedisValue>(
        &self,
        now: DateTime<Utc>,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, Unavailable> {
        let start = Instant::now();
        let permit = self.breaker.admit(start.into_std())?;
        let asked = self.ask(invocation, start + self.timeout);
        let answer = timed(Wait::SharedStore, asked).await;
        match &answer {
            Ok(_) => self.breaker.succeeded(permit, now),
            Err(failure) => {
                self.breaker
                    .failed(permit, now, Instant::now().into_std(), failure);
            }
        }
        answer
    }

    /// Retries once if the connection failed, as after a restart of the server.
    async fn ask<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<T, Unavailable> {
        match self.ask_once(invocation, deadline).await {
            Err(Failure::Connected(_)) => self.ask_once(invocation, deadline).await,
            answer => answer,
        }
        .map_err(|failure| match failure {
            Failure::Connected(failure) | Failure::Final(failure) => failure,
        })
    }

    /// Every error retires the connection, errors of the server included: after a failover only a
    /// new connection reaches the writable server.
    async fn ask_once<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let late = || Failure::Final(self.server.timed_out());
        let mut connection = timeout_at(deadline, self.connections.take())
            .await
            .map_err(|_| late())?
            .map_err(Failure::Final)?;
        let asked = invocation.invoke_async(&mut connection.multiplexed);
        match timeout_at(deadline, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.connections.retire(&connection);
                let failure = self.server.failed(&error);
                Err(if error.is_timeout() {
                    Failure::Final(failure)
                } else {
                    Failure::Connected(failure)
                })
            }
            Err(_) => {
                self.connections.retire(&connection);
                Err(late())
            }
        }
    }
}
