//! One login, and why it failed when it did.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, NoTls};

use super::container::Tunnel;
use super::sliced::{Sliced, SlicedTls};
use super::tls;
use crate::base::Secret;
use crate::error::Error;
use crate::project::SslMode;
use crate::step::Endpoint;

/// Why a login without a password failed; a server that trusts whoever comes asks for none.
const NO_PASSWORD: &str = "the server wants a password, and none is known";

/// After how long a silence the other end is asked whether it is there still: a router in between may have forgotten the connection,
/// and whoever waits would wait for hours.
const SILENCE: Duration = Duration::from_secs(60);

/// How long an answer to that is waited for.
const PROBE: Duration = Duration::from_secs(10);

/// How often it is asked before it is gone.
const PROBES: u32 = 6;

/// A connection; it ends when this is dropped.
pub struct Session {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
    sliced: bool,
}

impl Session {
    /// Whether wide rows of copies come in slices.
    pub(super) fn is_sliced(&self) -> bool {
        self.sliced
    }

    fn sliced_if(mut self, sliced: bool) -> Self {
        self.sliced = sliced;
        self
    }
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Why a login failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// Nobody listens there, or nothing came back.
    Unreachable(String),
    /// The server is there and not ready yet, or shutting down.
    NotReady(String),
    /// The server refuses this role: no such role, another password, no right to log in, no line in
    /// `pg_hba.conf`. PostgreSQL does not tell strangers which.
    Denied(String),
    /// There is no such database.
    NoDatabase(String),
    /// Anything else the server says.
    Other(String),
}

impl LoginFailure {
    /// The server's or the system's own words.
    pub fn why(&self) -> &str {
        match self {
            Self::Unreachable(why)
            | Self::NotReady(why)
            | Self::Denied(why)
            | Self::NoDatabase(why)
            | Self::Other(why) => why,
        }
    }

    /// The failure as an error of its own.
    pub fn into_error(self, endpoint: &Endpoint, role: &str) -> Error {
        let Endpoint { host, port, container, .. } = endpoint;
        let inside =
            container.as_ref().map(|name| format!(" inside the container {name}")).unwrap_or_default();
        let error =
            Error::environment(format!("cannot log in to PostgreSQL on {host}:{port}{inside} as {role}"))
                .because(self.why());
        match self {
            Self::Unreachable(_) if container.is_some() => {
                error.hint("See whether the container runs, and whether its server listens on that port: docker ps")
            }
            Self::Unreachable(_) => error.hint("See whether the server runs: odpm status"),
            Self::NotReady(_) => error.hint("Wait a moment and run the command again."),
            Self::Denied(why) if why == NO_PASSWORD => error
                .hint("Give it in the environment: PGPASSWORD=... odpm ...")
                .hint("Or in ~/.pgpass, which nobody else may read: HOST:PORT:DATABASE:ROLE:PASSWORD"),
            Self::Denied(_) => error.hint(
                "Check the role and its password: odpm database status; `odpm database ensure-role` sets both.",
            ),
            Self::NoDatabase(_) => error.hint(
                "See which there are: odpm database list; on a server elsewhere: psql -l",
            ),
            Self::Other(_) => error,
        }
    }

    fn of(e: &tokio_postgres::Error) -> Self {
        let Some(db) = e.as_db_error() else {
            let mut why = e.to_string();
            if let Some(source) = std::error::Error::source(e) {
                why = source.to_string();
            }
            if why == "password missing" {
                return Self::Denied(NO_PASSWORD.to_owned());
            }
            return Self::Unreachable(why);
        };
        let why = db.message().to_owned();
        match db.code() {
            code if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                Self::Denied(why)
            }
            code if *code == SqlState::CANNOT_CONNECT_NOW
                || *code == SqlState::ADMIN_SHUTDOWN
                || *code == SqlState::CRASH_SHUTDOWN =>
            {
                Self::NotReady(why)
            }
            code if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase(why),
            _ => Self::Other(why),
        }
    }
}

/// Logs in over TCP; everything, name resolution included, within the deadline.
pub async fn connect(
    endpoint: &Endpoint,
    role: &str,
    secret: &Secret,
    database: &str,
    deadline: Duration,
) -> Result<Session, LoginFailure> {
    let config = config(endpoint, role, secret, database);
    let attempt = async {
        match &endpoint.tls {
            _ if endpoint.container.is_some() => inside(&config, endpoint, false).await,
            None => config.connect(NoTls).await.map(session).map_err(|e| LoginFailure::of(&e)),
            Some(tls) => {
                let connector = tls::connector(tls).map_err(LoginFailure::Other)?;
                config.connect(connector).await.map(session).map_err(|e| LoginFailure::of(&e))
            }
        }
    };
    within(deadline, attempt).await
}

