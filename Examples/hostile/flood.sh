#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes without end.
while :; do echo 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; done
