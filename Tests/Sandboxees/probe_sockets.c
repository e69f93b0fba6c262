// SPDX-License-Identifier: Apache-2.0
// Attempts with sockets and message queues, all on this machine: unix sockets by path and by abstract name (written `@name`),
// and System V queues. Sockets of other families are only ever created, by `call`.

#include "probe.h"

#include <poll.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t address(const char *name, struct sockaddr_un *out)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    size_t n = strlen(name);
    if (n >= sizeof out->sun_path) n = sizeof out->sun_path - 1;
    memcpy(out->sun_path, name, n);
    if (name[0] != '@') return sizeof *out;
    out->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void connect_unix(const char *name)
{
    struct sockaddr_un to;
    socklen_t length = address(name, &to);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    outcome(s < 0 ? -1 : connect(s, (struct sockaddr *)&to, length));
    if (s >= 0) close(s);
}

// On a descriptor that exists already: the filter alone decides, and the buffer changes meanwhile.
static void connect_without_socket(const char *count)
{
    struct sockaddr_un to;
    int refused = 0, n = atoi(count);
    for (int i = 0; i < n; i++) {
        socklen_t length = address(i & 1 ? "/run/docker.sock" : "/tmp/allowed", &to);
        refused += connect(0, (struct sockaddr *)&to, length) < 0 && errno == EPERM;
    }
    printf("refused %d\n", refused);
}

// Listens until its input ends, and tells how many came.
static void serve(const char *name)
{
    struct sockaddr_un at;
    socklen_t length = address(name, &at);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), count = 0;
    if (s < 0 || bind(s, (struct sockaddr *)&at, length) < 0 || listen(s, 64) < 0) return outcome(-1);
    puts("serving");
    fflush(stdout);
    for (;;) {
        struct pollfd watched[2] = {{0, POLLIN, 0}, {s, POLLIN, 0}};
        if (poll(watched, 2, 30000) <= 0) break;
        if (watched[1].revents) {
            int c = accept(s, NULL, NULL);
            if (c >= 0) count++, close(c);
            continue;
        }
        char byte;
        if (watched[0].revents && read(0, &byte, 1) <= 0) break;
    }
    printf("came\t%d\n", count);
}

// A datagram pair of which one end is turned elsewhere.
static void datagram_pair(const char *name)
{
    int pair[2];
    struct sockaddr_un to;
    socklen_t length = address(name, &to);
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0) return outcome(-1);
    outcome(connect(pair[0], (struct sockaddr *)&to, length));
    close(pair[0]), close(pair[1]);
}

static void stream_pair(const char *unused)
{
    (void)unused;
    int pair[2];
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    outcome(r);
    if (r == 0) close(pair[0]), close(pair[1]);
}

struct note { long kind; char bytes[16]; };

static void leave_message(const char *key)
{
    int queue = msgget(atoi(key), IPC_CREAT | 0666);
    struct note note = {1, "a bit"};
    outcome(queue < 0 ? -1 : msgsnd(queue, &note, sizeof note.bytes, IPC_NOWAIT));
}

static void take_message(const char *key)
{
    int queue = msgget(atoi(key), 0666);
    struct note note;
    outcome(queue < 0 ? -1 : msgrcv(queue, &note, sizeof note.bytes, 0, IPC_NOWAIT));
}

static void remove_queue(const char *key)
{
    int queue = msgget(atoi(key), 0666);
    outcome(queue < 0 ? -1 : msgctl(queue, IPC_RMID, NULL));
}

const struct attempt socket_attempts[] = {
    {"connect", connect_unix}, {"connect-0", connect_without_socket}, {"serve", serve}, {"dgram-pair", datagram_pair},
    {"stream-pair", stream_pair}, {"send-message", leave_message}, {"take-message", take_message}, {"remove-queue", remove_queue}, {0, 0},
};
