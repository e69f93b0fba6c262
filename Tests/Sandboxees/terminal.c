// SPDX-License-Identifier: Apache-2.0
// Surroundings of a person: `terminal COMMAND...` runs the command on a new pty as its controlling terminal and passes on what
// it writes. At the end it tells on stderr how many bytes stand in the terminal's input, which nobody typed.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2) return 99;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master)) return 99;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios modes;
    if (slave < 0 || tcgetattr(slave, &modes)) return 99;
    cfmakeraw(&modes);
    tcsetattr(slave, TCSANOW, &modes);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        dup2(slave, 0), dup2(slave, 1), dup2(slave, 2);
        execvp(argv[1], argv + 1);
        _exit(99);
    }
    int status, ended = 0;
    for (;;) {
        struct pollfd watched = {master, POLLIN, 0};
        if (poll(&watched, 1, ended ? 100 : 20) > 0 && watched.revents & POLLIN) {
            char bytes[4096];
            ssize_t n = read(master, bytes, sizeof bytes);
            if (n > 0 && write(1, bytes, (size_t)n) < 0) return 99;
            continue;
        }
        if (ended) break;
        ended = waitpid(pid, &status, WNOHANG) == pid;
    }
    int waiting = -1;
    ioctl(slave, FIONREAD, &waiting);
    fprintf(stderr, "terminal: input %d\n", waiting);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
