package relay

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"sigill/policy"
)

// Mail is the envelope of one transaction and what MAIL said of the message.
type Mail struct {
	policy.Envelope
	// Size is the message's octets as declared (RFC 1870); 0 if it is not known.
	Size int64
	// EightBit tells that it was declared as BODY=8BITMIME (RFC 6152).
	EightBit bool
	// UTF8 tells that it was declared as SMTPUTF8 (RFC 6531).
	UTF8 bool
}

// Send hands one message over and gives the upstream's last reply. The message must have CRLF line ends.
//
// Errors are an [*Error] for whatever the upstream did, the error of the message's reader if that failed (the upstream
// then gets no end of data and drops what it has), ErrBareLine, or ctx's. If the upstream took the message, the error is
// nil whatever happened afterwards.
func (c *Client) Send(ctx context.Context, m Mail, message io.Reader) (Reply, error) {
	var failed error
	for _, u := range c.order() {
		l, err := u.open(ctx, m)
		if err == nil {
			r, err := l.transfer(message)
			u.release(l)
			return r, ended(ctx, err)
		}
		if ctx.Err() != nil || !elsewhere(err) {
			return Reply{}, ended(ctx, err)
		}
		u.rest()
		c.log.Warn("an upstream failed", "upstream", u.Addr, "cause", err)
		failed = err
	}
	return Reply{}, failed
}

// ended prefers ctx's end to the errors it caused.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("relay: %w", context.Cause(ctx))
	}
	return err
}

// envelope says MAIL, RCPT and DATA, at once where the upstream offers it (RFC 2920): a mail then takes two round trips.
func (l *link) envelope(m Mail) error {
	first, err := l.mailLine(m)
	if err != nil {
		return err
	}
	var refused error
	commands := len(m.To) + 2
	ask := func(n int, words ...string) (ok bool) {
		if l.say(words...); l.knows("PIPELINING") {
			return true
		}
		refused = l.answer(n, commands)
		return refused == nil
	}
	ok := ask(0, first)
	for i := 0; ok && i < len(m.To); i++ {
		ok = ask(i+1, "RCPT TO:<", m.To[i].String(), ">")
	}
	if ok {
		ok = ask(commands-1, "DATA")
	}
	if !ok || !l.knows("PIPELINING") {
		return refused
	}
	for n := range commands {
		if err := l.answer(n, commands); err != nil && refused == nil {
			refused = err
		} else if err == nil && refused != nil && n == commands-1 {
			// It wants the message for those it did not refuse. There is no way to take DATA back but to go.
			l.broken = true
		}
		if l.broken {
			break
		}
	}
	return refused
}

// answer reads the reply to the n-th command of an envelope; the last one is DATA.
func (l *link) answer(n, commands int) error {
	r, err := l.hear(l.timeouts.Command)
	switch {
	case err != nil:
		return dropped(err)
	case n < commands-1 && r.Code/100 == 2, n == commands-1 && r.Code == 354:
		return nil
	case r.Code/100 != 4 && r.Code/100 != 5:
		l.broken = true
	}
	return refusal(r)
}

// mailLine is the command MAIL with what it may say of the message.
func (l *link) mailLine(m Mail) (string, error) {
	line := "MAIL FROM:<" + m.From.String() + ">"
	if m.UTF8 || !ascii(m.Envelope) {
		if !l.knows("SMTPUTF8") {
			// RFC 6531 section 3.2: it must not be sent on.
			return "", &Error{Reply: Reply{553, [3]int{5, 6, 7}, "the next mail server cannot take addresses and headers beyond ASCII"}}
		}
		line += " SMTPUTF8"
	}
	switch {
	case l.knows("8BITMIME"):
		line += " BODY=8BITMIME" // not all who send it declare it
	case m.EightBit:
		// RFC 6152 section 3: it must be converted or bounced, and a signed mail is not ours to convert.
		return "", &Error{Reply: Reply{554, [3]int{5, 6, 3}, "the next mail server cannot take 8-bit mail"}}
	}
	if m.Size > 0 && l.knows("SIZE") {
		line += " SIZE=" + strconv.FormatInt(m.Size, 10)
	}
	return line, nil
}

func ascii(e policy.Envelope) bool {
	beyond := func(a policy.Address) bool {
		return strings.ContainsFunc(a.String(), func(r rune) bool { return r >= utf8.RuneSelf })
	}
	for _, a := range e.To {
		if beyond(a) {
			return false
		}
	}
	return !beyond(e.From)
}

// transfer sends the message and gives the reply to the whole of it.
func (l *link) transfer(message io.Reader) (Reply, error) {
	if err := stream(l.w, message); err != nil {
		l.broken = true     // nothing but the rest of the message could follow
		if elsewhere(err) { // it was the upstream's doing
			return Reply{}, l.interrupted(err)
		}
		return Reply{}, err
	}
	l.say(".")
	r, err := l.hear(l.timeouts.Final)
	switch {
	case err != nil:
		return Reply{}, dropped(err)
	case r.Code/100 == 2:
		return r, nil
	}
	l.broken = l.broken || r.Code/100 != 4 && r.Code/100 != 5
	return Reply{}, refusal(r)
}

// interrupted is the reply of an upstream that would not hear the whole message and broke off, such as 552, or the
// break itself.
func (l *link) interrupted(broke error) error {
	l.under.patience = goodbye
	code, text, err := l.r.ReadResponse(0)
	if err != nil || code/100 != 4 && code/100 != 5 {
		return broke
	}
	return refusal(newReply(code, text))
}
