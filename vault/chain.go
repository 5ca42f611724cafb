package vault

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"sigill/vault/internal/kv"
)

// ErrAudit means that the audit log is not what was written: an event was changed, left out or put in.
var ErrAudit = errors.New("vault: the audit log has been tampered with or damaged")

// metaLink names the link of the newest event in the meta table.
const metaLink = "audit link"

// linkOf is the hash that the next event holds: of the event's number and record, which holds the link before. So no
// event can be changed without changing all links after it.
func linkOf(number uint64, plain []byte) [sha256.Size]byte {
	var room [512]byte // an event's record is shorter, so nothing is allocated
	return sha256.Sum256(append(binary.BigEndian.AppendUint64(room[:0], number), plain...))
}

// Checkpoint is a signed statement that the log had Events events and ended in Link. Kept outside the vault, it shows
// later that nothing before it was changed, even by one who has the vault's keys.
type Checkpoint struct {
	Events    uint64
	Link      [sha256.Size]byte
	At        time.Time
	Signature []byte // Ed25519
}

// String is the checkpoint on one line: "sigill-audit-1 EVENTS TIME LINK SIGNATURE", the latter two in base64.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s %s", c.statement(), base64.StdEncoding.EncodeToString(c.Signature))
}

// statement is what is signed.
func (c Checkpoint) statement() string {
	return fmt.Sprintf("sigill-audit-1 %d %s %s", c.Events, c.At.UTC().Format(time.RFC3339Nano), base64.StdEncoding.EncodeToString(c.Link[:]))
}

// ParseCheckpoint reads what String wrote. ErrAudit if it is none.
func ParseCheckpoint(s string) (c Checkpoint, err error) {
	var at, link, signature string
	if _, err := fmt.Sscanf(s, "sigill-audit-1 %d %s %s %s", &c.Events, &at, &link, &signature); err != nil {
		return c, fmt.Errorf("%w: not a checkpoint", ErrAudit)
	}
	raw, err1 := base64.StdEncoding.DecodeString(link)
	sig, err2 := base64.StdEncoding.DecodeString(signature)
	when, err3 := time.Parse(time.RFC3339Nano, at)
	if err1 != nil || err2 != nil || err3 != nil || len(raw) != sha256.Size {
		return c, fmt.Errorf("%w: not a checkpoint", ErrAudit)
	}
	c.Link, c.At, c.Signature = [sha256.Size]byte(raw), when, sig
	return c, nil
}

func (v *Vault) auditKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(v.lookup.Derive("audit checkpoints").Bytes())
}

// PublicKey checks the signatures of checkpoints.
func (a *AuditLog) PublicKey() ed25519.PublicKey { return a.v.auditKey().Public().(ed25519.PublicKey) }

// Checkpoint signs the log as it is, keeps the checkpoint and gives it, to be kept elsewhere too.
func (a *AuditLog) Checkpoint(ctx context.Context) (c Checkpoint, err error) {
	err = a.v.update(ctx, func(t *tx) error {
		c = Checkpoint{Events: t.counter("audit"), At: t.v.now().UTC()}
		copy(c.Link[:], t.r.Get(tMeta, []byte(metaLink)))
		c.Signature = ed25519.Sign(t.v.auditKey(), []byte(c.statement()))
		return save(t, tCheckpoint, be64(c.Events), &checkpointRecord{At: instantOf(c.At), Link: c.Link[:], Signature: c.Signature})
	})
	return c, err
}

// Verify reads the whole log and checks that no event is missing, changed or out of order, that it ends where the vault
// says, and that it agrees with the checkpoints kept in it and with those given. It gives the number of events. ErrAudit
// says where it went wrong.
func (a *AuditLog) Verify(ctx context.Context, given ...Checkpoint) (events uint64, err error) {
	points, err := a.checkpoints(ctx, given)
	if err != nil {
		return 0, err
	}
	var link []byte
	for {
		next, err := a.verifyBatch(ctx, &events, &link, points)
		if err != nil || !next {
			return events, err
		}
	}
}

// checkpoints are all checkpoints by number of events, their signatures checked.
func (a *AuditLog) checkpoints(ctx context.Context, given []Checkpoint) (map[uint64][]Checkpoint, error) {
	err := a.v.view(ctx, func(t *tx) error {
		for k, sealed := range t.r.Range(tCheckpoint, kv.Span{}) {
			rec, err := open[checkpointRecord](t, tCheckpoint, k, sealed)
			if err != nil {
				return err
			}
			c := Checkpoint{Events: binary.BigEndian.Uint64(k), At: rec.At.time(), Signature: rec.Signature}
			copy(c.Link[:], rec.Link)
			given = append(given, c)
		}
		return nil
	})
	points := map[uint64][]Checkpoint{}
	for _, c := range given {
		if !ed25519.Verify(a.PublicKey(), []byte(c.statement()), c.Signature) {
			return nil, fmt.Errorf("%w: the checkpoint at event %d has no valid signature", ErrAudit, c.Events)
		}
		points[c.Events] = append(points[c.Events], c)
	}
	return points, err
}

// verifyBatch checks the events after *events, at most some, and gives whether there are more.
func (a *AuditLog) verifyBatch(ctx context.Context, events *uint64, link *[]byte, points map[uint64][]Checkpoint) (more bool, err error) {
	err = a.v.view(ctx, func(t *tx) error {
		read := 0
		for k, sealed := range t.r.Range(tAudit, kv.Span{From: be64(*events + 1)}) {
			if err := t.verifyEvent(k, sealed, events, link, points); err != nil {
				return err
			}
			if read++; read == eventsAtOnce {
				more = true
				return nil
			}
		}
		for n := range points {
			if n > *events {
				return fmt.Errorf("%w: it ends at event %d, a checkpoint tells of %d", ErrAudit, *events, n)
			}
		}
		if t.counter("audit") != *events || !bytes.Equal(t.r.Get(tMeta, []byte(metaLink)), *link) {
			return fmt.Errorf("%w: it ends at event %d, not where the vault says", ErrAudit, *events)
		}
		return nil
	})
	return more, err
}

func (t *tx) verifyEvent(k, sealed []byte, events *uint64, link *[]byte, points map[uint64][]Checkpoint) error {
	number := *events + 1
	if binary.BigEndian.Uint64(k) != number {
		return fmt.Errorf("%w: event %d is missing", ErrAudit, number)
	}
	e, sealed, err := t.v.ring.epochOf(sealed)
	if err != nil {
		return fmt.Errorf("%w: event %d: %w", ErrAudit, number, err)
	}
	plain, err := e.records.Open(nil, sealed, place(tAudit, k))
	if err != nil {
		return fmt.Errorf("%w: event %d: %w", ErrAudit, number, err)
	}
	var rec eventRecord
	if err := decode(plain, &rec); err != nil || !bytes.Equal(rec.Before, *link) {
		return fmt.Errorf("%w: event %d does not follow the one before", ErrAudit, number)
	}
	sum := linkOf(number, plain)
	*events, *link = number, sum[:]
	for _, c := range points[number] {
		if c.Link != sum {
			return fmt.Errorf("%w: event %d is not the one of the checkpoint", ErrAudit, number)
		}
	}
	return nil
}
