package message

import (
	"bytes"
	"slices"
	"strings"
)

// The defects of structure.
const (
	defectHeaderSize = "a header passes the limit, so only its beginning was read"
	defectDepth      = "parts are nested deeper than the limit, so the rest is shown as text"
	defectParts      = "there are more parts than the limit, so the rest is shown as text"
	defectBoundary   = "a multipart has no boundary, so it is shown as text"
	defectChildless  = "a multipart has no parts, so it is shown as text"
	defectOpen       = "a multipart is not closed"
	defectEncoded    = "an embedded message is encoded, so it is shown as text"
)

// maxDefects is how many different ones are told.
const maxDefects = 10

// frame is a part being read.
type frame struct {
	part      Part
	state     state
	message   bool  // its header is that of a message
	digest    bool  // it stands in a multipart/digest
	headLine  int64 // lines begun before the header
	bodyLine  int64 // and before the body
	multipart bool
	boundary  string
	reserved  bool // a part is set aside for it
	overflow  bool // that part was used: it holds the rest
}

type state int

const (
	inHeader state = iota
	inBody
	closed // a multipart after its closing boundary
)

func (x *Indexer) top() *frame { return x.stack[len(x.stack)-1] }

func (x *Indexer) defect(s string) {
	x.limited = x.limited || s == defectHeaderSize || s == defectDepth || s == defectParts
	if len(x.defects) < maxDefects && !slices.Contains(x.defects, s) {
		x.defects = append(x.defects, s)
	}
}

// begin starts a part with its header.
func (x *Indexer) begin(f *frame) {
	f.part.Header = Range{Offset: x.offset}
	f.headLine = x.line
	x.header = x.header[:0]
	x.parts++
	x.stack = append(x.stack, f)
}

// boundary acts on a line if it is a boundary of a multipart on the stack, the innermost first (RFC 2046 section
// 5.1.1). The whole line must be the boundary but for white space at its end, so one boundary may begin with another.
func (x *Indexer) boundary(line []byte) bool {
	if x.open == 0 || !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	rest := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(x.stack) - 1; i >= 0; i-- {
		f := x.stack[i]
		if !f.multipart || f.state == closed || len(rest) < len(f.boundary) || string(rest[:len(f.boundary)]) != f.boundary {
			continue
		}
		switch tail := rest[len(f.boundary):]; {
		case len(tail) == 0 && !f.overflow:
			x.unwind(i, x.eol)
			x.pass(line)
			x.child(f)
			return true
		case string(tail) == "--":
			x.unwind(i, x.eol)
			x.pass(line)
			x.close(f)
			return true
		}
	}
	return false
}

// child starts the next part of a multipart. If no more parts than those set aside are left, the one of this multipart
// takes all the rest of it.
func (x *Indexer) child(f *frame) {
	if x.parts+x.needs < x.limits.Parts {
		x.begin(&frame{part: textPart(), digest: f.part.Subtype == "digest"})
		return
	}
	x.defect(defectParts)
	x.release(f)
	f.overflow = true
	rest := &frame{part: textPart()}
	x.begin(rest)
	rest.part.Encoding = "8bit"
	x.beginBody(rest)
}

func (x *Indexer) close(f *frame) {
	f.state = closed
	x.open--
	x.release(f)
}

func (x *Indexer) release(f *frame) {
	if f.reserved {
		x.needs--
		f.reserved = false
	}
}

func (x *Indexer) beginBody(f *frame) {
	f.state = inBody
	f.part.Header.Size = x.offset - f.part.Header.Offset
	f.part.Body = Range{Offset: x.offset}
	f.bodyLine = x.line
	x.body.begin(f.part.Encoding)
}

