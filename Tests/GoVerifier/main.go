// SPDX-License-Identifier: Apache-2.0
//
// Verifies a log's files with Go's own code for transparency logs (golang.org/x/mod/sumdb/note and sumdb/tlog) and nothing of this
// repository's: the checkpoint's signature, each record's inclusion in its tree, and that the tree of an older checkpoint is its begin.
//
//	goverifier DIR KEYFILE all|none|N,N,... [OLDER-CHECKPOINT]
//
// Prints `ok SIZE RECORDS-CHECKED`, or what is wrong with the record's number, and ends with 1.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// files reads tiles as C2SP tlog-tiles names them; Go's own names have the height in front.
type files struct{ dir string }

func (f files) Height() int { return height }

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.read(strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1), tile.W*tlog.HashSize)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// read gives a tile, or the begin of the full one that replaced a partial one.
func (f files) read(path string, size int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(f.dir, path))
	if err != nil {
		if at := strings.Index(path, ".p/"); at >= 0 {
			data, err = os.ReadFile(filepath.Join(f.dir, path[:at]))
		}
		if err != nil {
			return nil, err
		}
	}
	if len(data) < size {
		return nil, fmt.Errorf("%s ends early", path)
	}
	return data[:size], nil
}

func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

func (f files) bundle(n, size int64) ([][]byte, error) {
	path := "tile/entries/" + number(n)
	if size-n*256 < 256 {
		path += fmt.Sprintf(".p/%d", size-n*256)
	}
	data, err := f.read(path, 0)
	if err != nil {
		return nil, err
	}
	full, err := os.ReadFile(filepath.Join(f.dir, path))
	if err == nil {
		data = full
	} else if data, err = os.ReadFile(filepath.Join(f.dir, "tile/entries/"+number(n))); err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		count := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+count {
			break
		}
		entries = append(entries, data[2:2+count])
		data = data[2+count:]
	}
	return entries, nil
}

func tree(path string, verifier note.Verifier) (tlog.Tree, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("%s is no checkpoint of %s", path, verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func run(dir, keyFile, which string, older []string) error {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	now, err := tree(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(now, files{dir})
	for _, path := range older {
		before, err := tree(path, verifier)
		if err != nil {
			return err
		}
		if before.N > now.N {
			return fmt.Errorf("rolled back: %d records, %d before", now.N, before.N)
		}
		proof, err := tlog.ProveTree(now.N, before.N, reader)
		if err != nil {
			return fmt.Errorf("consistency with %d: %v", before.N, err)
		}
		if err := tlog.CheckTree(proof, now.N, now.Hash, before.N, before.Hash); err != nil {
			return fmt.Errorf("consistency with %d: %v", before.N, err)
		}
	}
	var records []int64
	if which == "all" {
		for n := int64(0); n < now.N; n++ {
			records = append(records, n)
		}
	} else if which != "none" {
		for _, text := range strings.Split(which, ",") {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err
			}
			records = append(records, n)
		}
	}
	var entries [][]byte
	last := int64(-1)
	for _, n := range records {
		if n/256 != last {
			last = n / 256
			if entries, err = (files{dir}).bundle(last, now.N); err != nil {
				return fmt.Errorf("record %d: %v", n, err)
			}
		}
		if int(n%256) >= len(entries) {
			return fmt.Errorf("record %d: its bundle ends early", n)
		}
		proof, err := tlog.ProveRecord(now.N, n, reader)
		if err != nil {
			return fmt.Errorf("record %d: %v", n, err)
		}
		if err := tlog.CheckRecord(proof, now.N, now.Hash, n, tlog.RecordHash(entries[n%256])); err != nil {
			return fmt.Errorf("record %d: %v", n, err)
		}
	}
	fmt.Printf("ok %d %d\n", now.N, len(records))
	return nil
}

func main() {
	if len(os.Args) < 4 {
		fmt.Println("usage: goverifier DIR KEYFILE all|none|N,N,... [OLDER-CHECKPOINT...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
