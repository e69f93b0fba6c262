// SPDX-License-Identifier: Apache-2.0
// Attempts on the kernel's own interfaces: any system call by number with scalar arguments (pointers are 0, so that an allowed
// call fails with EFAULT and does nothing), calls by other conventions, and facts about the caller's privileges.

#include "probe.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

// `number,a,b,c,d,e,f`, each decimal or 0x.
static void raw_call(const char *argument)
{
    long value[7] = {0};
    char copy[512], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", argument);
    for (int i = 0; i < 7 && (word = strsep(&rest, ",")); i++) value[i] = (long)strtoull(word, NULL, 0);
    long r = syscall(value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
    outcome(r);
}

// Runs `body` in a child, as the kernel may answer with SIGSYS.
static void in_child(long (*body)(long), long argument)
{
    int status;
    pid_t pid = fork();
    if (pid < 0) return outcome(-1);
    if (pid == 0) {
        long r = body(argument);
        printf("%s\n", r < 0 && r > -4096 ? strerrorname_np((int)-r) : "ok");
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
}

static long by_interrupt(long number)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
    return (int)r;
}

static long by_syscall(long number)
{
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
    return r;
}

static void i386(const char *number) { in_child(by_interrupt, strtol(number, NULL, 0)); }
static void x32(const char *number) { in_child(by_syscall, strtol(number, NULL, 0) | 0x40000000); }

// clone() with these flags and SIGCHLD; the child ends at once.
static void clone_process(const char *flags)
{
    long r = syscall(SYS_clone, strtoul(flags, NULL, 0) | 17, 0, 0, 0, 0);
    if (r == 0) _exit(0);
    outcome(r);
    if (r > 0) waitpid((pid_t)r, NULL, __WALL);
}

static void *nothing(void *argument) { return argument; }

static void thread(const char *unused)
{
    (void)unused;
    pthread_t thread;
    errno = pthread_create(&thread, NULL, nothing, NULL);
    outcome(errno ? -1 : 0);
    if (!errno) pthread_join(thread, NULL);
}

static void secure_bits(const char *unused)
{
    (void)unused;
    printf("%#x\n", (unsigned)prctl(PR_GET_SECUREBITS));
}

// The three sets of capget, the bounding set and the ambient set; each as its number of members.
static void capabilities(const char *unused)
{
    (void)unused;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return outcome(-1);
    int bounding = 0, ambient = 0;
    for (int c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++) {
        bounding += prctl(PR_CAPBSET_READ, c);
        ambient += prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1;
    }
#define COUNT(set) (__builtin_popcount(data[0].set) + __builtin_popcount(data[1].set))
    printf("effective %d permitted %d inheritable %d bounding %d ambient %d\n", COUNT(effective), COUNT(permitted), COUNT(inheritable), bounding, ambient);
}

// Raises the hard limit of one resource by one.
static void raise_limit(const char *resource)
{
    struct rlimit limit;
    int which = atoi(resource);
    if (getrlimit(which, &limit) < 0) return outcome(-1);
    if (limit.rlim_max == RLIM_INFINITY) {
        puts("unlimited");
        return;
    }
    limit.rlim_max++;
    outcome(setrlimit(which, &limit));
}

static void limit(const char *resource)
{
    struct rlimit limit;
    if (getrlimit(atoi(resource), &limit) < 0) return outcome(-1);
    printf("%ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
}

static void ids(const char *unused)
{
    (void)unused;
    uid_t u[3];
    gid_t g[3];
    getresuid(&u[0], &u[1], &u[2]);
    getresgid(&g[0], &g[1], &g[2]);
    printf("uid %d %d %d gid %d %d %d\n", u[0], u[1], u[2], g[0], g[1], g[2]);
}

// `ioctl` requests of terminals go to this: a pty made inside, by the cell's own /dev/ptmx.
static void terminal_ioctl(const char *request)
{
    char byte = 'x';
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) return outcome(-1);
    outcome(syscall(SYS_ioctl, master, strtoul(request, NULL, 0), &byte));
    close(master);
}

// The same on the controlling terminal, if there is one: what a terminal outside would be reached by.
static void controlling_ioctl(const char *request)
{
    char byte = 'x';
    for (int fd = 0; fd < 3; fd++)
        if (syscall(SYS_ioctl, fd, strtoul(request, NULL, 0), &byte) == 0) {
            puts("ok");
            return;
        }
    int reported = errno, fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd >= 0) printf("has a terminal\n");
    else puts(strerrorname_np(reported));
}

// The key that `refuse keyring` left in the session keyring.
static void search_key(const char *unused)
{
    (void)unused;
    outcome(syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, -3, "user", "fumehood-test", 0));
}

const struct attempt kernel_attempts[] = {
    {"call", raw_call}, {"i386", i386}, {"x32", x32}, {"clone", clone_process}, {"thread", thread}, {"securebits", secure_bits},
    {"capabilities", capabilities}, {"raise-limit", raise_limit}, {"limit", limit}, {"ids", ids}, {"pty-ioctl", terminal_ioctl},
    {"tty-ioctl", controlling_ioctl}, {"search-key", search_key}, {0, 0},
};