// endHeader reads the header of the part on top, which ended or was cut off, and begins its body.
func (x *Indexer) endHeader() {
	f := x.top()
	h := ParseHeader(x.header)
	over := x.offset-f.part.Header.Offset > int64(len(x.header))
	boundary, none := "", len(h.Fields) == 0 && len(x.header) > 0 && !blank(x.header)
	if none {
		h = Header{Defects: []string{defectNoHeader}}
	} else {
		head := f.part.Header
		f.part, boundary = x.kept.part(h, f.digest)
		f.part.Header = head
	}
	for _, d := range h.Defects {
		x.defect(d)
	}
	if over {
		x.defect(defectHeaderSize)
	}
	if f.message {
		x.keepEnvelope(x.kept.envelope(h, x.limits.Recipients))
		if x.attached != nil && x.level+len(x.stack) > 1 {
			x.attached(h)
		}
	}
	x.beginBody(f)
	message := x.attached != nil && f.part.holdsMessage()
	switch {
	case none:
		// What stands where a header should be is text that someone wrote.
		f.part.Body, f.part.Header.Size, f.bodyLine = Range{Offset: f.part.Header.Offset}, 0, f.headLine
	case over && f.part.Type != "text":
		x.opaque(f, defectHeaderSize)
	case f.part.Type == typeMultipart:
		x.beginMultipart(f, boundary)
	case f.part.embeds():
		x.beginEmbedded(f)
	}
	if message && x.top() == f && !f.multipart {
		x.beginFile(f.part.Encoding)
	}
}

// keepEnvelope stores the envelope of the message on top: with the index, or with the part it is embedded in.
func (x *Indexer) keepEnvelope(e Envelope) {
	if n := len(x.stack); n > 1 {
		x.stack[n-2].part.Envelope = &e
		return
	}
	x.envelope = e
}

func (x *Indexer) beginMultipart(f *frame, boundary string) {
	switch {
	case boundary == "":
		x.opaque(f, defectBoundary)
	case len(x.stack) >= x.limits.Depth:
		x.opaque(f, defectDepth)
	case x.parts+x.needs >= x.limits.Parts:
		x.opaque(f, defectParts)
	default:
		f.multipart, f.boundary, f.reserved = true, boundary, true
		x.open++
		x.needs++
	}
}

func (x *Indexer) beginEmbedded(f *frame) {
	switch {
	case !identity(f.part.Encoding):
		x.opaque(f, defectEncoded)
	case len(x.stack) >= x.limits.Depth:
		x.opaque(f, defectDepth)
	case x.parts+x.needs >= x.limits.Parts:
		x.opaque(f, defectParts)
	default:
		x.begin(&frame{part: textPart(), message: true})
	}
}

// opaque makes a part one leaf of text, as it stands.
func (x *Indexer) opaque(f *frame, why string) {
	x.defect(why)
	f.part.asText()
	x.body.begin(f.part.Encoding)
}

// asText makes a part text/plain. A multipart cannot be encoded (RFC 2045 section 6.4), so one that says so is not.
func (p *Part) asText() {
	if p.Type == typeMultipart && !identity(p.Encoding) {
		p.Encoding = "8bit"
	}
	p.Type, p.Subtype = "text", "plain"
	p.Params = slices.DeleteFunc(p.Params, func(q Param) bool { return q.Name == "boundary" || q.Name == "type" })
}

// embeds tells a part whose body is a message (RFC 2046 section 5.2.1, RFC 6532 section 3.7).
func (p *Part) embeds() bool {
	return p.Type == typeMessage && (p.Subtype == "rfc822" || p.Subtype == "global")
}

// identity tells the encodings that change nothing; one that is not known is taken for such.
func identity(encoding string) bool {
	return !strings.EqualFold(encoding, "base64") && !strings.EqualFold(encoding, "quoted-printable")
}

// unwind ends the parts above stack[keep]. The last line end belongs to the boundary that ended them, if one did.
func (x *Indexer) unwind(keep int, eol int64) {
	for len(x.stack)-1 > keep {
		if x.top().state == inHeader {
			x.endHeader()
			continue
		}
		x.end(eol)
	}
}

// end ends the part on top and hands it to the part it is in.
func (x *Indexer) end(eol int64) {
	f := x.top()
	x.endFile()
	p := &f.part
	p.Body.Size = max(0, x.offset-eol-p.Body.Offset)
	if p.Body.Size > 0 {
		p.Lines = x.line - f.bodyLine
		if eol > 0 && x.empty {
			p.Lines--
		}
	}
	p.Decoded = p.Body.Size
	if f.multipart && f.state != closed {
		x.defect(defectOpen)
		x.close(f)
	}
	switch {
	case f.multipart && len(p.Children) == 0:
		x.defect(defectChildless)
		p.asText()
	case len(p.Children) == 0:
		p.Decoded = x.body.size(p.Body.Size, eol)
		p.Trimmed = x.body.encoding == "quoted-printable"
	}
	x.stack = x.stack[:len(x.stack)-1]
	if n := len(x.stack); n > 0 {
		x.stack[n-1].part.Children = append(x.stack[n-1].part.Children, *p)
		return
	}
	x.root = *p
}
