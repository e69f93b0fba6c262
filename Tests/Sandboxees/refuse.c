// SPDX-License-Identifier: Apache-2.0
// Surroundings of a container or a login: `refuse NUMBER=ERRNO... [keyring] [listen] -- COMMAND...` executes the command under a
// seccomp filter that answers those calls with those errnos; with `keyring`, in a session keyring with a key; with `listen`, under one that has a listener already (which hears of
// nothing that anybody calls). This process stays behind to keep the listener open, and hands on the exit code.

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sock_filter filter[256];
    unsigned short n = 0;
    int listen = 0, i = 1;
#define ADD(...) filter[n++] = (struct sock_filter)__VA_ARGS__
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (; i < argc && strcmp(argv[i], "--") != 0 && n < 250; i++) {
        char *equals = strchr(argv[i], '=');
        if (strcmp(argv[i], "listen") == 0) {
            listen = 1;
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x3fffffff, 0, 1));
            ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
        } else if (strcmp(argv[i], "keyring") == 0) {
            // A session keyring with a key in it, as a login leaves it to everything that it starts.
            if (syscall(SYS_keyctl, 1, NULL) < 0 || syscall(SYS_add_key, "user", "fumehood-test", "payload", 7, -3) < 0) {
                perror("refuse: keyring");
                return 99;
            }
        } else if (equals) {
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(argv[i]), 0, 1));
            ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(equals + 1)));
        }
    }
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    if (i + 1 >= argc) return 99;
    struct sock_fprog program = {n, filter};
    // Without privilege a filter needs no_new_privs; a privileged caller keeps what the command would have had.
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program) < 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program) < 0) {
            perror("refuse: seccomp");
            return 99;
        }
    }
    if (!listen) {
        execvp(argv[i + 1], argv + i + 1);
        perror("refuse: exec");
        return 99;
    }
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[i + 1], argv + i + 1);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
