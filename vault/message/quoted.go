package message

import "bytes"

// unquote decodes quoted-printable (RFC 2045 section 6.7). What is not quoted-printable stays as it is. White space at
// the end of a line stays too: it is seldom transport padding today and often the signature line "-- ".
type unquote struct {
	held []byte // "=" and what followed, until it is known what it is
	hard bool   // the last line end was one, not a soft line break
}

// maxHeld is how much white space may follow the "=" of a soft line break.
const maxHeld = 80

// decode appends what src decodes to.
func (d *unquote) decode(dst, src []byte) []byte {
	for len(src) > 0 {
		if len(d.held) == 0 {
			n := bytes.IndexByte(src, '=')
			if n < 0 {
				n = len(src)
			}
			if n > 0 {
				dst = append(dst, src[:n]...)
				d.hard = src[n-1] == '\n'
			}
			if src = src[n:]; len(src) == 0 {
				break
			}
		}
		dst, src = d.hold(dst, src[0]), src[1:]
	}
	return dst
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
	d.held = d.held[:0]
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
