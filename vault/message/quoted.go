package message

import "bytes"

// unquote decodes quoted-printable (RFC 2045 section 6.7). What is not quoted-printable stays as it is. White space at
// the end of a line goes (rule 3): whoever means it, writes =20.
type unquote struct {
	held  []byte // "=" and what followed, until it is known what it is
	space []byte // white space, and a CR if one followed, until it is known whether that is the end of a line
	over  bool   // in white space that is longer than maxHeld and stays
	pads  bool   // white space at the end of a line stays
	hard  bool   // the last line end was one, not a soft line break
}

// maxHeld is how much white space may follow the "=" of a soft line break, or goes at the end of a line.
const maxHeld = 80

// decode appends what src decodes to.
func (d *unquote) decode(dst, src []byte) []byte {
	for len(src) > 0 {
		if len(d.held) == 0 {
			n := bytes.IndexByte(src, '=')
			if n < 0 {
				n = len(src)
			}
			dst = d.plain(dst, src[:n], n == len(src))
			if src = src[n:]; len(src) == 0 {
				break
			}
		}
		dst, src = d.hold(dst, src[0]), src[1:]
	}
	return dst
}

// plain takes octets without "="; the last of them may be followed by more of their kind.
func (d *unquote) plain(dst, b []byte, last bool) []byte {
	if len(b) > 0 {
		d.hard = b[len(b)-1] == '\n'
	}
	if d.pads {
		return append(dst, b...)
	}
	if dst, b = d.resume(dst, b, last); len(b) == 0 {
		return dst
	}
	for n := bytes.IndexByte(b, '\n'); n >= 0; n = bytes.IndexByte(b, '\n') {
		line, end := cutLine(b[:n+1])
		dst, b = append(append(dst, line...), end...), b[n+1:]
	}
	if last {
		text := bytes.TrimSuffix(b, []byte("\r"))
		switch n := len(text) - len(bytes.TrimRight(text, blanks)); {
		case n > maxHeld:
			d.over = len(text) == len(b)
		case n > 0:
			d.space, b = append(d.space, b[len(text)-n:]...), b[:len(text)-n]
		}
	}
	return append(dst, b...)
}

// resume finds out what the white space was that came last.
func (d *unquote) resume(dst, b []byte, last bool) (out, rest []byte) {
	n := len(b) - len(bytes.TrimLeft(b, blanks))
	open := last && n == len(b)
	switch held := len(d.space); {
	case d.over:
		d.over = open
		return append(dst, b[:n]...), b[n:]
	case held == 0:
		return dst, b
	case d.space[held-1] == '\r' && len(b) > 0 && b[0] == '\n':
		dst = append(dst, '\r')
	case d.space[held-1] == '\r':
		dst = append(dst, d.space...)
	case held+n > maxHeld:
		d.over = open
		dst = append(append(dst, d.space...), b[:n]...)
		b = b[n:]
	case open, last && len(b) == n+1 && b[n] == '\r':
		d.space = append(d.space, b...)
		return dst, nil
	default:
		d.space = append(d.space, b[:n]...)
		if b = b[n:]; !bytes.HasPrefix(b, []byte("\n")) && !bytes.HasPrefix(b, []byte("\r\n")) {
			dst = append(dst, d.space...)
		}
	}
	d.space = d.space[:0]
	return dst, b
}

const blanks = " \t"

// cutLine takes the white space out before a line's end.
func cutLine(b []byte) (line, end []byte) {
	text := bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if line = bytes.TrimRight(text, blanks); len(text)-len(line) > maxHeld {
		line = text
	}
	return line, b[len(text):]
}

// hold takes one octet at or after "=".
func (d *unquote) hold(dst []byte, c byte) []byte {
	d.held = append(d.held, c)
	switch n := len(d.held); {
	case n == 1:
		return dst
	case c == '\n' && softBreak(d.held[1:n-1]):
		d.held, d.hard = d.held[:0], false
		return dst
	case n == 3 && unhex(d.held[1]) >= 0 && unhex(c) >= 0:
		dst = append(dst, byte(unhex(d.held[1])<<4|unhex(c)))
		d.held, d.hard = d.held[:0], false
		return dst
	case n == 2 && unhex(c) >= 0, n < maxHeld && softBreak(d.held[1:]):
		return dst
	}
	// Not quoted-printable: as it is, but the last octet may begin anew.
	n := len(d.held)
	if c == '=' {
		dst = append(dst, d.held[:n-1]...)
		d.held = append(d.held[:0], '=')
		return dst
	}
	dst = append(dst, d.held...)
	d.held, d.hard = d.held[:0], c == '\n'
	return dst
}

// end appends what is held when no more comes. A lone "=" is the soft line break whose line end went to a boundary.
func (d *unquote) end(dst []byte) []byte {
	if len(d.held) > 0 && !softBreak(d.held[1:]) {
		dst = append(dst, d.held...)
	}
	if bytes.HasSuffix(d.space, []byte("\r")) { // no line end came
		dst = append(dst, d.space...)
	}
	d.held, d.space, d.over = d.held[:0], d.space[:0], false
	return dst
}

// softBreak tells white space, with CR at its end only.
func softBreak(b []byte) bool { return len(bytes.Trim(bytes.TrimRight(b, "\r"), " \t")) == 0 }

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
