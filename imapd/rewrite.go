package imapd

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// What of a command the library (go-imap v2.0.0-beta.8) misunderstands is said in other words before it reads the line.
//
// It loses a SMALLER that a date or LARGER follows (SearchCriteria.And), and more would be found than was asked for: "SMALLER
// 5" is "NOT LARGER 4". A mailbox name with a shift that is not modified UTF-7 (RFC 3501 section 5.1.3) is an error of the
// server to it: the shift becomes "&-", the name of a mailbox that is not there.

var (
	rewritten = regexp.MustCompile(`(?i)^[^ ]+ (?:UID )?(?:(SEARCH)|LIST|LSUB|SELECT|EXAMINE|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|STATUS|COPY|MOVE) `)
	// smallerKey is SMALLER with what must not be taken for it: quoted strings, and texts of other keys.
	smallerKey = regexp.MustCompile(`(?i)"(?:[^"\\]|\\.)*"|\b(?:BCC|BODY|CC|FROM|SUBJECT|TEXT|TO|HEADER(?: [^ ]+)?) SMALLER\b|([ (])SMALLER ([0-9]+)`)
	shift      = regexp.MustCompile(`^&[A-Za-z0-9+,]*-`)
)

// maxRewritten is more octets than the library takes in a command.
const maxRewritten = 64 << 10

// rewriter is what is known of the command whose lines are being read.
type rewriter int

const (
	asItIs rewriter = iota
	ofSearch
	ofNames
)

func rewriterOf(line []byte) rewriter {
	switch m := rewritten.FindSubmatch(line); {
	case m == nil:
		return asItIs
	case m[1] != nil:
		return ofSearch
	}
	return ofNames
}

func (r rewriter) rewrite(line []byte) []byte {
	switch {
	case r == ofSearch:
		return notLarger(line)
	case r == ofNames && bytes.IndexByte(line, '&') >= 0:
		return unshifted(line)
	}
	return line
}

func notLarger(line []byte) []byte {
	var out []byte
	end := 0
	for _, m := range smallerKey.FindAllSubmatchIndex(line, -1) {
		if m[2] < 0 {
			continue
		}
		n, err := strconv.ParseUint(string(line[m[4]:m[5]]), 10, 63)
		if err != nil {
			continue // for the library to refuse
		}
		out = append(out, line[end:m[3]]...)
		out = append(out, "NOT LARGER "...)
		out = strconv.AppendUint(out, max(n, 1)-1, 10) // no message is empty
		end = m[5]
	}
	return append(out, line[end:]...)
}

// unshifted takes shifts that are none for the letter.
func unshifted(line []byte) []byte {
	var out []byte
	shifted := false // the last octet ended a shift
	for len(line) > 0 {
		if line[0] != '&' {
			out, line, shifted = append(out, line[0]), line[1:], false
			continue
		}
		s := shift.Find(line)
		switch {
		case len(s) == 2:
			out, line, shifted = append(out, s...), line[2:], false
		case s != nil && !shifted && isShift(s[1:len(s)-1]):
			out, line, shifted = append(out, s...), line[len(s):], true
		default:
			out, line, shifted = append(out, "&-"...), line[1:], false
		}
	}
	return out
}

var shiftEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// isShift tells UTF-16 of what is not printable ASCII.
func isShift(b64 []byte) bool {
	b, err := shiftEncoding.AppendDecode(nil, b64)
	if err != nil || len(b)%2 != 0 {
		return false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	for _, r := range utf16.Decode(units) {
		if ' ' <= r && r <= '~' || r == utf8.RuneError {
			return false
		}
	}
	return true
}
