package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sigill/vault/internal/kv"
)

// metaRestored is there from Restore, which cannot open records, to the first opening of the restored vault.
const metaRestored = "restored"

// restoredGap is how many UIDs a restored mailbox leaves out: more than there can have been messages since the backup, and
// few enough for four thousand restores.
const restoredGap UID = 1 << 20

// afterRestore makes sure that no UID is given a second time, and no UIDVALIDITY to another mailbox. What came after the backup is lost, but mail programs remember
// it by UIDs that the backup knows nothing of, and would show it in place of another message (RFC 3501 section 2.3.1.1).
func (v *Vault) afterRestore(ctx context.Context) error {
	restored := false
	err := v.view(ctx, func(t *tx) error {
		restored = t.r.Get(tMeta, []byte(metaRestored)) != nil
		return nil
	})
	if err == nil && restored {
		err = v.update(ctx, (*tx).leaveUIDsOut)
	}
	if err != nil {
		return fmt.Errorf("vault: first opening after a restore: %w", err)
	}
	return nil
}

func (t *tx) leaveUIDsOut() error {
	var ids []MailboxID
	for k := range t.r.Range(tMailbox, kv.Span{}) {
		ids = append(ids, MailboxID(binary.BigEndian.Uint64(k)))
	}
	for _, id := range ids {
		box, err := t.mailbox(id)
		if err != nil {
			return err
		}
		if box.UIDNext == 0 || box.UIDNext > math.MaxUint32-restoredGap {
			continue // used up, nearly
		}
		box.UIDNext += restoredGap
		if err := t.saveMailbox(id, &box); err != nil {
			return err
		}
	}
	return errors.Join(
		t.w.Put(tMeta, []byte(counterValidity), be64(t.counter(counterValidity)+uint64(restoredGap))),
		t.w.Delete(tMeta, []byte(metaRestored)),
	)
}
