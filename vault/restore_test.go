package vault

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
)

// TestABackupOfEmptyRecordsTakesLittleMemory: a transaction ends after so many records, whatever is in them.
func TestABackupOfEmptyRecordsTakesLittleMemory(t *testing.T) {
	t.Parallel()
	many := bytes.Repeat([]byte{0, 0, 0, 0, 1, 'a', 0, 0, 0, 0}, 2*restoreBatch/recordCost)
	r := restoreReader{in: bufio.NewReader(bytes.NewReader(many)), sum: sha256.New()}
	batch, more, err := r.batch()
	if err != nil || !more || len(batch) > restoreBatch/recordCost {
		t.Errorf("%d records in one transaction, %v, %v", len(batch), more, err)
	}
}

// TestEveryTableHasASizeOfItsKeys: else a backup of a new table is refused.
func TestEveryTableHasASizeOfItsKeys(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		if _, ok := keySizes[table]; !ok && table != tMeta {
			t.Errorf("keySizes has no table %s", table)
		}
	}
	for table := range keySizes {
		if !slices.Contains(tables, table) {
			t.Errorf("there is no table %s", table)
		}
	}
}
