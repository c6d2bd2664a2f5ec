//! Network namespaces with names, for the demo and the benchmarks: made, entered and deleted.

use super::{CliError, CliResult};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

/// Namespaces that are deleted, with all that is in them, when the value is dropped.
pub(super) struct Namespaces(Vec<String>);

impl Namespaces {
    /// Makes them all. One that is already there is somebody's: an error that says how to delete it.
    ///
    /// # Errors
    /// Not root, no `ip` of iproute2, or a name in use.
    pub fn make(names: &[&str]) -> Result<Namespaces, CliError> {
        // SAFETY: takes nothing, gives a number.
        if unsafe { libc::geteuid() } != 0 {
            return Err(CliError::failed("this makes network namespaces: run it as root"));
        }
        let mut made = Namespaces(Vec::new());
        for name in names {
            if std::path::Path::new("/run/netns").join(name).exists() {
                return Err(CliError::failed(format!(
                    "namespace {name} is there: another one runs, or was killed. If none runs: ip netns del {name}"
                )));
            }
            ip(&format!("netns add {name}"))?;
            made.0.push((*name).to_owned());
            ip(&format!("-n {name} link set lo up"))?;
        }
        Ok(made)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            // What cannot be deleted is told when it is made the next time.
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

/// Runs `ip` with these words, separated by one blank each.
pub(super) fn ip(words: &str) -> CliResult {
    let output = Command::new("ip")
        .args(words.split(' '))
        .output()
        .map_err(|error| CliError::failed(format!("ip (of Debian's iproute2): {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(CliError::failed(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Moves the calling thread into a namespace; threads and processes that it starts begin there.
pub(super) fn enter(name: &str) -> CliResult {
    let failed = |error: std::io::Error| CliError::failed(format!("namespace {name}: {error}"));
    let file = File::open(format!("/run/netns/{name}")).map_err(failed)?;
    // SAFETY: a descriptor that is open during the call, and a constant.
    match unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(failed(std::io::Error::last_os_error())),
    }
}

/// Lets the calling thread's namespace forward packets of both families.
pub(super) fn forward_packets() -> CliResult {
    ["ipv4/ip_forward", "ipv6/conf/all/forwarding"].into_iter().try_for_each(|name| {
        let path = format!("/proc/sys/net/{name}");
        std::fs::write(&path, "1").map_err(|error| CliError::failed(format!("{path}: {error}")))
    })
}
