//! The control socket: JSON-RPC 2.0 at `POST /rpc`, the feed at `GET /feed` and the reports of enforcers at
//! `POST /report`, over HTTP on a Unix socket.
//!
//! Who may open the socket is said by its owner, group and mode (0660); who asked is known from the kernel and stands in
//! the postings. The command line and the enforcer beside the server come in here.

use crate::doors::http::{Door, Limits, Method, Parameters, Request, Response};
use crate::doors::rpc::{self, Asked};
use crate::doors::{feed, report};
use crate::model::Actor;
use crate::operations::{Follower, Operations, Principal, Reports};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// A load file travels in one request.
const BODY_OCTETS_MAX: usize = 1 << 30;
const CONNECTIONS_MAX: usize = 256;
const SOCKET_MODE: u32 = 0o660;
/// A follower that does not say `follower=NAME`.
const FOLLOWER_DEFAULT: &str = "local";
/// Of a follower's name.
const FOLLOWER_CHARS_MAX: usize = 63;
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the socket and serves it until told to stop. A socket that a dead server left is replaced; one where a server
/// answers is an error.
pub fn start(
    path: &Path,
    operations: &Arc<Operations>,
    reports: &Arc<Reports>,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(at(io::Error::new(io::ErrorKind::AddrInUse, "another server answers there")));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(at)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(at)?;
    tasks.spawn(serve(listener, Arc::clone(operations), Arc::clone(reports), stop.clone()));
    Ok(())
}

async fn serve(
    listener: UnixListener,
    operations: Arc<Operations>,
    reports: Arc<Reports>,
    stop: watch::Receiver<bool>,
) {
    let limits = Limits { body_octets_max: BODY_OCTETS_MAX, ..Limits::default() };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection of the control socket cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Beyond the limit a connection is closed at once; the command line says so.
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let actor = actor_of(&stream);
        let (operations, reports) = (Arc::clone(&operations), Arc::clone(&reports));
        let handler =
            move |request| answer(Arc::clone(&operations), Arc::clone(&reports), actor.clone(), request);
        let door = Door::new(handler, limits.clone(), stop.clone());
        connections.spawn(async move {
            door.connection(stream, None).await;
            drop(place);
        });
    }
}

async fn answer(
    operations: Arc<Operations>,
    reports: Arc<Reports>,
    actor: Actor,
    request: Request,
) -> Response {
    match (request.path.as_str(), &request.method) {
        ("/rpc", Method::Post) => {
            let principal = &Principal::local(actor);
            rpc::respond(&Asked { operations: &operations, principal }, &request).await
        }
        ("/feed", Method::Get) => feed::answer(&operations, &follower(&request), &request).await,
        ("/report", Method::Post) => report::answer(&reports, &follower(&request).name, &request.body).await,
        ("/report", _) => Response::method_not_allowed("POST"),
        ("/rpc", _) => Response::method_not_allowed("POST"),
        ("/feed", _) => Response::method_not_allowed("GET"),
        _ => Response::text(404, "there are /rpc, /feed and /report here\n"),
    }
}

/// How the follower calls itself.
fn follower(request: &Request) -> Follower {
    let name = Parameters::parse(&request.query).find("follower").unwrap_or_default().trim().to_owned();
    let named = !name.is_empty() && name.chars().count() <= FOLLOWER_CHARS_MAX;
    Follower { name: if named { name } else { FOLLOWER_DEFAULT.to_owned() }, address: None }
}

/// The user at the other end, as the kernel knows it.
fn actor_of(stream: &UnixStream) -> Actor {
    let Ok(credentials) = stream.peer_cred() else { return Actor("cli".into()) };
    let uid = credentials.uid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    Actor(format!("cli:{}", name.unwrap_or(uid)))
}
