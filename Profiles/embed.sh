#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes Sources/Sandbox/BuiltinProfiles.swift from the profiles of this folder, and DecodedProfiles.swift, which is what they say.
# Run it after changing one; a test compares them byte by byte, and rule by rule.
set -eu
cd "$(dirname "$0")"
out=../Sources/Sandbox/BuiltinProfiles.swift
names='base tool shell python node git build agent paranoid'
{
    echo '// SPDX-License-Identifier: Apache-2.0'
    echo '// swift-format-ignore-file'
    echo '//'
    echo '// The profiles of Profiles/ as the binary carries them. Made by Profiles/embed.sh: change the YAML files, then run it.'
    echo
    echo 'package enum BuiltinProfiles {'
    echo '    /// Name and text, in the order in which help lists them.'
    echo '    package static let all: [(name: String, text: StaticString)] = ['
    for name in $names; do
        printf '        ("%s", %s),\n' "$name" "$name"
    done
    echo '    ]'
    for name in $names; do
        printf '\n    private static let %s: StaticString = #"""\n' "$name"
        cat "$name.yaml"
        printf '\n"""#\n'
    done
    echo '}'
} > "$out"
python3 embed.py $names > ../Sources/Sandbox/DecodedProfiles.swift
