package vault

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigill/vault/internal/kv"
)

// ErrBackup means that a stream is no backup, or is cut off or changed.
var ErrBackup = errors.New("vault: not a whole backup")

// backupMagic begins a backup.
const backupMagic = "sigill-backup-1\n"

// tables are all of them, in the order of a backup. A table's place is its number there: add at the end only.
var tables = []kv.Table{
	tMeta, tKey, tChunk, tIndex, tMessage, tStaging, tConversation, tMessageID, tMailbox, tOwner, tEntry, tWhere, tOpened,
	tAccount, tFunction, tMember, tBinding, tLink, tHold, tJob, tAudit, tCheckpoint,
	tLegalHold, tDisposal, tMessageJob, tDevice, tFormer, tQuiet, tReplyDraft, tClass, tProtected, tSearch, tUnscanned,
	tFlags, tHeader,
}

// keySizes are the octets of each table's keys, which the code relies on when it takes them apart. A meta key is a name.
var keySizes = map[kv.Table][]int{
	tKey: {16}, tChunk: {20}, tIndex: {16}, tMessage: {16}, tStaging: {16}, tConversation: {24}, tMessageID: {32},
	tMailbox: {8}, tOwner: {33, 41}, tEntry: {12}, tWhere: {28}, tOpened: {32}, tAccount: {32}, tFunction: {32},
	tMember: {64}, tBinding: {32}, tLink: {32}, tHold: {48}, tJob: {24}, tAudit: {8}, tCheckpoint: {8},
	tLegalHold: {33, 49}, tDisposal: {8}, tMessageJob: {40}, tDevice: {64}, tFormer: {65}, tQuiet: {32}, tReplyDraft: {32},
	tClass: {32}, tProtected: {32}, tSearch: {16}, tUnscanned: {16}, tFlags: {12}, tHeader: {16},
}

// valueSizes are those of values that are not sealed and hold an id.
var valueSizes = map[kv.Table]int{tConversation: 16, tOwner: 8}

// endOfBackup takes the place of a table's number after the last record.
const endOfBackup = 0xff

// Backup writes the vault as it is at one moment: the keyring, still wrapped, and every record, still sealed. Whoever
// takes it away needs the key file to read it; encrypt it all the same, since it tells sizes and times. It runs beside
// everything else, and holds a snapshot while w takes it, so hand it a w that is quick.
func (v *Vault) Backup(ctx context.Context, w io.Writer) error {
	v.maintaining.Lock() // the keyring must have every epoch of the snapshot
	defer v.maintaining.Unlock()
	ring, err := os.ReadFile(v.ring.path)
	if err != nil {
		return fmt.Errorf("vault: backup: %w", err)
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	out.WriteString(backupMagic) // a bufio.Writer's error is sticky: Flush gives it
	writeSized(out, ring)
	err = v.view(ctx, func(t *tx) error {
		for number, table := range tables {
			for k, value := range t.r.Range(table, kv.Span{}) {
				if err := ctx.Err(); err != nil {
					return err
				}
				out.WriteByte(byte(number))
				writeSized(out, k)
				if err := writeSized(out, value); err != nil {
					return err
				}
			}
		}
		return nil
	})
	out.WriteByte(endOfBackup)
	if e := out.Flush(); err == nil {
		err = e
	}
	if err == nil {
		_, err = w.Write(sum.Sum(nil))
	}
	if err != nil {
		return fmt.Errorf("vault: backup: %w", err)
	}
	return nil
}

func writeSized(w *bufio.Writer, b []byte) error {
	w.Write(be32(uint32(len(b))))
	_, err := w.Write(b)
	return err
}

// Restore makes a vault in the folder dir of a backup. The folder must not hold one: fs.ErrExist. What is restored is
// whole or nothing: after an error, ErrBackup among them, the folder holds no vault. Open and Verify it before use. UIDs go on
// a million further than the backup has them (restored.go).
func Restore(ctx context.Context, dir string, r io.Reader) error {
	for _, name := range []string{fileName, keyringName} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("vault: restore: %s holds a vault: %w", dir, errors.Join(fs.ErrExist, err))
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("vault: restore: %w", err)
	}
	fresh := filepath.Join(dir, fileName+".restoring")
	ring, err := restore(ctx, fresh, r)
	if err == nil {
		err = os.Rename(fresh, filepath.Join(dir, fileName))
	}
	if err == nil {
		err = writeDurably(filepath.Join(dir, keyringName), ring)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		for _, path := range []string{fresh, filepath.Join(dir, fileName), filepath.Join(dir, keyringName)} {
			os.Remove(path) // what is wrong is said already
		}
		return fmt.Errorf("vault: restore: %w", err)
	}
	return nil
}

