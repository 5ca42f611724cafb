package imapd

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"strings"

	"github.com/emersion/go-imap/v2"

	"sigill/vault/message"
)

// section is the octets a BODY[...] names, with their number.
type section struct {
	io.Reader
	size   int64
	binary bool // may have NUL, which a literal may not (RFC 3516 section 4.3, literal8)
}

// openSection finds the octets of an item of FETCH (RFC 3501 section 6.4.5). What does not exist has none.
func openSection(c content, item *imap.FetchItemBodySection) (section, error) {
	r := locate(c.Index(), item)
	if len(item.HeaderFields) > 0 || len(item.HeaderFieldsNot) > 0 {
		return openFields(c, r, item)
	}
	skip, size := cut(item.Partial, r.Size)
	r.Offset += skip
	return section{Reader: c.Section(message.Range{Offset: r.Offset, Size: size}), size: size}, nil
}

// cut gives what a partial "<offset.size>" leaves of size octets, without adding the two: the client chooses them.
func cut(p *imap.SectionPartial, size int64) (skip, left int64) {
	if p == nil {
		return 0, size
	}
	skip = min(p.Offset, size)
	return skip, min(p.Size, size-skip)
}

// checkSections refuses what the library lets through though the grammar does not.
func checkSections(o *imap.FetchOptions) error {
	far := func(p *imap.SectionPartial) bool { return p != nil && p.Offset > math.MaxUint32 }
	for _, item := range o.BodySection {
		if item.Specifier == imap.PartSpecifierMIME && len(item.Part) == 0 {
			return errMIMEPart
		}
		if far(item.Partial) {
			return errPartial
		}
	}
	for _, item := range o.BinarySection {
		if far(item.Partial) {
			return errPartial
		}
	}
	return nil
}

// locate is where a section lies, whatever is asked of its fields or range.
func locate(ix *message.Index, item *imap.FetchItemBodySection) message.Range {
	if len(item.Part) == 0 {
		body := ix.Root.Header.Offset + ix.Root.Header.Size
		switch item.Specifier {
		case imap.PartSpecifierHeader:
			return ix.Root.Header
		case imap.PartSpecifierText:
			return message.Range{Offset: body, Size: ix.Size - body}
		}
		return message.Range{Size: ix.Size}
	}
	p, ok := ix.Part(item.Part...)
	if !ok {
		return message.Range{}
	}
	switch item.Specifier {
	case imap.PartSpecifierMIME:
		return p.Header
	case imap.PartSpecifierHeader, imap.PartSpecifierText:
		// Only an embedded message has these.
		if !embeds(p) {
			return message.Range{}
		}
		if item.Specifier == imap.PartSpecifierHeader {
			return p.Children[0].Header
		}
		return p.Children[0].Body
	}
	return p.Body
}

// embeds tells a message/rfc822 part.
func embeds(p *message.Part) bool {
	return p.Type == "message" && len(p.Children) == 1 && p.Envelope != nil
}

// openFields is HEADER.FIELDS and HEADER.FIELDS.NOT. The size must be told first, so the header is read twice; it is held
// in memory by no more than a buffer.
func openFields(c content, r message.Range, item *imap.FetchItemBodySection) (section, error) {
	size, err := io.Copy(io.Discard, newFields(c.Section(r), item))
	if err != nil {
		return section{}, err
	}
	skip, left := cut(item.Partial, size)
	out := newFields(c.Section(r), item)
	if _, err := io.CopyN(io.Discard, out, skip); err != nil {
		return section{}, err
	}
	return section{Reader: io.LimitReader(out, left), size: left}, nil
}

// fields reads a header and leaves fields out. The empty line at the end stays.
type fields struct {
	in    *bufio.Reader
	names []string
	not   bool
	piece []byte // kept and not yet read
	keep  bool   // of the field the last line belongs to
	open  bool   // in the middle of a line
}

func newFields(r io.Reader, item *imap.FetchItemBodySection) *fields {
	f := choice(item)
	f.in = bufio.NewReader(r)
	return &f
}

func choice(item *imap.FetchItemBodySection) fields {
	if len(item.HeaderFields) == 0 {
		return fields{names: item.HeaderFieldsNot, not: true}
	}
	return fields{names: item.HeaderFields}
}

// appendFields is what newFields reads, of a header in memory.
func appendFields(dst, header []byte, item *imap.FetchItemBodySection) []byte {
	f := choice(item)
	for line := range bytes.Lines(header) {
		if f.keep = f.wanted(line); f.keep {
			dst = append(dst, line...)
		}
	}
	return dst
}

// Read is io.Reader's.
func (f *fields) Read(p []byte) (int, error) {
	for len(f.piece) == 0 {
		piece, err := f.in.ReadSlice('\n')
		if len(piece) == 0 && err != nil {
			return 0, err
		}
		if !f.open {
			f.keep = f.wanted(piece)
		}
		f.open = err == bufio.ErrBufferFull
		if f.keep {
			f.piece = piece
		}
	}
	n := copy(p, f.piece)
	f.piece = f.piece[n:]
	return n, nil
}

// wanted tells whether a line that begins so is kept. One that begins with white space goes with the one before it.
func (f *fields) wanted(line []byte) bool {
	switch {
	case line[0] == ' ', line[0] == '\t':
		return f.keep
	case len(bytes.TrimRight(line, "\r\n")) == 0:
		return true
	}
	name, _, found := bytes.Cut(line, []byte(":"))
	if !found {
		return f.not
	}
	name = bytes.TrimRight(name, " \t")
	for _, n := range f.names {
		if len(n) == len(name) && strings.EqualFold(n, string(name)) {
			return !f.not
		}
	}
	return f.not
}
