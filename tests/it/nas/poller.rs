//! The script as a process in the NAS's namespace, and what the kernel has then.

use super::site::{PASSWORD, Site};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const DASH: &str = "dash";
pub const BUSYBOX: &str = "busybox ash";

pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/nas-poll.sh")
}

pub struct Poller<'a> {
    site: &'a Site,
    shell: &'static str,
    config: PathBuf,
}

/// What a run said and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub said: String,
    pub printed: String,
}

impl<'a> Poller<'a> {
    pub fn new(site: &'a Site, shell: &'static str) -> Poller<'a> {
        let poller = Poller { site, shell, config: site.path("nas-poll.conf") };
        let password = site.path("psw");
        std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        poller.configure("");
        poller
    }

    /// Writes the configuration with these lines at its end: the last of a key counts.
    pub fn configure(&self, more: &str) {
        let directory = self.site.directory.path().display();
        let text = format!(
            "servers = http://127.0.0.1:8082/system_api/\npassword-file = {directory}/psw\nnas = 127.0.0.1\n\
             lan = lan*   # a pattern\nshape = lan0\nwan = wan0\ncaptive = 10.9.0.1:8080\n\
             walled-garden = 203.0.113.10\nstate-dir = {directory}/state\nrun-dir = {directory}/run\nwait = 20\n{more}\n"
        );
        std::fs::write(&self.config, text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.site.network.nas.name]).args(self.shell.split(' '));
        command.arg(script()).arg("--config").arg(&self.config).args(words);
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        ran(self.command(words).output().unwrap())
    }

    /// With programs of this directory before others of their name.
    pub fn run_with(&self, programs: &Path, words: &[&str]) -> Ran {
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        ran(self.command(words).env("PATH", path).output().unwrap())
    }

    pub fn must(&self, words: &[&str]) -> Ran {
        let ran = self.run(words);
        assert_eq!(ran.status, Some(0), "{words:?}: {ran:?}");
        ran
    }

    /// Starts it without `--once`; ended with what it is given to.
    pub fn follow(&self) -> Following {
        Following(self.command(&[]).stdout(Stdio::null()).spawn().unwrap())
    }

    /// The table and the classes as nft and tc show them.
    pub fn kernel(&self) -> String {
        self.site.network.nas.must(
            "nft list table inet headgate_poll; tc qdisc show | sed 's/direct_packets_stat [0-9]*//'; \
             tc class show dev lan0; tc class show dev wan0",
        )
    }

    /// Whether an element of this text is in a set of the table.
    pub fn has(&self, set: &str, element: &str) -> bool {
        let wanted = format!("nft get element inet headgate_poll {set} '{{ {element} }}'");
        self.site.network.nas.shell(&wanted).status.success()
    }
}

fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
        printed: String::from_utf8_lossy(&output.stdout).into_owned(),
    }
}

pub struct Following(Child);

impl Following {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// SIGTERM, as a service manager sends it; how it ended.
    pub fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.0.wait().unwrap().code()
    }

    /// It passes the signal on to the request that it waits for.
    fn terminate(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.terminate();
        let _ = self.0.wait();
    }
}
