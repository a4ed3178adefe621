#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

enum { DESCRIPTORS_MOST = 256, STACK_BYTES = 8 << 20 };

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

extern void __gcov_dump(void) __attribute__((weak)); /* there in a build for coverage, which writes files at its end */

static bool is_instrumented(void)
{
    return HAS_SANITIZER || __gcov_dump != NULL;
}

/* -- limits --------------------------------------------------------------------------------- */

static bool limit(int resource, const char *name, uint64_t value, struct error *err)
{
    struct rlimit old;

    if (getrlimit((__rlimit_resource_t)resource, &old) != 0)
        return error_errno(err, errno, "cannot ask for %s", name);
    const rlim_t most = old.rlim_max < value ? old.rlim_max : (rlim_t)value;
    const struct rlimit made = {.rlim_cur = most, .rlim_max = most};
    return setrlimit((__rlimit_resource_t)resource, &made) == 0 ||
           error_errno(err, errno, "cannot set %s to %llu", name, (unsigned long long)most);
}

static bool set_limits(const struct sandbox *sandbox, struct error *err)
{
    return limit(RLIMIT_CORE, "RLIMIT_CORE", 0, err) &&
           limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", DESCRIPTORS_MOST, err) &&
           limit(RLIMIT_STACK, "RLIMIT_STACK", STACK_BYTES, err) &&
           (sandbox->file_bytes == 0 || limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", sandbox->file_bytes, err)) &&
           (sandbox->memory_bytes == 0 || is_instrumented() ||
            limit(RLIMIT_AS, "RLIMIT_AS", sandbox->memory_bytes, err));
}

bool sandbox_allow_cpu(uint32_t seconds, struct error *err)
{
    struct rusage used;
    struct rlimit allowed;

    if (getrlimit(RLIMIT_CPU, &allowed) != 0 || getrusage(RUSAGE_SELF, &used) != 0)
        return error_errno(err, errno, "cannot ask for the processor time used");
    const rlim_t now = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 2; /* both rounded up */
    allowed.rlim_cur = seconds == 0 ? allowed.rlim_max : now + seconds;
    if (allowed.rlim_cur > allowed.rlim_max)
        allowed.rlim_cur = allowed.rlim_max;
    return setrlimit(RLIMIT_CPU, &allowed) == 0 || error_errno(err, errno, "cannot set RLIMIT_CPU");
}

/* -- files ---------------------------------------------------------------------------------- */

static bool allow_folder(int rules, const char *folder, uint64_t rights, struct error *err)
{
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights};

    beneath.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (beneath.parent_fd < 0)
        return error_errno(err, errno, "cannot open \"%s\"", folder);
    const bool ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
    const int why = errno;
    (void)close(beneath.parent_fd);
    return ok || error_errno(err, why, "cannot allow writing below \"%s\"", folder);
}

/* Kernels before 5.13, or without it: the rest of the sandbox has to do. */
static bool restrict_writing(const struct sandbox *sandbox, struct error *err)
{
    const struct landlock_ruleset_attr attributes = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                             LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                             LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
                             LANDLOCK_ACCESS_FS_EXECUTE};
    const uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                            LANDLOCK_ACCESS_FS_MAKE_REG;
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    bool ok = true;

    if (rules < 0)
        return true;
    for (size_t i = 0; ok && i < sizeof sandbox->writable / sizeof sandbox->writable[0]; i++)
        ok = sandbox->writable[i] == NULL || allow_folder(rules, sandbox->writable[i], rights, err);
    if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        ok = error_errno(err, errno, "cannot restrict writing");
    (void)close(rules);
    return ok;
}

/* -- system calls --------------------------------------------------------------------------- */

/* What libc, the decoders and the encoders use. Whatever is not here fails with EPERM. */
static const int allowed_calls[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(open), SCMP_SYS(openat),
    SCMP_SYS(creat), SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename),
    SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64),
    SCMP_SYS(copy_file_range), SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(fcntl), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(membarrier),
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(getrusage), SCMP_SYS(getrlimit),
    SCMP_SYS(setrlimit), SCMP_SYS(prlimit64), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(restart_syscall),
};

/* A decoder that tries one of these has been taken over: it dies, and the coordinator sees SIGSYS. */
static const int deadly_calls[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(socket), SCMP_SYS(socketpair),
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(mount),
    SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(bpf), SCMP_SYS(keyctl),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
};

static int add_rules(scmp_filter_ctx filter)
{
    int status = 0;

    for (size_t i = 0; status == 0 && i < sizeof allowed_calls / sizeof allowed_calls[0]; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);
    for (size_t i = 0; status == 0 && i < sizeof deadly_calls / sizeof deadly_calls[0]; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly_calls[i], 0);
    /* Threads, never processes. The flags of clone3 lie in memory: glibc falls back to clone on ENOSYS. */
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
    if (status == 0)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return status;
}

static bool filter_calls(struct error *err)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int status = filter == NULL ? -ENOMEM : add_rules(filter);

    if (status == 0)
        status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: some 8 steps a call, not 90 */
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status == 0 || error_errno(err, -status, "cannot install the system-call filter");
}

bool sandbox_enter(const struct sandbox *sandbox, struct error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return error_errno(err, errno, "cannot ask to die with the coordinator");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_errno(err, errno, "cannot give up new privileges");
    if (!set_limits(sandbox, err))
        return false;
    return is_instrumented() || (restrict_writing(sandbox, err) && filter_calls(err));
}
