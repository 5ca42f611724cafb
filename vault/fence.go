package vault

import (
	"context"
	"slices"
	"time"

	"sigill/vault/internal/kv"
	"sigill/vault/message"
)

// Fence stands before attachments that may be malware. The message is there, dated, and its text can be read; of the octets
// behind the fence a [Content] gives none, whoever asks and in whatever form, unless it was opened by [Reader.OpenFenced].
type Fence struct {
	// Found is what the scanner calls what it found; "" as long as it has not looked.
	Found string
	// At is when it was found, or could not be looked for, UTC.
	At time.Time
}

// Fenced tells whether some of a part is behind a fence.
func (c *Content) Fenced(p *message.Part) bool {
	return slices.ContainsFunc(c.fence, func(f message.Range) bool {
		return p.Body.Offset < f.Offset+f.Size && f.Offset < p.Body.Offset+p.Body.Size
	})
}

func (rec *fenceRecord) fence() *Fence {
	if rec == nil {
		return nil
	}
	return &Fence{Found: rec.Found, At: rec.At.time()}
}

func (rec *fenceRecord) bodies() []message.Range {
	if rec == nil {
		return nil
	}
	return rec.Bodies
}

// everyImage makes attachments also of the images that the text shows.
var everyImage = map[string]bool{}

// files are where the attachments of a message lie.
func files(ix *message.Index) (out []message.Range) {
	for _, p := range ix.Attachments(everyImage) {
		out = append(out, p.Body)
	}
	return out
}

// OpenFenced opens a message for a staff member who has been told what was found in it, and whose responsibility the next
// step is. Each time is in the audit, before content is given. ErrFenced for a person; else as Open.
func (r *Reader) OpenFenced(ctx context.Context, id MessageID) (*Content, error) {
	if r.p.IsPerson() {
		return nil, ErrFenced
	}
	contents, err := r.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	err = r.update(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err != nil {
			return err
		}
		event := Event{Actor: a.v.actor(r.p), Action: "open suspect", Message: id, Result: "ok", Detail: rec.Fence.found()}
		return a.record(event)
	})
	if err != nil {
		contents[0].Close()
		return nil, err
	}
	contents[0].fence = nil
	return contents[0], nil
}

func (rec *fenceRecord) found() string {
	if rec == nil {
		return ""
	}
	return rec.Found
}

// verifyUnscanned looks for messages that are said to wait for a verdict and do not.
func (t *tx) verifyUnscanned(r *Report) {
	for k := range t.r.Range(tUnscanned, kv.Span{}) {
		rec, found, err := load[messageRecord](t, tMessage, k)
		if err == nil && (!found || rec.Fence == nil || rec.Fence.Found != "") {
			r.fault("message %s is said to wait for the malware scanner and does not", MessageID(k))
		}
	}
}
