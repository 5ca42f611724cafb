package facts

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"sigill/vault/message"
)

// What the reader of a mail is stopped by, see [Inside].
var (
	ErrAttached = errors.New("facts: a message of a sealed conversation is attached")
	ErrUnseen   = errors.New("facts: messages inside are packed deeper than the limits")
)

// Conversations tells whether any of the message ids, without angle brackets, is that of a sealed message.
type Conversations func(ids []string) (bool, error)

// maxIDs is how many ids of messages inside a mail are asked for before it counts as beyond the limits.
const maxIDs = 10_000

// maxHeld is how much of a mail is kept back for a header inside.
const maxHeld = 256 << 10

// Inside is a mail on its way, and stops at the first message inside it that is a sealed one or answers one. The octets in
// which a message inside has its header are held back until it is known whose it is, so nothing of a sealed one goes by.
// Whatever the mail is, memory is bounded and time goes with its length; beyond the limits it stops too.
type Inside struct {
	rest    io.Reader
	index   *message.Indexer
	sealed  Conversations
	lenient bool

	ids   []string // not asked for yet
	asked int
	held  []byte // octets that were read and are kept back
	ready []byte // octets that are not any more
	end   error  // of the rest, behind them
	fault error  // what it ended with instead
}

// NewInside begins to read a mail of which header and start have been read already; it gives the rest.
// Lenient lets by what is beyond the limits. It is nil for a mail that is text and nothing else.
func NewInside(fields message.Header, header, start []byte, rest io.Reader, lenient bool, sealed Conversations) *Inside {
	if plain(fields) {
		return nil
	}
	i := &Inside{rest: rest, index: message.NewIndexer(message.Limits{}), sealed: sealed, lenient: lenient}
	i.index.OnAttached(func(h message.Header) {
		i.ids = append(i.ids, append(named(h, "Message-ID"), Answered(h)...)...)
	})
	_, _ = i.index.Write(header) // never fails
	_, _ = i.index.Write(start)
	return i
}

// plain tells the mail that most are not: one of text that is no file.
func plain(fields message.Header) bool {
	for _, v := range fields.Values("Content-Type") {
		if v = strings.ToLower(strings.TrimSpace(v)); !strings.HasPrefix(v, "text/") || strings.HasPrefix(v, "text/rfc822") {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(fields.Get("Content-Type")+fields.Get("Content-Disposition")), "name")
}

// Answered is the message ids that a mail answers.
func Answered(h message.Header) []string {
	return append(named(h, "In-Reply-To"), named(h, "References")...)
}

func named(h message.Header, name string) (ids []string) {
	for _, v := range h.Values(name) {
		ids = append(ids, message.MessageIDs(v)...)
	}
	return ids
}

// Read implements io.Reader. Its errors are those of the rest, ErrAttached, ErrUnseen, and those of [Conversations].
func (i *Inside) Read(p []byte) (n int, err error) {
	for {
		switch {
		case len(i.ready) > 0:
			n = copy(p, i.ready)
			i.ready = i.ready[n:]
			return n, nil
		case i.fault != nil:
			return 0, i.fault
		case i.end != nil:
			return 0, i.end
		case len(p) == 0:
			return 0, nil
		}
		if i.fault = i.judge(); i.fault != nil { // what was read before
			continue
		}
		n, i.end = i.rest.Read(p)
		if i.take(p[:n]); i.fault == nil && len(i.held) == 0 && len(i.ready) == 0 {
			return n, i.end
		}
	}
}

// take looks at octets of the mail. Where a message inside has its header they are kept back.
func (i *Inside) take(b []byte) {
	_, _ = i.index.Write(b)
	heading := i.end == nil && i.index.InHeader()
	if i.end == io.EOF {
		i.index.Close() // a message inside may be all header
	}
	switch i.fault = i.judge(); {
	case i.fault != nil:
		i.held = append(i.held, b...)
	case heading && len(i.held) < maxHeld:
		i.held = append(i.held, b...)
	case heading && !i.lenient:
		i.held, i.fault = append(i.held, b...), ErrUnseen
	case len(i.held) > 0:
		i.ready, i.held = append(i.held, b...), nil
	}
}

// judge asks for the ids that have come since it was last asked.
func (i *Inside) judge() error {
	ids := i.ids
	i.ids, i.asked = nil, i.asked+len(ids)
	if len(ids) > 0 {
		switch known, err := i.sealed(ids); {
		case err != nil:
			return err
		case known:
			return ErrAttached
		}
	}
	if !i.lenient && (i.index.Limited() || i.asked > maxIDs) {
		return ErrUnseen
	}
	return nil
}

// Unwatched is the rest of the mail with what was held back, and looked at no more.
func (i *Inside) Unwatched() io.Reader {
	return io.MultiReader(bytes.NewReader(i.ready), bytes.NewReader(i.held), i.rest)
}
