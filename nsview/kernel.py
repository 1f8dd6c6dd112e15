"""The names and numbers of the kernel that the agent, the model and the join share. No code, and no imports."""

CLONE_NEW = {
    "mnt": 0x00020000, "uts": 0x04000000, "ipc": 0x08000000, "pid": 0x20000000, "net": 0x40000000,
    "user": 0x10000000, "cgroup": 0x02000000, "time": 0x00000080,
}  # fmt: skip
"""{kind of namespace: the CLONE_NEW* bit}, in the order in which nsview shows them: namespaces(7)"""
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()
"""The names of capabilities without CAP_, in the order of their bits: capabilities(7)"""
PF_KTHREAD = 0x00200000
"""The flag of a thread of the kernel, in field 9 of proc_pid_stat(5): include/linux/sched.h"""
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
"""Options of prctl(2)"""
