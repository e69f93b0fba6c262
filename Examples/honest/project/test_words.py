# SPDX-License-Identifier: Apache-2.0
"""What `words` must answer; run by python3 -m unittest."""
import subprocess
import unittest


def words(text):
    return int(subprocess.run(["./words"], input=text, capture_output=True, text=True, check=True).stdout)


class Words(unittest.TestCase):
    def test_no_word(self):
        self.assertEqual(words(""), 0)
        self.assertEqual(words(" \n\t"), 0)

    def test_words_between_blanks(self):
        self.assertEqual(words("one two  three\nfour\n"), 4)

    def test_many_words(self):
        self.assertEqual(words("word " * 10_000), 10_000)
