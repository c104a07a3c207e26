//! A foreign subgraph behind idgate's transport, for Apollo's suite of subgraph compatibility to judge.
//!
//! `cargo run --example compatibility -- 127.0.0.1:4001` serves `products.rs` at `/graphql`, from a
//! throw-away data directory. `tests/wire/run compatibility` runs the suite against it. What it finds
//! out is about the engine and the transport; idgate's own subgraph is judged elsewhere.

mod products;

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_graphql::{EmptyMutation, EmptySubscription};
use idgate::app::{App, database_settings};
use idgate::config::Config;
use idgate::crypto::random::Random;
use idgate::domain::clock::Clock;
use idgate::fault::Fault;
use idgate::schema::Schema;
use idgate::services::operator::{first_start, keys};
use idgate::stores;
use idgate::transport::{self, Audience, Limits, Server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let address = env::args()
        .nth(1)
        .ok_or_else(|| Fault::new("name the address to listen at"))?;
    let address: SocketAddr = address.parse()?;
    let data = tempfile::tempdir()?;
    let app = Arc::new(application(address, data.path()).await?);
    keys::ensure(&app).await?;

    let listener = TcpListener::bind(address).await?;
    let builder = async_graphql::Schema::build(products::Query, EmptyMutation, EmptySubscription);
    let schema = Schema::of(&app, builder.enable_federation(), true);
    let server = Arc::new(Server::with_schema(
        Arc::clone(&app),
        Audience::Public,
        listener.local_addr()?,
        Arc::new(AtomicBool::new(false)),
        schema,
    ));
    let stop = CancellationToken::new();
    let serving = transport::listen(
        listener,
        transport::router(&server),
        Limits::of(&app.config),
        stop.clone(),
    );
    tokio::select! {
        () = serving => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(())
}

/// The default application, which has nothing to do here but to be there.
async fn application(address: SocketAddr, data: &std::path::Path) -> Result<App, Fault> {
    let settings = [
        ("IDGATE_SERVER__LISTEN", address.to_string()),
        ("IDGATE_DATA_DIR", data.display().to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let config = Arc::new(Config::load(None, settings.to_vec())?);
    let random = Random::system();
    first_start::prepare(&config, &random)?;
    stores::migrate(&database_settings(&config)).await?;
    App::build(config, Clock::System, random).await
}
