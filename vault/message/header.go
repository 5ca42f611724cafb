package message

import (
	"bytes"
	"strings"
)

// Field is one field of a header.
type Field struct {
	// Name is the field name as written, less white space before the colon.
	Name string
	// Value is the field body as written, on one line: folds are joined (RFC 5322 section 2.2.3), white space around it
	// is gone. It may hold encoded words and any octets; see DecodeText.
	Value string
	// Range is the octets of the whole field in the block that was parsed, with its last line end.
	Range Range
}

// Header is the fields of a header in the order they stand.
type Header struct {
	Fields []Field
	// Size is the octets of the header with the empty line that ends it.
	Size int
	// Defects tells what was skipped, for people, without content.
	Defects []string
}

// The defects of headers.
const (
	defectMbox      = "an mbox line stands before the header"
	defectJunkLine  = "the header has lines that are no fields"
	defectEmptyLine = "the header does not end in an empty line"
	defectNoHeader  = "there is no header"
)

// usualFields is how many fields there is room for at once.
const usualFields = 16

// ParseHeader reads the header that b begins with and ignores what follows the empty line. Lines may end in CRLF, LF or
// CR CR LF, an mbox "From " line may come first and white space may stand before a colon. A line that is no field is
// skipped and noted in Defects. A line of white space only continues a field: it does not end the header, so no field
// can hide behind it.
func ParseHeader(b []byte) Header {
	h := Header{Fields: make([]Field, 0, usualFields)}
	ended, junk, start := false, false, -1 // start of the field being read, -1 after a line that is none
	flush := func(end int) {
		if start >= 0 {
			h.Fields = append(h.Fields, readField(b, start, end))
		}
		start = -1
	}
	for !ended && h.Size < len(b) {
		at, line := h.Size, firstLine(b[h.Size:])
		h.Size += len(line)
		switch {
		case blank(line):
			flush(at)
			ended = true
		case start >= 0 && isSpace(line[0]): // goes on
		case nameEnd(line) > 0:
			flush(at)
			start = at
		case at == 0 && bytes.HasPrefix(bytes.TrimPrefix(line, []byte(">")), []byte("From ")):
			h.Defects = append(h.Defects, defectMbox)
		default:
			flush(at)
			junk = true
		}
	}
	flush(h.Size)
	if junk {
		h.Defects = append(h.Defects, defectJunkLine)
	}
	if !ended {
		h.Defects = append(h.Defects, defectEmptyLine)
	}
	return h
}

func readField(b []byte, start, end int) Field {
	raw := b[start:end]
	name := raw[:nameEnd(raw)]
	return Field{
		Name:  string(name),
		Value: unfoldText(raw[bytes.IndexByte(raw, ':')+1:]),
		Range: Range{int64(start), int64(end - start)},
	}
}

// Get is the value of the first field of that name, in any case; "" if there is none.
func (h Header) Get(name string) string {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Values are the values of every field of that name.
func (h Header) Values(name string) []string {
	var values []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// Text is Get, decoded by DecodeText.
func (h Header) Text(name string) string { return DecodeText(h.Get(name)) }

// HeaderEnd gives the index after the empty line that ends a header, -1 if b does not hold it yet. A message that begins
// with an empty line has an empty header.
func HeaderEnd(b []byte) int {
	for at := 0; at < len(b); {
		line := firstLine(b[at:])
		at += len(line)
		if blank(line) {
			return at
		}
	}
	return -1
}

// firstLine is the first line of b with its line end.
func firstLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

// blank tells an empty line: LF with any number of CR before it, since some systems write CR CR LF.
func blank(line []byte) bool {
	n := len(line) - 1
	return n >= 0 && line[n] == '\n' && len(bytes.TrimRight(line[:n], "\r")) == 0
}

// nameEnd gives the length of the field name a line begins with, 0 if the line is no field (RFC 5322 section 3.6.8;
// white space before the colon is section 4.5).
func nameEnd(line []byte) int {
	n := 0
	for n < len(line) && line[n] > ' ' && line[n] < 0x7f && line[n] != ':' {
		n++
	}
	colon := n
	for colon < len(line) && isSpace(line[colon]) {
		colon++
	}
	if colon == len(line) || line[colon] != ':' {
		return 0
	}
	return n
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// around is the white space that is no part of a field body.
const around = " \t\r"

// unfoldText joins the lines of a field body (RFC 5322 section 2.2.3) and takes off the white space around the result.
func unfoldText(raw []byte) string {
	raw = bytes.Trim(raw, around+"\n")
	if bytes.IndexByte(raw, '\n') < 0 {
		return string(raw)
	}
	text := make([]byte, 0, len(raw))
	for line := range bytes.Lines(raw) {
		if n := len(line) - 1; line[n] == '\n' {
			line = bytes.TrimRight(line[:n], "\r")
		}
		text = append(text, line...)
	}
	return string(text)
}

// unfolded is a field body as unfoldText gives it, with the place each octet comes from.
type unfolded struct {
	text string
	from []int
}

// unfold reads the field body raw[start:].
func unfold(raw []byte, start int) unfolded {
	text, from := make([]byte, 0, len(raw)-start), make([]int, 0, len(raw)-start)
	for i := start; i < len(raw); i++ {
		if raw[i] == '\n' {
			n := len(bytes.TrimRight(text, "\r"))
			text, from = text[:n], from[:n]
			continue
		}
		text, from = append(text, raw[i]), append(from, i)
	}
	text = bytes.TrimRight(text, around)
	lead := len(text) - len(bytes.TrimLeft(text, around))
	return unfolded{string(text[lead:]), from[lead:len(text)]}
}
