package message

import "bytes"

// maxBuffered is the longest line looked at whole. A boundary line is shorter.
const maxBuffered = 1024

// Indexer makes an [Index] of a message that is written to it. It is an io.Writer that never fails, takes time linear in
// the message and memory that does not grow with it, whatever the message is. It is not for concurrent use.
type Indexer struct {
	limits Limits
	kept   budget
	stack  []*frame // the parts being read, the message first
	parts  int      // begun so far
	needs  int      // parts set aside, one for each multipart that may have to show its rest as one
	open   int      // multiparts whose closing boundary has not come

	offset  int64 // of the next octet to look at
	line    int64 // lines begun before it, in the whole message
	lineLen int64 // octets of the line it is in
	cr      bool  // the octet before it is CR
	eol     int64 // octets of the last line end
	empty   bool  // the line it ended held nothing else

	buffer []byte // the start of a line that has not ended
	header []byte // the header being read, as far as the limit
	body   counter

	root     Part
	envelope Envelope
	defects  []string

	attached func(Header) // nil unless somebody wants to know of messages inside
	level    int          // files it lies in
	file     *file        // the part on top, if it is a message that is not gone into
	limited  bool         // a limit was passed
}

// NewIndexer starts an index. Limits of zero are those of DefaultLimits.
func NewIndexer(l Limits) *Indexer {
	x := &Indexer{limits: l.orDefault(), kept: budget{maxKept}}
	x.begin(&frame{part: textPart(), message: true})
	return x
}

func (l Limits) orDefault() Limits {
	for _, f := range []struct{ have, want *int }{
		{&l.Depth, &DefaultLimits.Depth}, {&l.Parts, &DefaultLimits.Parts},
		{&l.HeaderSize, &DefaultLimits.HeaderSize}, {&l.Recipients, &DefaultLimits.Recipients},
	} {
		if *f.have <= 0 {
			*f.have = *f.want
		}
	}
	return l
}

// Write takes the next octets of the message. It never fails; how the message is cut into writes makes no difference.
func (x *Indexer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(x.buffer) == 0 && x.alone() {
			x.content(p)
			break
		}
		if n := x.plainLines(p); n > 0 {
			x.content(p[:n])
			p = p[n:]
			continue
		}
		i := bytes.IndexByte(p, '\n') + 1
		switch {
		case i > 0 && len(x.buffer) == 0:
			x.piece(p[:i])
		case i > 0:
			x.buffer = append(x.buffer, p[:i]...)
			x.flush()
		case x.lineLen > 0:
			i = len(p)
			x.piece(p)
		default:
			i = min(len(p), maxBuffered+1-len(x.buffer))
			if x.buffer = append(x.buffer, p[:i]...); len(x.buffer) > maxBuffered {
				x.flush()
			}
		}
		p = p[i:]
	}
	return n, nil
}

// plainLines is the octets of the whole lines p begins with that are of a body and cannot be boundaries.
func (x *Indexer) plainLines(p []byte) int {
	if len(x.buffer) > 0 || x.lineLen > 0 || x.top().state == inHeader || p[0] == '-' {
		return 0
	}
	if i := bytes.Index(p, boundaryStart); i >= 0 {
		return i + 1
	}
	return bytes.LastIndexByte(p, '\n') + 1
}

var boundaryStart = []byte("\n--")

func (x *Indexer) flush() {
	x.piece(x.buffer)
	x.buffer = x.buffer[:0]
}

// alone tells that the rest of the message is one body which no boundary can end.
func (x *Indexer) alone() bool { return x.open == 0 && x.top().state != inHeader }

// piece takes a line, or a piece of one that is longer than maxBuffered.
func (x *Indexer) piece(b []byte) {
	whole := x.lineLen == 0 && len(b) <= maxBuffered
	if whole && x.boundary(b) {
		return
	}
	if x.top().state != inHeader {
		x.content(b)
		return
	}
	if room := x.limits.HeaderSize - len(x.header); room > 0 {
		x.header = append(x.header, b[:min(room, len(b))]...)
	}
	x.pass(b)
	if whole && blank(b) {
		x.endHeader()
	}
}

// content takes octets of a body.
func (x *Indexer) content(b []byte) {
	if !x.top().multipart {
		x.body.count(b)
	}
	if x.file != nil {
		x.file.take(b)
	}
	x.pass(b)
}

// pass moves on over b and keeps count of lines.
func (x *Indexer) pass(b []byte) {
	n := len(b)
	if n == 0 {
		return
	}
	if x.lineLen == 0 {
		x.line++
	}
	last := bytes.LastIndexByte(b, '\n')
	if last < 0 {
		x.lineLen += int64(n)
	} else {
		x.ended(b, last)
		x.line += int64(bytes.Count(b[:n-1], newline))
		x.lineLen = int64(n - last - 1)
	}
	x.cr = b[n-1] == '\r'
	x.offset += int64(n)
}

var newline = []byte{'\n'}

// ended notes the line that ended at b[last].
func (x *Indexer) ended(b []byte, last int) {
	length := x.lineLen + int64(last) + 1
	if begin := bytes.LastIndexByte(b[:last], '\n'); begin >= 0 {
		length = int64(last - begin)
	}
	x.eol = 1
	if last > 0 && b[last-1] == '\r' || last == 0 && x.cr {
		x.eol = 2
	}
	x.empty = length == x.eol
}

// Close gives the index of what was written, also of nothing and of a message that was cut off. The Indexer is of no use
// afterwards.
func (x *Indexer) Close() Index {
	x.flush()
	x.unwind(-1, 0)
	return Index{Size: x.offset, Envelope: x.envelope, Root: x.root, Defects: x.defects}
}
