package relay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrBareLine means that the message has a carriage return or a line feed that is no line end. Some mail systems take it
// for one, so it could end the message early there (RFC 5321 section 2.3.8); it is never sent.
var ErrBareLine = errors.New("relay: a carriage return or line feed alone")

// Reply is an SMTP reply (RFC 5321 section 4.2) with its enhanced code (RFC 3463; zero if there was none).
type Reply struct {
	Code     int
	Enhanced [3]int
	// Text may have several lines, parted by "\n".
	Text string
}

// Error is a transaction the upstream did not take. Its text holds no text of the upstream, which may quote the
// message; that is in Reply only.
type Error struct {
	Reply
	// Cause is what went wrong below SMTP, or in a command before MAIL; nil if Reply is the upstream's own.
	Cause error
	// elsewhere tells that it is about the connection or the upstream, so that another may take the mail.
	elsewhere bool
}

func (e *Error) Error() string {
	text := fmt.Sprintf("relay: %d %d.%d.%d", e.Code, e.Enhanced[0], e.Enhanced[1], e.Enhanced[2])
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// Temporary tells that the same mail may be taken later (RFC 5321 section 4.2.1, 4yz).
func (e *Error) Temporary() bool { return e.Code/100 == 4 }

// elsewhere tells that another connection or upstream may do better.
func elsewhere(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.elsewhere
}

func unreachable(cause error) *Error {
	return &Error{Reply{451, [3]int{4, 4, 1}, "the upstream mail relay cannot be reached, try again later"}, cause, true}
}

func dropped(cause error) *Error {
	return &Error{Reply{451, [3]int{4, 4, 1}, "the upstream mail relay broke off, try again later"}, cause, true}
}

// refusal makes an Error of a reply to a command from MAIL on.
func refusal(r Reply) *Error {
	switch {
	case r.Code == 421:
		// The upstream closes its connection to us; ours to the client stays (RFC 5321 section 3.8).
		r.Code = 451
		return &Error{Reply: r, elsewhere: true}
	case r.Code == 530, r.Code == 534, r.Code == 535, r.Code == 538:
		// It is we who should have logged in or used TLS (RFC 4954 section 6). The sender cannot help it, so the mail waits
		// until an administrator has.
		return unreachable(fmt.Errorf("the upstream said %d", r.Code))
	case r.Code/100 != 4 && r.Code/100 != 5:
		return dropped(fmt.Errorf("the upstream said %d, which is no answer here", r.Code))
	}
	return &Error{Reply: r}
}

// newReply takes the enhanced code out of the lines. RFC 2034 section 4 wants it in all of them, and many servers write it
// in the last only.
func newReply(code int, text string) Reply {
	r := Reply{Code: code}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if e, rest, ok := enhanced(line); ok && e[0] == code/100 {
			r.Enhanced, line = e, rest
		}
		lines = append(lines, strings.Map(printable, line))
	}
	r.Text = strings.Join(lines, "\n")
	return r
}

func enhanced(line string) (code [3]int, rest string, ok bool) {
	first, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(first, ".")
	if len(parts) != len(code) {
		return code, line, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 10) // RFC 3463 section 2: at most three digits
		if err != nil {
			return code, line, false
		}
		code[i] = int(n)
	}
	return code, rest, true
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
