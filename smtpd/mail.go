package smtpd

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"sigill/vault/message"
)

// mail is a message whose header has been read, and read once: what looks at the header looks at its fields.
type mail struct {
	header []byte // with the empty line that ends it
	fields message.Header
	start  []byte // of the body
	rest   io.Reader
	fault  string // why the header cannot be read; "" if it can

	room *block // of header and start; nil if they have their own
}

// readHeader reads until the header is whole, or limit octets. The mail must be freed.
func readHeader(in io.Reader, limit int) (mail, error) {
	m := mail{rest: in, room: blocks.Get().(*block)}
	b, line := m.room[:0], 0 // line is where the line that is not whole yet begins
	for {
		n, err := in.Read(b[len(b):min(cap(b), limit)])
		if b = b[:len(b)+n]; err != nil && !errors.Is(err, io.EOF) {
			m.free()
			return mail{}, err
		}
		end, last := -1, bytes.LastIndexByte(b[len(b)-n:], '\n')
		if last >= 0 {
			end = message.HeaderEnd(b[line:])
		}
		switch {
		case end >= 0:
			m.header, m.start = slices.Clip(b[:line+end]), b[line+end:]
		case err != nil:
			m.header = b // a message may be all header
		case len(b) >= limit:
			m.header, m.fault = b, "it is too long"
		default:
			if last >= 0 {
				line = len(b) - n + last + 1
			}
			b = m.grow(b)
			continue
		}
		m.fields = message.ParseHeader(m.header)
		return m, nil
	}
}

// grow gives a header that fills its room twice as much.
func (m *mail) grow(b []byte) []byte {
	if len(b) < cap(b) {
		return b
	}
	more := make([]byte, len(b), 2*len(b))
	copy(more, b)
	m.free()
	return more
}

// writeTo writes the message with another header.
func (m *mail) writeTo(w io.Writer, header []byte) error {
	for _, part := range [][]byte{header, m.start} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	b := blocks.Get().(*block)
	defer b.free()
	_, err := io.CopyBuffer(w, m.rest, b[:])
	return err
}

// free gives the room back. Nobody may look at header and start after that.
func (m *mail) free() {
	if m.room != nil {
		m.room.free()
		m.room = nil
	}
}
