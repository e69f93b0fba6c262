// SPDX-License-Identifier: Apache-2.0
// connects ADDRESS PORT COUNT: that many connections one after another, each closed at once; prints the median and the smallest in nanoseconds.
// connects ADDRESS PORT COUNT read: one connection, COUNT bytes read of it; prints the bytes a second.
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    long count = atol(argv[3]);
    if (argc > 4) {
        static char buffer[1 << 18];
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, (struct sockaddr *)&to, sizeof to) != 0) return perror("connect"), 1;
        int64_t began = now();
        long got = 0, n;
        while (got < count && (n = read(s, buffer, sizeof buffer)) > 0) got += n;
        printf("%.0f\n", (double)got * 1e9 / (double)(now() - began));
        return got < count;
    }
    int64_t *times = calloc((size_t)count, sizeof *times);
    for (long i = 0; i < count; i++) {
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int64_t began = now();
        if (connect(s, (struct sockaddr *)&to, sizeof to) != 0) return perror("connect"), 1;
        times[i] = now() - began;
        char c;
        if (read(s, &c, 1) < 0) return perror("read"), 1; // closed by the other side first: no port of ours waits
        close(s);
    }
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%lld %lld\n", (long long)times[count / 2], (long long)times[0]);
    return 0;
}
