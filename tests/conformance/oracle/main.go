// SPDX-License-Identifier: Apache-2.0

// Oracle judges a log with golang.org/x/mod, which shares no code with Byline. It reads one JSON object from standard input and
// exits with 0 if the Go libraries agree with all of it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Case is a log as Byline tells it: hashes and leaves are base64.
type Case struct {
	VKey        string   `json:"vkey"`
	Checkpoints []string `json:"checkpoints"` // signed notes
	Leaves      [][]byte `json:"leaves"`
	Inclusion   []struct {
		Index  int64    `json:"index"`
		Size   int64    `json:"size"`
		Hashes [][]byte `json:"hashes"`
	} `json:"inclusion"`
	Consistency []struct {
		Old    int64    `json:"old"`
		New    int64    `json:"new"`
		Hashes [][]byte `json:"hashes"`
	} `json:"consistency"`
}

func main() {
	if err := judge(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func judge() error {
	var c Case
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return err
	}
	verifier, err := note.NewVerifier(c.VKey)
	if err != nil {
		return fmt.Errorf("vkey: %w", err)
	}
	roots := map[int64]tlog.Hash{}
	for _, text := range c.Checkpoints {
		opened, err := note.Open([]byte(text), note.VerifierList(verifier))
		if err != nil {
			return fmt.Errorf("note: %w", err)
		}
		var origin, root string
		var size int64
		if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		if roots[size], err = tlog.ParseHash(root); err != nil {
			return fmt.Errorf("root: %w", err)
		}
	}
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	})
	for i, leaf := range c.Leaves {
		more, err := tlog.StoredHashes(int64(i), leaf, stored)
		if err != nil {
			return err
		}
		hashes = append(hashes, more...)
	}
	for size, root := range roots {
		if own, err := tlog.TreeHash(size, stored); err != nil || own != root {
			return fmt.Errorf("root of %d differs: %v", size, err)
		}
	}
	for _, p := range c.Inclusion {
		if err := tlog.CheckRecord(convert(p.Hashes), p.Size, roots[p.Size], p.Index, tlog.RecordHash(c.Leaves[p.Index])); err != nil {
			return fmt.Errorf("inclusion of %d in %d: %w", p.Index, p.Size, err)
		}
	}
	for _, p := range c.Consistency {
		if err := tlog.CheckTree(convert(p.Hashes), p.New, roots[p.New], p.Old, roots[p.Old]); err != nil {
			return fmt.Errorf("consistency of %d and %d: %w", p.Old, p.New, err)
		}
	}
	return nil
}

func convert(hashes [][]byte) []tlog.Hash {
	found := make([]tlog.Hash, len(hashes))
	for i, hash := range hashes {
		copy(found[i][:], hash)
	}
	return found
}
