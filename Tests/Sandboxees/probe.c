// SPDX-License-Identifier: Apache-2.0
// Asks, from inside a cell, for what a cell must not have: `probe ATTEMPT...`, each `name` or `name:argument`, one line each:
// the attempt, a tab, and `ok`, an errno's name or what was found. An attempt that succeeds changes nothing outside the
// folders that a test made. Behind `argv` every further argument is printed as it came, a NUL after each.

#include "probe.h"

void outcome(long result)
{
    puts(result < 0 ? strerrorname_np(errno) : "ok");
}

void text(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c < 0x7f) putchar(c);
        else printf("\\x%02x", c);
    }
    putchar('\n');
}

void halves(const char *argument, const char **first, const char **second)
{
    static char copy[8192];
    snprintf(copy, sizeof copy, "%s", argument);
    char *cut = strchr(copy, '>');
    *first = copy;
    *second = cut ? cut + 1 : "";
    if (cut) *cut = 0;
}

static const struct attempt *find(const char *word, size_t length)
{
    const struct attempt *const tables[] = {file_attempts, kernel_attempts, process_attempts, socket_attempts};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct attempt *a = tables[t]; a->name; a++)
            if (strlen(a->name) == length && memcmp(a->name, word, length) == 0) return a;
    return NULL;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "argv") == 0) {
            for (i++; i < argc; i++) fwrite(argv[i], 1, strlen(argv[i]) + 1, stdout);
            break;
        }
        const char *colon = strchr(argv[i], ':');
        size_t length = colon ? (size_t)(colon - argv[i]) : strlen(argv[i]);
        const struct attempt *attempt = find(argv[i], length);
        if (!attempt) {
            fprintf(stderr, "probe: no attempt `%s`\n", argv[i]);
            return 99;
        }
        printf("%s\t", argv[i]);
        fflush(stdout);
        errno = 0;
        attempt->run(colon ? colon + 1 : "");
        fflush(stdout);
    }
    return 0;
}
