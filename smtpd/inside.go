package smtpd

import (
	"bytes"
	"context"
	"errors"
	"io"

	"sigill/policy"
	"sigill/smtpd/facts"
)

// lookInside adds to the facts what lies in the body of a mail that would pass: whether a message of a sealed conversation
// is attached, and what rules about content find in the text. A mail that is text alone, and that no such rule waits for,
// streams through as ever.
//
// What rules about content want is read whole, into memory. There is room for so many octets of all mails; who finds none
// waits, and the client with it. A mail longer than the limit, or much longer than its client declared (RFC 1870), is not
// looked through: the rules say what becomes of it. Messages inside are looked for as the mail goes by (facts.Inside). Its
// beginning is read ahead, so that one that shows there seals it; behind that, or when there is no room, the mail is passed
// on meanwhile, and one that shows ends it in a refusal: nothing of it has gone on, and the upstream is not told the end of what has.
//
// What is read lies in memory alone, since it may be to be sealed. Done gives the room back.
func (s *session) lookInside(ctx context.Context, tx transaction, m *mail, f *policy.Facts) (done func(), err error) {
	done = func() {}
	rules := s.server.config.Rules
	inside := facts.NewInside(m.fields, m.header, m.start, m.rest, rules.Beyond == policy.Pass, func(ids []string) (bool, error) {
		return s.server.knowledge.Answers(ctx, ids)
	})
	content := rules.LookInside(*f)
	var limit int64
	switch {
	case content:
		limit, done, err = s.room(ctx, tx.size)
	case inside != nil:
		limit, done = s.roomAhead(tx.size)
	default:
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	whole, err := readAhead(m, inside, limit)
	f.Attached, f.Unseen = errors.Is(err, facts.ErrAttached), errors.Is(err, facts.ErrUnseen)
	switch {
	case f.Attached, f.Unseen: // it is decided, whatever the text says
	case err != nil:
		done()
		return nil, err
	case content:
		s.content(tx, f, whole, limit)
	}
	return done, nil
}

// readAhead reads a mail up to the limit, and one octet more if it is longer. It stops at a message inside; the mail can
// be read whole all the same.
func readAhead(m *mail, inside *facts.Inside, limit int64) (read []byte, err error) {
	in := m.rest
	if inside != nil {
		in = inside
	}
	var b bytes.Buffer
	b.Write(m.header)
	b.Write(m.start)
	_, err = b.ReadFrom(io.LimitReader(in, max(4<<10, limit+1-int64(b.Len()))))
	if err != nil && inside != nil {
		in = inside.Unwatched()
	}
	m.start, m.rest = b.Bytes()[len(m.header):], in
	return b.Bytes(), err
}

// room waits for what a mail may take that is read whole.
func (s *session) room(ctx context.Context, declared int64) (limit int64, done func(), err error) {
	limit = roomFor(s.server.limits.Inside, declared)
	if err := s.server.memory.Acquire(ctx, limit); err != nil {
		return 0, nil, err
	}
	return limit, func() { s.server.memory.Release(limit) }, nil
}

// roomAhead does not wait: mail that passes must not wait for mail whose clients are slow.
func (s *session) roomAhead(declared int64) (limit int64, done func()) {
	limit = roomFor(min(s.server.limits.Ahead, s.server.limits.InsideAll), declared)
	if !s.server.memory.TryAcquire(limit) {
		return 0, func() {}
	}
	return limit, func() { s.server.memory.Release(limit) }
}

// roomFor is a limit for a mail of the size that its client declared, if it did, and somewhat more.
func roomFor(limit, declared int64) int64 {
	if declared <= 0 {
		return limit
	}
	return min(limit, declared+declared/8+64<<10)
}

// content adds what is found in the text.
func (s *session) content(tx transaction, f *policy.Facts, whole []byte, limit int64) {
	if int64(len(whole)) > limit {
		f.Content = &policy.Content{Beyond: true}
	} else {
		s.server.gatherer.Content(f, whole)
	}
	for _, found := range f.Content.Findings {
		s.log.Info("found in the text", "mail", tx.id, "rule", found.Rule, "kind", found.Kind, "count", found.Count)
	}
	if f.Content.Beyond {
		s.log.Info("not all of the text was looked through", "mail", tx.id)
	}
}
