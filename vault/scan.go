package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"sigill/vault/internal/kv"
	"sigill/vault/message"
)

// Scanner looks for malware; *clamd.Client does. Found is what it calls what it found, "" if the message is clean; an error
// is no verdict.
type Scanner interface {
	Scan(ctx context.Context, message io.Reader) (found string, err error)
}

// SuspectError is an ErrSuspect that tells what was found.
type SuspectError struct {
	// Found is what the scanner calls it.
	Found string
}

func (e *SuspectError) Error() string { return "vault: malware was found: " + e.Found }

// Is makes it an ErrSuspect.
func (e *SuspectError) Is(target error) bool { return target == ErrSuspect }

// scan has the draft scanned, which is all sealed by now: the scanner is not kept waiting by who sends it, and nothing of
// it is kept in clear for the scanner's sake.
func (w *Draft) scan(ctx context.Context, s *sealed) (*fenceRecord, error) {
	v := w.v
	if v.scanner == nil {
		return nil, nil
	}
	c := &Content{
		engine: v.kv, id: w.id, size: w.size, end: w.size, index: &s.index, key: w.content, chunks: w.chunks, held: -1,
		ahead: w.staged, first: w.wrote,
	}
	defer func() { clear(c.plain) }()
	fence, err := v.verdict(ctx, c, s.at)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		v.log.Error("vault: the malware scanner gives no verdict", "message", w.id, "error", err)
		if !w.fences || !v.fenceUnscanned {
			return nil, fmt.Errorf("%w: %w", ErrUnscanned, err)
		}
		return &fenceRecord{At: instantOf(s.at), Bodies: files(c.index)}, nil
	case fence == nil:
		return nil, nil
	}
	v.log.Warn("vault: malware was found", "message", w.id, "found", fence.Found, "taken", w.fences)
	if !w.fences {
		return nil, &SuspectError{fence.Found}
	}
	return fence, nil
}

// verdict asks the scanner: nil if the message is clean. It is given the whole message, to take apart as a mail program
// would, and then each attachment as it would be handed out: a scanner's own reading of mail can differ from ours by an
// octet, which is enough to miss a file it knows by its checksum. Only what it was found in is behind the fence, or all
// attachments if it was in none of them.
func (v *Vault) verdict(ctx context.Context, c *Content, now time.Time) (*fenceRecord, error) {
	found, err := v.scanner.Scan(ctx, io.NewSectionReader(c, 0, c.size))
	if err != nil {
		return nil, err
	}
	var bodies []message.Range
	for _, p := range c.index.Attachments(everyImage) {
		one, err := v.scanner.Scan(ctx, message.Body(p, c.Section(p.Body)))
		if err != nil {
			return nil, err
		}
		if one != "" {
			found, bodies = cmp.Or(found, one), append(bodies, p.Body)
		}
	}
	if found == "" {
		return nil, nil
	}
	if len(bodies) == 0 {
		bodies = files(c.index)
	}
	return &fenceRecord{Found: found, At: instantOf(now), Bodies: bodies}, nil
}

// fenced notes a new message's fence: in the audit, and among those to be looked at again if nobody has.
func (t *tx) fenced(id MessageID, fence *fenceRecord) error {
	switch {
	case fence == nil:
		return nil
	case fence.Found == "":
		return errors.Join(t.mark(tUnscanned, id[:]), t.scanned(id, "no verdict", ""))
	}
	return t.scanned(id, "suspect", fence.Found)
}

func (t *tx) scanned(id MessageID, result, found string) error {
	return t.record(Event{Actor: system, Action: "scan", Message: id, Result: result, Detail: found})
}

// ScanFenced asks for the verdicts that could not be had before. Run does so each minute. It stops where there is none
// again, and begins anywhere, so that a message that never gets one does not keep the others from theirs.
func (v *Vault) ScanFenced(ctx context.Context) error {
	if v.scanner == nil {
		return nil
	}
	var ids []MessageID
	err := v.view(ctx, func(t *tx) error {
		ids = nil
		for k := range t.r.Range(tUnscanned, kv.Span{}) {
			ids = append(ids, MessageID(k))
		}
		return nil
	})
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		if err == nil {
			err = v.scanAgain(ctx, id)
		}
	}
	return err
}

func (v *Vault) scanAgain(ctx context.Context, id MessageID) error {
	var c *Content
	err := v.view(ctx, func(t *tx) error {
		rec, found, err := load[messageRecord](t, tMessage, id[:])
		if err != nil || !found {
			return errors.Join(err, notIf(err != nil))
		}
		c, err = t.content(id, rec)
		return err
	})
	if isNotFound(err) {
		return nil // erased since
	}
	if err != nil {
		return err
	}
	defer c.wipe()
	c.fence = nil
	fence, err := v.verdict(ctx, c, v.now())
	if err != nil {
		return fmt.Errorf("%w: message %s: %w", ErrUnscanned, id, err)
	}
	return v.update(ctx, func(t *tx) error { return t.judge(id, fence) })
}

// judge puts a verdict in the place of a fence that waited for it.
func (t *tx) judge(id MessageID, fence *fenceRecord) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found || t.r.Get(tUnscanned, id[:]) == nil {
		return err
	}
	rec.Fence = fence
	if err := errors.Join(save(t, tMessage, id[:], &rec), t.w.Delete(tUnscanned, id[:])); err != nil {
		return err
	}
	if fence != nil {
		return t.scanned(id, "suspect", fence.Found)
	}
	for _, p := range t.spots(id) {
		if err := t.renew(p); err != nil {
			return err
		}
	}
	return t.scanned(id, "ok", "")
}

// renew gives an entry a new UID, without the mark of a fence: a mail program that has kept what it was given in place of
// the message under the old one fetches it now (RFC 3501 section 2.3.1.1: what a UID names never changes).
func (t *tx) renew(p spot) error {
	e, found, err := t.entry(p.box, p.uid)
	if err != nil || !found {
		return err
	}
	after := e
	after.Keywords = slices.DeleteFunc(slices.Clone(e.Keywords), func(k string) bool { return k == suspectKeyword })
	if _, err := t.addEntry(p.box, after); err != nil {
		return err
	}
	box, err := t.mailbox(p.box)
	if err != nil {
		return err
	}
	return errors.Join(t.dropEntry(p.box, &box, p.uid, e), t.saveMailbox(p.box, &box))
}
