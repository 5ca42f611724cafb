package smtpd

import (
	"bytes"
	"context"
	"io"

	"sigill/policy"
)

// lookInside reads a mail that would pass into memory and adds what its text holds to the facts. A mail that no rule
// about content waits for streams through as ever.
//
// The mail lies in memory alone, since it may be one that is to be sealed. There is room for so many octets of all
// mails; who finds none waits, and the client with it. A mail longer than the limit, or much longer than its client
// declared (RFC 1870), is not looked through: the rules say what becomes of it. Done gives the room back.
func (s *session) lookInside(ctx context.Context, tx transaction, m *mail, f *policy.Facts) (done func(), err error) {
	limit := s.server.limits.Inside
	if tx.size > 0 {
		limit = min(limit, tx.size+tx.size/8+64<<10)
	}
	if err := s.server.memory.Acquire(ctx, limit); err != nil {
		return nil, err
	}
	done = func() { s.server.memory.Release(limit) }
	var whole bytes.Buffer
	_, err = io.Copy(&whole, io.LimitReader(io.MultiReader(bytes.NewReader(m.header), bytes.NewReader(m.start), m.rest), limit+1))
	if err != nil {
		done()
		return nil, err
	}
	m.start = whole.Bytes()[len(m.header):]
	if int64(whole.Len()) > limit {
		f.Content = &policy.Content{Beyond: true}
	} else {
		m.rest = bytes.NewReader(nil) // it has come to its end
		s.server.gatherer.Content(f, whole.Bytes())
	}
	for _, found := range f.Content.Findings {
		s.log.Info("found in the text", "mail", tx.id, "rule", found.Rule, "kind", found.Kind, "count", found.Count)
	}
	if f.Content.Beyond {
		s.log.Info("not all of the text was looked through", "mail", tx.id)
	}
	return done, nil
}
