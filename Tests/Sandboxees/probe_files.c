// SPDX-License-Identifier: Apache-2.0
// Attempts on files: what can be seen, opened, made, linked, executed. None of them writes into a file that it did not make.

#include "probe.h"

#include <dirent.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void read_file(const char *path)
{
    char bytes[96];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (n < 0) outcome(-1);
    else text(bytes, (size_t)n);
    if (fd >= 0) close(fd);
}

static void open_for_writing(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    outcome(fd);
    if (fd >= 0) close(fd);
}

static void create(const char *path)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    outcome(fd);
    if (fd < 0) return;
    close(fd);
    unlink(path);
}

static void make_directory(const char *path)
{
    int r = mkdir(path, 0700);
    outcome(r);
    if (r == 0) rmdir(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) return outcome(-1);
    char *names[512];
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(directory)) && count < 512) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (atoi(entry->d_name) == dirfd(directory) && entry->d_name[0] >= '3' && entry->d_name[0] <= '9' && strstr(path, "/fd")) continue;
        names[count++] = strdup(entry->d_name);
    }
    closedir(directory);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) printf("%s%s", i ? " " : "", names[i]);
    putchar('\n');
}

static void current(const char *unused)
{
    (void)unused;
    char path[4096];
    if (getcwd(path, sizeof path)) puts(path);
    else outcome(-1);
}

// How many mounts speak of `text`.
static void count_mounts(const char *text)
{
    static char line[8192];
    int count = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && fgets(line, sizeof line, file)) count += strstr(line, text) != NULL;
    if (file) fclose(file);
    printf("%d\n", count);
}

static void link_path(const char *argument)
{
    const char *from, *to;
    halves(argument, &from, &to);
    int r = link(from, to);
    outcome(r);
    if (r == 0) unlink(to);
}

// By a descriptor alone, and by its name under /proc: two ways around a check of the path.
static void link_descriptor(const char *argument)
{
    const char *from, *to;
    halves(argument, &from, &to);
    int fd = open(from, O_PATH | O_CLOEXEC);
    int r = fd < 0 ? -1 : linkat(fd, "", AT_FDCWD, to, AT_EMPTY_PATH);
    outcome(r);
    if (r == 0) unlink(to);
}

static void link_proc(const char *argument)
{
    const char *from, *to;
    char name[64];
    halves(argument, &from, &to);
    int fd = open(from, O_PATH | O_CLOEXEC);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int r = fd < 0 ? -1 : linkat(AT_FDCWD, name, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
    outcome(r);
    if (r == 0) unlink(to);
}

static void symlink_path(const char *argument)
{
    const char *target, *name;
    halves(argument, &target, &name);
    outcome(symlink(target, name));
}

static void rename_path(const char *argument)
{
    const char *from, *to;
    halves(argument, &from, &to);
    int r = rename(from, to);
    outcome(r);
    if (r == 0) rename(to, from);
}

static int copy_to(const char *from, int out)
{
    char bytes[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return -1;
    ssize_t n;
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        if (write(out, bytes, (size_t)n) != n) n = -1;
    close(in);
    return n < 0 ? -1 : 0;
}

static void copy(const char *argument)
{
    const char *from, *to;
    halves(argument, &from, &to);
    int out = open(to, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
    int r = out < 0 ? -1 : copy_to(from, out);
    if (r == 0) r = fchmod(out, 0755);
    outcome(r);
    if (out >= 0) close(out);
}

// Executes `path arguments...` (separated by blanks) and tells its exit code.
static void execute(const char *argument)
{
    char copy[4096], *words[16], *rest = copy;
    int count = 0, status;
    snprintf(copy, sizeof copy, "%s", argument);
    while (count < 15 && (words[count] = strsep(&rest, " "))) count++;
    words[count] = NULL;
    pid_t pid = fork();
    if (pid < 0) return outcome(-1);
    if (pid == 0) {
        execv(words[0], words);
        outcome(-1);
        fflush(stdout);
        _exit(77);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return;
    if (WIFEXITED(status)) printf("exit %d\n", WEXITSTATUS(status));
    else printf("signal %d\n", WTERMSIG(status));
}

static void execute_memory(const char *path)
{
    int fd = (int)syscall(SYS_memfd_create, "tool", MFD_CLOEXEC);
    if (fd < 0 || copy_to(path, fd) < 0) return outcome(-1);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    execute(name);
    close(fd);
}

static void lock(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    outcome(fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB));
    if (fd >= 0) close(fd);
}

// Holds the lock until its input ends.
static void hold_lock(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    outcome(fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB));
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {}
}

// Writes into a new file until the file system says no; tells the bytes and why.
static void fill(const char *path)
{
    static char bytes[65536];
    long total = 0;
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ssize_t n = -1;
    while (fd >= 0 && total < (4L << 30) && (n = write(fd, bytes, sizeof bytes)) > 0) total += n;
    printf("%ld %s\n", total, n < 0 ? strerrorname_np(errno) : "ok");
    if (fd >= 0) close(fd);
    unlink(path);
}

static void fill_inodes(const char *folder)
{
    char name[4096];
    int count = 0, fd = 0;
    for (; count < 2000000; count++) {
        snprintf(name, sizeof name, "%s/n%d", folder, count);
        fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0) break;
        close(fd);
    }
    printf("%d %s\n", count, fd < 0 ? strerrorname_np(errno) : "ok");
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/n%d", folder, i);
        unlink(name);
    }
}

