package message

import "strings"

// OnAttached has f called with the header of each message inside the one that is written, as soon as that header has come:
// of embedded messages, and of those that an index shows as a file: encoded ones, files named .eml and the header of a
// returned message (RFC 6522 section 3). It must be called before the first Write. What reading files keeps is taken from
// what the index may keep.
func (x *Indexer) OnAttached(f func(Header)) { x.attached = f }

// Limited tells that some message inside may not have been seen, because the mail passes a limit.
func (x *Indexer) Limited() bool {
	return x.limited || x.kept.left <= 0 || x.file != nil && x.file.Limited()
}

// InHeader tells that the header of a message inside has begun and not ended.
func (x *Indexer) InHeader() bool {
	f := x.top()
	return f.message && f.state == inHeader && x.level+len(x.stack) > 1 || x.file != nil && x.file.InHeader()
}

// maxLevel is how deep files may lie in files that are messages; the memory of a reader goes with it.
const maxLevel = 5

// file is a part that is a message and not a part of the index, read by an indexer of its own.
type file struct {
	*Indexer
	decoder decoder // nil if it is not encoded
	decoded []byte
}

// holdsMessage tells a part that may be a message as a file.
func (p *Part) holdsMessage() bool {
	return p.embeds() || p.Type == "text" && p.Subtype == "rfc822-headers" ||
		strings.HasSuffix(strings.ToLower(strings.TrimRight(p.FileName(), " .")), ".eml")
}

// beginFile starts to read the body of the part on top as a message.
func (x *Indexer) beginFile(encoding string) {
	if x.level == maxLevel {
		x.limited = true
		return
	}
	in := NewIndexer(x.limits)
	in.attached, in.level, in.kept = x.attached, x.level+1, x.kept
	x.file = &file{Indexer: in, decoder: decoderOf(encoding, true)}
}

func (f *file) take(b []byte) {
	if f.decoder == nil {
		_, _ = f.Write(b)
		return
	}
	for len(b) > 0 {
		n := min(len(b), 4096)
		f.decoded = f.decoder.decode(f.decoded[:0], b[:n])
		_, _ = f.Write(f.decoded)
		b = b[n:]
	}
}

// endFile ends it: a message may be all header.
func (x *Indexer) endFile() {
	if x.file == nil {
		return
	}
	if f := x.file; f.decoder != nil {
		_, _ = f.Write(f.decoder.end(nil))
	}
	_ = x.file.Close()
	x.limited, x.kept, x.file = x.limited || x.file.Limited(), x.file.kept, nil
}
