//! The control socket's client: JSON-RPC 2.0 over HTTP on a Unix socket.

use super::CliError;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A command that takes longer has hung; a load of a million rows fits.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// Largest answer that is read.
const ANSWER_OCTETS_MAX: u64 = 1 << 30;

/// Calls a method; a refusal of the server becomes the error's text.
pub(super) fn call(socket: &Path, method: &str, params: Value) -> Result<Value, CliError> {
    call_keyed(socket, method, params, None)
}

/// The same for a request that can be repeated under a key.
pub(super) fn call_keyed(
    socket: &Path,
    method: &str,
    params: Value,
    key: Option<&str>,
) -> Result<Value, CliError> {
    let mut request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    if let Some(key) = key {
        request["idempotency_key"] = key.into();
    }
    let mut answer: Value = exchange(socket, &request.to_string())
        .and_then(|body| serde_json::from_slice(&body).map_err(std::io::Error::other))
        .map_err(|error| {
            let socket = socket.display();
            CliError::failed(format!(
                "the server does not answer on {socket}: {error}; is `headgate serve` running?"
            ))
        })?;
    if let Some(error) = answer.get("error") {
        let text =
            error.get("message").and_then(Value::as_str).unwrap_or("the server refused without a reason");
        return Err(CliError::failed(text));
    }
    Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
}

/// Whether a server listens there.
pub(super) fn is_running(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

fn exchange(socket: &Path, body: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    write!(
        stream,
        "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_OCTETS_MAX).read_to_end(&mut answer)?;
    let head_end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| std::io::Error::other("the answer is not HTTP"))?;
    Ok(answer.split_off(head_end + 4))
}