// `N allowed>forbidden`: a second thread rewrites the path while the first opens it N times; how often it was the forbidden one.
static struct { char path[4096]; char one[4096], two[4096]; volatile int stop; } race;

static void *rewrite(void *unused)
{
    (void)unused;
    while (!race.stop) {
        memcpy(race.path, race.two, strlen(race.two) + 1);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        memcpy(race.path, race.one, strlen(race.one) + 1);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }
    return NULL;
}

static int begin_race(const char *argument, pthread_t *thread)
{
    const char *one, *two;
    char *rest;
    long count = strtol(argument, &rest, 10);
    halves(*rest ? rest + 1 : rest, &one, &two);
    snprintf(race.one, sizeof race.one, "%s", one);
    snprintf(race.two, sizeof race.two, "%s", two);
    race.stop = 0;
    memcpy(race.path, race.one, sizeof race.path);
    return pthread_create(thread, NULL, rewrite, NULL) ? -1 : (int)count;
}

static void race_open(const char *argument)
{
    pthread_t thread;
    int count = begin_race(argument, &thread), leaked = 0, opened = 0;
    if (count < 0) return outcome(-1);
    for (int i = 0; i < count; i++) {
        char bytes[32];
        int fd = open(race.path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t n = read(fd, bytes, sizeof bytes);
        opened++;
        leaked += n >= 6 && memcmp(bytes, "secret", 6) == 0;
        close(fd);
    }
    race.stop = 1;
    pthread_join(thread, NULL);
    printf("opened %s, leaked %d\n", opened ? "some" : "none", leaked);
}

// Executing never succeeds where this is asked: one success would end the probe with the tool's output.
static void race_execute(const char *argument)
{
    pthread_t thread;
    int count = begin_race(argument, &thread), refused = 0;
    if (count < 0) return outcome(-1);
    char *const none[] = {NULL};
    for (int i = 0; i < count; i++) {
        syscall(SYS_execve, race.path, none, none);
        refused += errno == EPERM;
    }
    race.stop = 1;
    pthread_join(thread, NULL);
    printf("refused %d\n", refused);
}

const struct attempt file_attempts[] = {
    {"read", read_file}, {"open-w", open_for_writing}, {"create", create}, {"mkdir", make_directory}, {"list", list}, {"cwd", current}, {"mounts", count_mounts},
    {"link", link_path}, {"link-fd", link_descriptor}, {"link-proc", link_proc}, {"symlink", symlink_path}, {"rename", rename_path},
    {"copy", copy}, {"exec", execute}, {"exec-memory", execute_memory}, {"flock", lock}, {"hold-flock", hold_lock}, {"fill", fill},
    {"fill-inodes", fill_inodes}, {"race-open", race_open}, {"race-exec", race_execute}, {0, 0},
};
