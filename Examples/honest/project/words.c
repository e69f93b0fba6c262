// SPDX-License-Identifier: Apache-2.0
// Counts the words of its standard input.
#include <ctype.h>
#include <stdio.h>

int main(void)
{
    long words = 0;
    int c, inside = 0;
    while ((c = getchar()) != EOF) {
        words += !inside && !isspace(c);
        inside = !isspace(c);
    }
    printf("%ld\n", words);
    return 0;
}
