package smtpd

import (
	"bytes"

	"github.com/emersion/go-smtp"
)

// text is where in the text of DATA the next octet is. Only CRLF ends a line.
type text struct {
	fresh bool // a line begins
	cr    bool // after a CR
	line  int  // octets since the last LF
}

var (
	endOfData = []byte(".\r\n") // after a line end (RFC 5321 section 4.1.1.4)
	lineDot   = []byte("\n.")
)

// copy moves a message from b to p, less the dots that were put before others (RFC 5321 section 4.5.2), and tells how many
// octets of b that took. It stops at the end of data and before what may become one; neither is taken. b is no longer than
// a block. After an error it gives nothing else.
func (t *text) copy(p, b []byte) (n, took int, end bool, err error) {
	if t.line >= maxLine {
		return 0, 0, false, smtp.ErrTooLongLine
	}
	for n < len(p) && took < len(b) && err == nil {
		rest := b[took:]
		if t.fresh && rest[0] == '.' {
			if end = bytes.HasPrefix(rest, endOfData); end || bytes.HasPrefix(endOfData, rest) {
				return n, took, end, nil
			}
			took++
			t.fresh, t.line = false, t.line+1
			continue
		}
		if i := bytes.Index(rest, lineDot); i >= 0 {
			rest = rest[:i+1]
		}
		moved := copy(p[n:], rest)
		err = t.pass(rest[:moved])
		n, took = n+moved, took+moved
	}
	return n, took, false, err
}

// pass goes past octets of the message, one at least. A block has room for no line that is too long, so only the lines it
// begins and ends in are measured.
func (t *text) pass(b []byte) error {
	last := len(b) - 1
	t.fresh = b[last] == '\n' && (last > 0 && b[last-1] == '\r' || last == 0 && t.cr)
	t.cr = b[last] == '\r'
	first := bytes.IndexByte(b, '\n')
	if first < 0 {
		first = len(b)
	}
	if t.line += first; t.line >= maxLine {
		return smtp.ErrTooLongLine
	}
	if first < len(b) {
		t.line = last - bytes.LastIndexByte(b, '\n')
	}
	return nil
}