// restoreReader reads sized runs and sums what it reads.
type restoreReader struct {
	in  *bufio.Reader
	sum hash.Hash
}

func (r *restoreReader) read(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, fmt.Errorf("%w: it ends too early: %w", ErrBackup, err)
	}
	r.sum.Write(b)
	return b, nil
}

// maxSized bounds what a damaged size can make Restore take from memory.
const maxSized = 16 << 20

func (r *restoreReader) sized() ([]byte, error) {
	n, err := r.read(4)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(n)
	if size > maxSized {
		return nil, fmt.Errorf("%w: a record of %d octets", ErrBackup, size)
	}
	return r.read(int(size))
}

func restore(ctx context.Context, path string, r io.Reader) (ring []byte, err error) {
	in := &restoreReader{in: bufio.NewReaderSize(r, 1<<20), sum: sha256.New()}
	magic, err := in.read(len(backupMagic))
	if err == nil && string(magic) != backupMagic {
		err = ErrBackup
	}
	if err != nil {
		return nil, err
	}
	if ring, err = in.sized(); err != nil {
		return nil, err
	}
	os.Remove(path) // of an earlier attempt
	engine, err := kv.OpenBolt(path, kv.BoltOptions{Together: together, Growing: growing})
	if err != nil {
		return nil, mapError(err)
	}
	err = in.records(ctx, engine)
	if err == nil {
		err = engine.Update(ctx, func(w kv.Writer) error { return w.Put(tMeta, []byte(metaRestored), []byte{1}) })
	}
	return ring, mapError(errors.Join(err, engine.Close()))
}

// record is one line of a backup.
type record struct {
	table      kv.Table
	key, value []byte
}

// check refuses what no vault has written: the sum of a backup tells damage, and anybody can put the right one.
func (r record) check() error {
	if r.table == tMeta && len(r.key) > 0 && len(r.key) < 100 {
		return nil
	}
	if !slices.Contains(keySizes[r.table], len(r.key)) {
		return fmt.Errorf("%w: a key of %d octets in table %s", ErrBackup, len(r.key), r.table)
	}
	if size, ok := valueSizes[r.table]; ok && len(r.value) != size {
		return fmt.Errorf("%w: a value of %d octets in table %s", ErrBackup, len(r.value), r.table)
	}
	return nil
}

// restoreBatch is how many octets one transaction restores; recordCost what a record takes in memory beside its own.
const (
	restoreBatch = 4 << 20
	recordCost   = 100
)

func (r *restoreReader) records(ctx context.Context, engine kv.Engine) error {
	for {
		batch, more, err := r.batch()
		if err != nil {
			return err
		}
		if err := engine.Update(ctx, func(w kv.Writer) error {
			for _, rec := range batch {
				if err := w.Put(rec.table, rec.key, rec.value); err != nil {
					return err
				}
			}
			return nil
		}); err != nil || !more {
			return err
		}
	}
}

func (r *restoreReader) batch() (out []record, more bool, err error) {
	for size := 0; size < restoreBatch; {
		number, err := r.read(1)
		if err != nil {
			return nil, false, err
		}
		if number[0] == endOfBackup {
			return out, false, r.end()
		}
		if int(number[0]) >= len(tables) {
			return nil, false, fmt.Errorf("%w: a table this version does not know", ErrBackup)
		}
		rec := record{table: tables[number[0]]}
		if rec.key, err = r.sized(); err != nil {
			return nil, false, err
		}
		if rec.value, err = r.sized(); err != nil {
			return nil, false, err
		}
		if err := rec.check(); err != nil {
			return nil, false, err
		}
		out, size = append(out, rec), size+len(rec.key)+len(rec.value)+recordCost
	}
	return out, true, nil
}

func (r *restoreReader) end() error {
	want := r.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r.in, got); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: its sum is wrong", ErrBackup)
	}
	if _, err := r.in.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: something follows its end", ErrBackup)
	}
	return nil
}
