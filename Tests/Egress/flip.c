// SPDX-License-Identifier: Apache-2.0
// flip COUNT ALLOWED:PORT FORBIDDEN: one thread writes the two addresses in turn where another one connects from, COUNT times.
// Prints how many connections were made, refused, and to whom else they led (which must be none).
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static union { struct sockaddr_in in; unsigned long words[2]; } shared, good, bad;
static volatile int over;

static void *flip(void *argument)
{
    (void)argument;
    while (!over) {
        for (int i = 0; i < 2; i++) ((volatile unsigned long *)shared.words)[i] = bad.words[i];
        for (int i = 0; i < 2; i++) ((volatile unsigned long *)shared.words)[i] = good.words[i];
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    long count = atol(argv[1]), made = 0, refused = 0, other = 0, elsewhere = 0;
    char *colon = strchr(argv[2], ':');
    *colon = 0;
    good.in.sin_family = bad.in.sin_family = AF_INET;
    good.in.sin_port = bad.in.sin_port = htons((unsigned short)atoi(colon + 1));
    inet_pton(AF_INET, argv[2], &good.in.sin_addr);
    inet_pton(AF_INET, argv[3], &bad.in.sin_addr);
    shared = good;
    pthread_t thread;
    pthread_create(&thread, 0, flip, 0);
    for (long i = 0; i < count; i++) {
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(s, (struct sockaddr *)&shared, sizeof shared.in) == 0) {
            struct sockaddr_in peer;
            socklen_t length = sizeof peer;
            made++;
            if (getpeername(s, (struct sockaddr *)&peer, &length) != 0 || peer.sin_addr.s_addr != good.in.sin_addr.s_addr) elsewhere++;
        } else if (errno == EACCES) {
            refused++;
        } else {
            other++;
        }
        struct linger now = {1, 0}; // no port waits for its time
        setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(s);
    }
    over = 1;
    pthread_join(thread, 0);
    printf("made %ld refused %ld other %ld elsewhere %ld\n", made, refused, other, elsewhere);
    return elsewhere != 0;
}
