package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
)

// ErrNewer means that a newer version of Sigill wrote the vault. Nothing was changed.
var ErrNewer = errors.New("vault: written by a newer version of Sigill")

// migration is a step from one schema to the next, in many short transactions: it is called first with from nil, does a
// few hundred records at most, and gives where to go on, nil when it is done. What it did and where it goes on are one
// commit, so each part is done once whatever happens.
//
// A migration is for what an older version could not read or a newer one cannot bear. New optional fields and new tables
// need none.
type migration func(t *tx, from []byte) (next []byte, err error)

// migrations lead from schema 1 to today's: the first one to 2, and so on.
func migrations() []migration { return []migration{toFlagBlocks} }

// toFlagBlocks leads to schema 2, in which flags lie in blocks. Those of schema 1 stay where they are and count until they are
// changed, so nothing is to be done; but an older version would not see the blocks.
func toFlagBlocks(*tx, []byte) (next []byte, err error) { return nil, nil }

// metaMigrating is there while a migration to the schema that metaSchema tells is under way: 01, then where it goes on. An
// older version refuses the vault from the migration's first commit on.
const metaMigrating = "migrating"

// schemaOf reads metaSchema: 0 if there is none. ErrNewer if it is past newest.
func schemaOf(text []byte, newest int) (int, error) {
	if text == nil {
		return 0, nil
	}
	n, err := strconv.Atoi(string(text))
	switch {
	case err != nil || n < 1:
		return 0, fmt.Errorf("%w: %q is no schema", ErrDamaged, text)
	case n > newest:
		return 0, fmt.Errorf("%w: its schema is %d, this version knows those up to %d: run the newer one, "+
			"or restore a backup from before it", ErrNewer, n, newest)
	}
	return n, nil
}

// migrate brings the vault to the newest schema, and goes on with a migration that was cut off.
func (v *Vault) migrate(ctx context.Context, steps []migration) error {
	for {
		var at int
		var done bool
		err := v.update(ctx, func(t *tx) (err error) {
			at, done, err = t.migrateOnce(steps)
			return err
		})
		if err != nil {
			return fmt.Errorf("vault: migrate to schema %d: %w", at, err)
		}
		if done {
			return nil
		}
		v.log.Debug("vault: migrating", "schema", at)
	}
}

// migrateOnce does one part. It gives the schema it is on the way to, and whether there is nothing left to do.
func (t *tx) migrateOnce(steps []migration) (at int, done bool, err error) {
	at, err = schemaOf(t.r.Get(tMeta, []byte(metaSchema)), len(steps)+1)
	if err != nil {
		return at, false, err
	}
	from, under := bytes.CutPrefix(bytes.Clone(t.r.Get(tMeta, []byte(metaMigrating))), []byte{1})
	if !under {
		if at == len(steps)+1 {
			return at, true, nil
		}
		at, from = at+1, nil
		t.v.log.Info("vault: migrating", "schema", at)
	}
	next, err := steps[at-2](t, from)
	if err != nil {
		return at, false, err
	}
	if err := t.w.Put(tMeta, []byte(metaSchema), schemaText(at)); err != nil {
		return at, false, err
	}
	if next == nil {
		return at, false, t.w.Delete(tMeta, []byte(metaMigrating))
	}
	return at, false, t.w.Put(tMeta, []byte(metaMigrating), append([]byte{1}, next...))
}

func schemaText(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }
