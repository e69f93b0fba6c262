// SPDX-License-Identifier: Apache-2.0
// Runs a command behind a filter as containers put one around us: `refuse ERRNO CALL,CALL,... COMMAND...` answers the
// calls of these numbers with the errno; `refuse listen COMMAND...` puts a listener on the tree, which nobody serves.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sock_filter program[64] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    unsigned short n = 1;
    int command = 2, listen = argc > 2 && !strcmp(argv[1], "listen");
    if (!listen) {
        if (argc < 4) return 2;
        int code = atoi(argv[1]);
        for (char *word = strtok(argv[2], ","); word && n < 60; word = strtok(NULL, ",")) {
            program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)atoi(word), 0, 1);
            program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)code & 0xffff));
        }
        command = 3;
    }
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {n, program};
    long got = -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || (got = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &filter)) < 0) {
        perror("seccomp");
        return 2;
    }
    // Somebody must hold a listener, or there is none.
    if (listen) fcntl((int)got, F_SETFD, 0);
    execvp(argv[command], argv + command);
    perror(argv[command]);
    return 2;
}
