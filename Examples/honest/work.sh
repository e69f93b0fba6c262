#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An honest tool at work in its workspace: makes a repository, builds, tests, commits.
set -eu
cd project
git init -q -b main .
make -s CC=gcc words
make -s test 2>&1 | tail -n 3
printf 'words\n__pycache__/\n' > .gitignore
git add -A
git -c user.name='an honest tool' -c user.email=tool@example.org commit -q -m 'words: count them, and test it'
git log --format='committed %h by %an: %s' -1
git status --short | wc -l | sed 's/^/files left uncommitted: /'
