//! The gateway from outside: over HTTP, on a database of its own for every test.
//!
//! `harness` makes the backends and the clients; each file beside it is one capability or one
//! concern. Nothing here sleeps: time is a clock that tests move.

#![cfg(test)]

mod account;
mod administration;
mod audit;
mod batching;
mod database;
mod delivery;
mod documents;
mod export;
mod federation;
mod google;
mod harness;
mod import;
mod incidents;
mod lifecycle;
mod links;
mod media;
mod operator;
mod otp;
mod password;
mod process;
mod rest;
mod session;
mod subscriptions;
mod throttle;
mod transport;
