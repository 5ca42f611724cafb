package vault

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"sigill/vault/internal/kv"
)

// Bounds of what a person has begun to write.
const (
	// MaxReplyDraft is its octets.
	MaxReplyDraft = 1 << 20
	// ReplyDraftTerm is how long it is kept after it was last saved, if its message is not disposed of before.
	ReplyDraftTerm = 30 * 24 * time.Hour
)

// ReplyDraft is the text of a reply that a person has begun and not sent. It is no message: nobody else sees it, no
// mailbox has it, and it goes with the message it answers, when it is sent, or when it has not been touched for its term.
type ReplyDraft struct {
	Text  string
	Saved time.Time
}

// Until is when it is dropped.
func (d ReplyDraft) Until() time.Time { return d.Saved.Add(ReplyDraftTerm) }

// KeepReplyDraft keeps the text of a reply to a message in place of what was kept before; an empty one keeps nothing.
// Errors as
// [Reader.Reply].
func (r *Reader) KeepReplyDraft(ctx context.Context, id MessageID, text string) error {
	if len(text) > MaxReplyDraft {
		return fmt.Errorf("vault: a reply draft of %d octets, more than %d", len(text), MaxReplyDraft)
	}
	return r.update(ctx, func(a *access) error {
		if _, _, err := a.answerable(id); err != nil {
			return err
		}
		key := a.replyDraftKey(id)
		if text == "" {
			return a.w.Delete(tReplyDraft, key)
		}
		return save(a.tx, tReplyDraft, key, &replyDraftRecord{Text: text, At: instantOf(r.v.now())})
	})
}

// ReplyDraft gives what is kept of a reply to a message; zero if nothing is. Errors as [Reader.Reply].
func (r *Reader) ReplyDraft(ctx context.Context, id MessageID) (d ReplyDraft, err error) {
	err = r.view(ctx, func(a *access) error {
		d = ReplyDraft{}
		if _, _, err := a.answerable(id); err != nil {
			return err
		}
		rec, found, err := load[replyDraftRecord](a.tx, tReplyDraft, a.replyDraftKey(id))
		if found && !a.over(rec) {
			d = ReplyDraft{Text: rec.Text, Saved: rec.At.time()}
		}
		return err
	})
	return d, err
}

func (a *access) replyDraftKey(id MessageID) []byte {
	sum := a.v.lookup.Digest("draft", []byte(a.v.actor(a.reader.p)))
	return join(id[:], sum[:16])
}

func (t *tx) over(rec replyDraftRecord) bool {
	return t.v.now().Sub(rec.At.time()) > ReplyDraftTerm
}

// dropReplyDrafts ends those whose term is over.
func (v *Vault) dropReplyDrafts(ctx context.Context) error {
	var old [][]byte
	err := v.view(ctx, func(t *tx) error {
		old = nil
		for k, sealed := range t.r.Range(tReplyDraft, kv.Span{}) {
			rec, err := open[replyDraftRecord](t, tReplyDraft, k, sealed)
			if err != nil {
				return err
			}
			if t.over(rec) {
				old = append(old, bytes.Clone(k))
			}
		}
		return nil
	})
	for _, k := range old {
		if err != nil {
			break
		}
		err = v.update(ctx, func(t *tx) error {
			rec, found, err := load[replyDraftRecord](t, tReplyDraft, k)
			if err != nil || !found || !t.over(rec) { // saved since
				return err
			}
			return t.w.Delete(tReplyDraft, k)
		})
	}
	return err
}
