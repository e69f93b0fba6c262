// SPDX-License-Identifier: Apache-2.0
// Runaways, one by each name: a program that takes what it can and does not stop. Run only in a cell whose limits are on
// trial; each is bounded all the same, so that a limit that fails fails the test and not the machine.
// usage: runaway NAME [FOLDER]

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_PROCESSES 3000
#define MOST_BYTES (3ull << 30)

static const char *folder = "/tmp";

static void rest(void)
{
    for (;;) pause();
}

// Every child forks on; where a fork is refused it tries again at once.
static void forks(void)
{
    volatile int *count = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (;;) {
        if (*count < MOST_PROCESSES) {
            pid_t pid = fork();
            if (pid == 0) __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
        }
    }
}

static void zombies(void)
{
    for (int i = 0; i < MOST_PROCESSES;) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid > 0) i++;
        else usleep(1000);
    }
    rest();
}

static void *thread(void *argument)
{
    (void)argument;
    rest();
    return 0;
}

static void threads(void)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    pthread_t one;
    for (int i = 0; i < MOST_PROCESSES;) {
        if (pthread_create(&one, &small, thread, 0) == 0) i++;
    }
    rest();
}

// Several processes, each well below what one may have.
static void memory(void)
{
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            for (unsigned long long n = 0; n < MOST_BYTES / 8; n += 1 << 20) {
                char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (p == MAP_FAILED) break;
                memset(p, 1, 1 << 20);
            }
            rest();
        }
    rest();
}

static void shm(void)
{
    for (unsigned long long n = 0; n < MOST_BYTES; n += 16 << 20) {
        int id = shmget(IPC_PRIVATE, 16 << 20, IPC_CREAT | 0600);
        if (id < 0) {
            printf("shmget: %s\n", strerrorname_np(errno));
            fflush(stdout);
            break;
        }
        char *p = shmat(id, 0, 0);
        if (p != (char *)-1) memset(p, 1, 16 << 20), shmdt(p);
    }
    rest();
}

static void memfd(void)
{
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    int fd = (int)syscall(SYS_memfd_create, "m", 0);
    if (fd < 0) {
        printf("memfd_create: %s\n", strerrorname_np(errno));
        fflush(stdout);
        rest();
    }
    for (unsigned long long n = 0; n < MOST_BYTES; n += sizeof block)
        if (write(fd, block, sizeof block) < 0) break;
    rest();
}

static void fill(const char *name, unsigned long long most, int sync)
{
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    char path[512];
    // New files: a bound on one file is not the bound on all of them.
    for (int i = 0; most > 0 && i < 1000; i++) {
        snprintf(path, sizeof path, "%s/%s%d", folder, name, i);
        int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        if (fd < 0) break;
        for (unsigned long long n = 0; n < 16 << 20 && most > 0; n += sizeof block) {
            if (write(fd, block, sizeof block) != (ssize_t)sizeof block) rest();
            most -= sizeof block;
        }
        if (sync) fdatasync(fd);
        close(fd);
    }
    rest();
}

static void inodes(void)
{
    char path[512];
    for (int i = 0; i < 1000000; i++) {
        snprintf(path, sizeof path, "%s/i%d", folder, i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0) {
            printf("open: %s after %d\n", strerrorname_np(errno), i);
            fflush(stdout);
            break;
        }
        close(fd);
    }
    rest();
}

static void descriptors(void)
{
    for (int i = 0; i < 1000000; i++)
        if (dup(0) < 0) {
            printf("dup: %s after %d\n", strerrorname_np(errno), i);
            fflush(stdout);
            break;
        }
    rest();
}

static void spin(void)
{
    for (int i = 0; i < 3; i++)
        if (fork() == 0) break;
    for (volatile unsigned long n = 0;; n++) {}
}

static void flood(void)
{
    static char line[65536];
    memset(line, 'x', sizeof line);
    for (;;)
        if (write(1, line, sizeof line) < 0) rest();
}

// Whoever can be stopped is stopped, again and again, the one that does it at last.
static void stop(void)
{
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            for (int n = 0; n < 1000; n++) {
                kill(-1, SIGSTOP);
                kill(-1, SIGCONT);
            }
            kill(getpid(), SIGSTOP);
            rest();
        }
    kill(getpid(), SIGSTOP);
    rest();
}

static void deaf(void)
{
    for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
    for (int i = 0; i < 10; i++)
        if (fork() == 0) {
            setsid();
            if (fork() != 0) _exit(0);
            setsid();
            rest();
        }
    rest();
}

// A tree of as many processes, all forking and ending without a pause: for measuring a kill.
static void bomb(void)
{
    volatile int *go = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 499; i++)
        if (fork() == 0) {
            while (!*go) usleep(20000);
            for (;;) {
                pid_t one = fork();
                if (one == 0) _exit(0);
                if (one > 0) waitpid(one, 0, 0);
                else usleep(500);
            }
        }
    printf("ready\n");
    fflush(stdout);
    *go = 1;
    rest();
}

static void sleepers(void)
{
    for (int i = 0; i < 499; i++)
        if (fork() == 0) rest();
    printf("ready\n");
    fflush(stdout);
    rest();
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (argc > 2) folder = argv[2];
    struct { const char *name; void (*run)(void); } all[] = {
        {"forks", forks}, {"zombies", zombies}, {"threads", threads}, {"memory", memory}, {"shm", shm}, {"memfd", memfd}, {"inodes", inodes},
        {"descriptors", descriptors}, {"spin", spin}, {"hang", rest}, {"flood", flood}, {"stop", stop}, {"deaf", deaf}, {"bomb", bomb}, {"sleepers", sleepers},
    };
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(name, all[i].name)) all[i].run();
    if (!strcmp(name, "cache")) fill("c", MOST_BYTES, 0);
    if (!strcmp(name, "tmpfs")) fill("t", MOST_BYTES, 0);
    if (!strcmp(name, "disk")) fill("d", 1ull << 30, 1);
    fprintf(stderr, "runaway: no `%s`\n", name);
    return 2;
}
