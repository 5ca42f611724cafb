package relay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"
)

// ErrBareCR means that the message has a carriage return without line feed. Some mail systems take it for a line end,
// so it could end the message early there (RFC 5321 section 2.3.8); it is never sent.
var ErrBareCR = errors.New("relay: a carriage return without line feed")

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

func unreachable(cause error) *Error {
	return &Error{Reply{451, [3]int{4, 4, 1}, "the upstream mail relay cannot be reached, try again later"}, cause}
}

func dropped(cause error) *Error {
	return &Error{Reply{451, [3]int{4, 4, 1}, "the upstream mail relay broke off, try again later"}, cause}
}

// answered makes an Error of what a command from MAIL on ended with.
func answered(err error) *Error {
	var up *smtp.SMTPError
	if !errors.As(err, &up) || up.Code/100 != 4 && up.Code/100 != 5 {
		return dropped(err)
	}
	r := reply(up)
	switch r.Code {
	case 421:
		// The upstream closes its connection to us; ours to the client stays (RFC 5321 section 3.8).
		r.Code = 451
	case 530, 534, 535, 538:
		// It is we who should have logged in or used TLS (RFC 4954 section 6). The sender cannot help it, so the mail waits
		// until an administrator has.
		return unreachable(err)
	}
	return &Error{Reply: r}
}

// reply reads what go-smtp has of a reply. It finds the enhanced code only if the first line has it, and not in a 250;
// RFC 2034 section 4 wants it in all lines, and many servers write it in the last only.
func reply(up *smtp.SMTPError) Reply {
	r := Reply{Code: up.Code, Enhanced: up.EnhancedCode}
	var lines []string
	for line := range strings.SplitSeq(up.Message, "\n") {
		if e, rest, ok := enhanced(line); ok && e[0] == r.Code/100 {
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
