//! Owns the system call filter of boxes: what no check of a lab needs, and what has led out of
//! boxes or from one to another. Compiled to BPF, and loaded by bubblewrap before the first
//! program of the box is started.
//!
//! It lets through what it does not name: namespaces, missing capabilities and control groups do
//! the rest. What it refuses looks to programs like a kernel without it.

use std::collections::BTreeMap;

use libc::{
    AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET,
    CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, ENOSYS, TIOCLINUX, TIOCSTI,
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, sock_filter,
};

/// `cachestat`, which has the same number on every architecture: it tells which pages of a file are
/// in memory, and so what others have read.
const CACHESTAT: i64 = 451;
/// Calls that are refused whatever they ask.
const REFUSED: [i64; 58] = [
    CACHESTAT,
    // The kernel's keyrings are not all kept apart by namespaces.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // It does file and network work that no filter sees.
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    // Looking into, and holding up, other processes and the kernel.
    libc::SYS_bpf,
    libc::SYS_fanotify_init,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
    // Memory that the control group cannot take back.
    libc::SYS_memfd_secret,
    libc::SYS_mlock2,
    // Mounts and namespaces.
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // The machine's own affairs. They need capabilities that a box lacks, too.
    libc::SYS_acct,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_nfsservctl,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_set_mempolicy,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_vhangup,
];
/// Families of sockets that a box may open: within it, or to nobody.
const FAMILIES: [i32; 4] = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK];
/// Namespaces that `clone` must not make.
const NAMESPACES: [i32; 7] = [
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
];
/// Requests of `ioctl` that put words into a terminal's mouth.
const TERMINAL: [u64; 2] = [TIOCSTI, TIOCLINUX];
/// The flag of `preadv2` that reads only what is in memory already, and so tells what is.
const ONLY_CACHED: u64 = libc::RWF_NOWAIT as u64;
/// On x86-64, the bit that marks a call of the x32 interface; its numbers would get past the list.
const X32_BIT: u32 = 0x4000_0000;

/// The filter as bubblewrap reads it: the kernel's instructions in its own byte order.
///
/// # Errors
/// When there is no such filter for this machine's architecture.
pub(super) fn bytes() -> Result<Vec<u8>, BackendError> {
    let refuse = SeccompAction::Errno(ENOSYS as u32);
    let architecture = std::env::consts::ARCH.try_into()?;
    let rules = rules()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?;
    let rest: BpfProgram = filter.try_into()?;
    let program = before().into_iter().chain(rest);
    Ok(program.flat_map(instruction_bytes).collect())
}

fn rules() -> Result<BTreeMap<i64, Vec<Rule>>, BackendError> {
    let mut rules: BTreeMap<i64, Vec<Rule>> = REFUSED.map(|call| (call, vec![])).into();
    let other_family = FAMILIES
        .map(|family| Condition::new(0, Length::Dword, Op::Ne, family as u64))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_socket, vec![Rule::new(other_family)?]);
    let one = |condition: Result<Condition, _>| Rule::new(vec![condition?]);
    let clone = NAMESPACES.map(|flag| {
        let flag = flag as u64;
        one(Condition::new(0, Length::Qword, Op::MaskedEq(flag), flag))
    });
    rules.insert(
        libc::SYS_clone,
        clone.into_iter().collect::<Result<_, _>>()?,
    );
    let ioctl = TERMINAL.map(|request| one(Condition::new(1, Length::Dword, Op::Eq, request)));
    rules.insert(
        libc::SYS_ioctl,
        ioctl.into_iter().collect::<Result<_, _>>()?,
    );
    let cached = Op::MaskedEq(ONLY_CACHED);
    let cached = one(Condition::new(5, Length::Dword, cached, ONLY_CACHED))?;
    rules.insert(libc::SYS_preadv2, vec![cached]);
    Ok(rules)
}

/// What comes before the list. `clone3` has its flags where no filter sees them; without it, C
/// libraries take `clone`. The other interfaces' numbers are refused here, and by the check of the
/// architecture that the list begins with, which ends the process.
fn before() -> Vec<sock_filter> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    let refuse_if = |code, k| {
        let (jt, jf) = (0, 1);
        [sock_filter { code, jt, jf, k }, refusal()]
    };
    let mut program = vec![plain(LOAD_NUMBER, 0)];
    program.extend(refuse_if(JUMP_IF_EQUAL, libc::SYS_clone3 as u32));
    if cfg!(target_arch = "x86_64") {
        program.extend(refuse_if(JUMP_IF_AT_LEAST, X32_BIT));
    }
    program
}

fn refusal() -> sock_filter {
    const RETURN: u16 = 0x06;
    const RETURN_ERRNO: u32 = 0x0005_0000;
    plain(RETURN, RETURN_ERRNO | ENOSYS as u32)
}

fn plain(code: u16, k: u32) -> sock_filter {
    let (jt, jf) = (0, 0);
    sock_filter { code, jt, jf, k }
}

/// `struct sock_filter` of linux/filter.h.
fn instruction_bytes(instruction: sock_filter) -> [u8; 8] {
    let sock_filter { code, jt, jf, k } = instruction;
    let [c0, c1] = code.to_ne_bytes();
    let [k0, k1, k2, k3] = k.to_ne_bytes();
    [c0, c1, jt, jf, k0, k1, k2, k3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_fits_the_kernel() {
        // What it refuses is tried in a box, in the tests of the whole; the kernel takes at most
        // 4,096 instructions.
        let bytes = bytes().unwrap();
        assert_eq!(bytes.len() % 8, 0);
        assert!(bytes.len() / 8 < 4_096, "{}", bytes.len() / 8);
        let every: std::collections::BTreeSet<_> = REFUSED.into_iter().collect();
        assert_eq!(every.len(), REFUSED.len(), "each once");
    }
}
