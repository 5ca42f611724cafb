package seal_test

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"sigill/vault/internal/seal"
)

// TestChunkFillsItsPages measures in a real file what the comment of ChunkSize says.
func TestChunkFillsItsPages(t *testing.T) {
	t.Parallel()
	const chunks = 16
	for _, row := range []struct {
		why         string
		size, pages int
	}{
		{"a chunk fits in 64 pages", seal.ChunkSize, 64},
		{"and no octet more does", seal.ChunkSize + 1, 65},
	} {
		// A chunk in a leaf of its own is the largest: the page header is not shared.
		if got := pagesOf(t, 1, row.size); got != row.pages {
			t.Errorf("%s: one chunk in %d pages, not %d", row.why, got, row.pages)
		}
	}
	if got := pagesOf(t, chunks, seal.ChunkSize); got > chunks*64 {
		t.Errorf("%d chunks in %d pages", chunks, got)
	}
}

// pagesOf counts the leaf pages of a table of sealed chunks.
func pagesOf(t *testing.T, chunks, size int) (pages int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{PageSize: 4096, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	plain, id := make([]byte, size), seal.ID{1}
	box := seal.NewChunks(seal.NewKey(), id)
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("chunk"))
		for i := 0; i < chunks && err == nil; i++ {
			number := uint32(i)
			err = b.Put(binary.BigEndian.AppendUint32(id[:], number), box.Seal(nil, number, i == chunks-1, plain))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		s := tx.Bucket([]byte("chunk")).Stats()
		pages = s.LeafPageN + s.LeafOverflowN
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
