// SPDX-License-Identifier: Apache-2.0
// Attempts with processes: staying behind, becoming many, ending in each way, hearing signals, using memory.

#include "probe.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void wait_seconds(const char *seconds)
{
    puts("waiting");
    fflush(stdout);
    sleep((unsigned)atoi(seconds));
}

// A daemon as it would hide: its own session, an adopted orphan, no stream, a new name.
static void leave_daemon(const char *seconds)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            close(0), close(1), close(2);
            prctl(PR_SET_NAME, "left-behind");
            for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
            sleep((unsigned)atoi(seconds));
            _exit(0);
        }
        _exit(0);
    }
    wait(NULL);
    puts("left");
}

static void end(const char *code) { puts("ending"), fflush(stdout), _exit(atoi(code)); }

static void raise_signal(const char *number)
{
    puts("raising"), fflush(stdout);
    signal(atoi(number), SIG_DFL);
    raise(atoi(number));
    pause();
}

static volatile sig_atomic_t heard;
static void hear(int number) { heard = number; }

// Waits for one signal and tells its number.
static void listen_for_signal(const char *unused)
{
    (void)unused;
    const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) signal(numbers[i], hear);
    printf("listening\n");
    fflush(stdout);
    for (int i = 0; i < 1000 && !heard; i++) usleep(20000);
    printf("signal\t%d\n", (int)heard);
}

// Children until the kernel refuses, at most `limit`; all are gone again afterwards.
static void multiply(const char *limit)
{
    static pid_t children[20000];
    int count = 0, most = atoi(limit);
    const char *why = "ok";
    for (; count < most && count < 20000; count++) {
        pid_t pid = fork();
        if (pid < 0) {
            why = strerrorname_np(errno);
            break;
        }
        if (pid == 0) {
            pause();
            _exit(0);
        }
        children[count] = pid;
    }
    for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
    while (wait(NULL) > 0) {}
    printf("%d %s\n", count, why);
}

static void touch(const char *mebibytes)
{
    size_t size = (size_t)atol(mebibytes) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return outcome(-1);
    for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
    puts("ok");
    munmap(memory, size);
}

// Tells what a trapped call came to, for as long as it lasts: nothing is printed before the answer is there.
static void keep_asking(const char *unused)
{
    (void)unused;
    for (;;) {
        long r = syscall(SYS_unshare, 0x10000000);
        printf("asked %s\n", r < 0 ? strerrorname_np(errno) : "ok");
        fflush(stdout);
        usleep(2000);
    }
}

static void flood(const char *bytes)
{
    static char block[65536];
    memset(block, 'f', sizeof block);
    for (long left = atol(bytes); left > 0; left -= (long)sizeof block)
        if (write(1, block, sizeof block) < 0) return outcome(-1);
    puts("ok");
}

static void spin(const char *unused)
{
    (void)unused;
    for (volatile unsigned long i = 0;; i++) {}
}

const struct attempt process_attempts[] = {
    {"sleep", wait_seconds}, {"daemon", leave_daemon}, {"exit", end}, {"raise", raise_signal}, {"hear", listen_for_signal},
    {"multiply", multiply}, {"touch", touch}, {"keep-asking", keep_asking}, {"flood", flood}, {"spin", spin}, {0, 0},
};