/// Likewise, for copies of rows of any width.
pub(super) async fn connect_sliced(
    endpoint: &Endpoint,
    role: &str,
    secret: &Secret,
    database: &str,
    deadline: Duration,
) -> Result<Session, LoginFailure> {
    let config = config(endpoint, role, secret, database);
    let attempt = async {
        if endpoint.container.is_some() {
            return inside(&config, endpoint, true).await;
        }
        let unreachable = |e: std::io::Error| LoginFailure::Unreachable(e.to_string());
        if endpoint.host.starts_with('/') {
            let socket = format!("{}/.s.PGSQL.{}", endpoint.host, endpoint.port);
            let stream = Sliced::new(UnixStream::connect(socket).await.map_err(unreachable)?);
            let session = config.connect_raw(stream, NoTls).await.map(session);
            return Ok(session.map_err(|e| LoginFailure::of(&e))?.sliced_if(true));
        }
        let stream =
            TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&keepalive()).map_err(unreachable)?;
        socket.set_tcp_user_timeout(Some(SILENCE + PROBE * PROBES)).map_err(unreachable)?;
        let stream = Sliced::new(stream);
        let session = match &endpoint.tls {
            None => config.connect_raw(stream, NoTls).await.map(session),
            Some(tls) => {
                let mut connector = tls::connector(tls).map_err(LoginFailure::Other)?;
                let made =
                    MakeTlsConnect::<Sliced<TcpStream>>::make_tls_connect(&mut connector, &endpoint.host);
                let made = made.map_err(|e| LoginFailure::Other(e.to_string()))?;
                config.connect_raw(stream, SlicedTls(made)).await.map(session)
            }
        };
        let session = session.map_err(|e| LoginFailure::of(&e))?;
        Ok(session.sliced_if(true))
    };
    within(deadline, attempt).await
}

fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(SILENCE).with_interval(PROBE).with_retries(PROBES)
}

fn config(endpoint: &Endpoint, role: &str, secret: &Secret, database: &str) -> Config {
    let mut config = Config::new();
    config.host(&endpoint.host).port(endpoint.port).user(role).dbname(database).application_name("odpm");
    config.keepalives_idle(SILENCE).keepalives_interval(PROBE).keepalives_retries(PROBES);
    config.tcp_user_timeout(SILENCE + PROBE * PROBES);
    if !secret.reveal().is_empty() {
        config.password(secret.reveal());
    }
    if let Some(tls) = endpoint.tls.as_ref().filter(|_| endpoint.container.is_none()) {
        config.ssl_mode(match tls.mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        });
    }
    config
}

async fn within(
    deadline: Duration,
    attempt: impl Future<Output = Result<Session, LoginFailure>>,
) -> Result<Session, LoginFailure> {
    let late = || LoginFailure::Unreachable(format!("no answer within {} s", deadline.as_secs_f32()));
    tokio::time::timeout(deadline, attempt).await.unwrap_or_else(|_| Err(late()))
}

/// Logs in to a server inside a container. Nobody reads along there, so there is no TLS to it.
async fn inside(config: &Config, endpoint: &Endpoint, sliced: bool) -> Result<Session, LoginFailure> {
    let container = endpoint.container.as_deref().unwrap_or_default();
    let unreachable = |e: std::io::Error| LoginFailure::Unreachable(format!("docker cannot be run: {e}"));
    let tunnel = Tunnel::open(container, endpoint.port).map_err(unreachable)?;
    let said = tunnel.said();
    let begun = match sliced {
        true => config.connect_raw(Sliced::new(tunnel), NoTls).await.map(session),
        false => config.connect_raw(tunnel, NoTls).await.map(session),
    };
    match begun {
        Ok(session) => Ok(session.sliced_if(sliced)),
        Err(e) => {
            // Its client's own words come a moment after the streams have ended.
            tokio::time::sleep(Duration::from_millis(100)).await;
            Err(match (LoginFailure::of(&e), said.words()) {
                (LoginFailure::Unreachable(_), Some(words)) => LoginFailure::Unreachable(words),
                (other, _) => other,
            })
        }
    }
}

/// A session of a client and its connection.
fn session<S, T>((client, connection): (Client, Connection<S, T>)) -> Session
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let driver = tokio::spawn(async move {
        // Its end shows in the client's own calls.
        let _ = connection.await;
    });
    Session { client, driver, sliced: false }
}
