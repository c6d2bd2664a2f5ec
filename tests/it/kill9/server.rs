//! The server as a process with its database, to be killed and started again.

use super::Mutant;
use rusqlite::Connection;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// Each server has an address of its own, so that nobody takes its port while it is down.
static SERVERS: AtomicU8 = AtomicU8::new(1);

pub struct Server {
    pub address: SocketAddr,
    dir: tempfile::TempDir,
    mutant: Option<Mutant>,
    process: Option<Child>,
}

impl Server {
    /// A database with contracts "0", "1", and so on, without money.
    pub fn new(contracts: u64, mutant: Option<Mutant>) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let process = std::process::id().to_be_bytes();
        let own = SERVERS.fetch_add(1, Ordering::Relaxed);
        // Below the ports that the kernel gives to clients: none of them can meet itself there.
        let address = SocketAddr::from((Ipv4Addr::new(127, process[2], process[3], own), 8082));
        let path = dir.path().display();
        let config = format!(
            "[server]\nstate-dir = \"{path}/state\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/state/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
             [system-api]\nlisten = [\"{address}\"]\nallow = \"127.0.0.0/8\"\n\
             [system-api.passwords]\nasr_fiscal = \"f\"\n[cabinet]\nlisten = []\n[management]\nlisten = []\n[cgrates]\ntcp = []\nhttp = []\n[metrics]\nlisten = []\n"
        );
        fs::write(dir.path().join("headgate.toml"), config).unwrap();
        let mut data = String::new();
        for contract in 0..contracts {
            writeln!(data, "[[account]]\ncontract = \"{contract}\"").unwrap();
        }
        fs::write(dir.path().join("data.toml"), data).unwrap();
        let server = Server { address, dir, mutant, process: None };
        let loaded = server.program("load").arg(server.dir.path().join("data.toml")).output().unwrap();
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        if mutant == Some(Mutant::NoUniqueKey) {
            server.drop_unique_key();
        }
        server
    }

    fn program(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_headgate"));
        program.arg(command).arg("--config").arg(self.dir.path().join("headgate.toml"));
        program.stdin(Stdio::null());
        program
    }

    pub fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.dir.path().join("server.log"));
        let mut serve = self.program("serve");
        serve.stdout(Stdio::null()).stderr(log.unwrap());
        if let Some(mutant) = self.mutant {
            let word = match mutant {
                Mutant::ReplyBeforeCommit => "reply-before-commit",
                Mutant::NoUniqueKey => "no-unique-key",
            };
            serve.env("HEADGATE_MUTANT", word);
        }
        self.process = Some(serve.spawn().unwrap());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let early = process.try_wait().unwrap();
            assert_eq!(early, None, "the server ended by itself\n{}", self.log());
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// What the servers have said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default()
    }

    pub fn database(&self) -> Connection {
        Connection::open(self.dir.path().join("state/headgate.db")).unwrap()
    }

    /// The table of payments as it was made, but for its key.
    fn drop_unique_key(&self) {
        let database = self.database();
        let made = "SELECT sql FROM sqlite_schema WHERE name = 'payment'";
        let made: String = database.query_row(made, [], |row| row.get(0)).unwrap();
        let without = made.replace("UNIQUE (operator, id)", "CHECK (1)");
        assert_ne!(made, without, "the key is made in another way");
        database.execute_batch(&format!("DROP TABLE payment; {without}")).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}
