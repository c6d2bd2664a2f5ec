//! What the kernel says of processes and of the machine (proc(5)).

use std::fs;

/// CPU of this machine since its start, in clock ticks of all cores together.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineTicks {
    pub busy: u64,
    pub total: u64,
}

/// User and system time of a process with all its threads, in clock ticks; None when it is gone.
pub fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and parentheses; what follows the last one is regular. State is field 3.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Ticks in a second, as proc(5) counts.
pub fn ticks_per_second() -> f64 {
    // SAFETY: no pointers; -1 on error is replaced below.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    i32::try_from(ticks).ok().filter(|ticks| *ticks > 0).map_or(100.0, f64::from)
}

/// Busy means neither idle, nor waiting for a disk, nor taken by the hypervisor's other guests.
pub fn machine_ticks() -> Option<MachineTicks> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).take(8).map_while(|word| word.parse().ok()).collect();
    let &[user, nice, system, idle, iowait, irq, softirq, steal] = fields.as_slice() else { return None };
    let busy = user + nice + system + irq + softirq;
    Some(MachineTicks { busy, total: busy + idle + iowait + steal })
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
}

/// Open file descriptors of a process.
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_this_machine_can_be_read() {
        let me = std::process::id();
        assert!(cpu_ticks(me).is_some());
        assert!(resident_kib(me).unwrap() > 100);
        assert!(descriptors(me).unwrap() >= 3);
        let machine = machine_ticks().unwrap();
        assert!(machine.busy > 0 && machine.total >= machine.busy);
        assert_eq!(cpu_ticks(u32::MAX), None);
    }
}
