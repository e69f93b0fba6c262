// SPDX-License-Identifier: Apache-2.0
// A racer: `flip A B` exchanges two names until its input ends, and tells how often.

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3) return 99;
    long count = 0;
    for (;;) {
        for (int i = 0; i < 200; i++, count++)
            if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 2 /* RENAME_EXCHANGE */) < 0) count--;
        struct pollfd input = {0, POLLIN, 0};
        char byte;
        if (poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0) break;
    }
    printf("%ld\n", count);
    return 0;
}
