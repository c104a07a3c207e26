//! idgate: a GraphQL identity gateway.
//!
//! The modules in the order in which they may use each other, last first:
//! `command` composes; `transport` is HTTP; `schema` is GraphQL; `rest` is for clients of the
//! system before; `pages` are for people without a
//! front end; `work` runs beside the requests;
//! `services` write and `selectors` read; `app` holds what is built once; `stores`, `volatile`,
//! `providers` and `crypto` touch the world; `entities` are its rows; `config` and `domain` are
//! values. `messages` are the words for people. Reads go `schema → selectors → entities`, writes `schema → services → stores →
//! entities`.

pub mod app;
pub mod command;
pub mod config;
pub mod crypto;
pub mod domain;
#[doc(hidden)]
pub mod entities;
pub mod fault;
pub mod messages;
pub mod pages;
pub mod providers;
pub mod rest;
pub mod schema;
pub mod selectors;
pub mod services;
pub mod shared_read;
pub mod stores;
pub mod telemetry;
pub mod transport;
pub mod volatile;
pub mod work;
