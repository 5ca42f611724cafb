package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"sync"
)

// blocks are what messages are copied through.
var blocks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// stream writes a message as DATA wants it, up to the line with the dot (RFC 5321 section 4.5.2). It tells the errors of
// the two sides apart: the reader's come back as they are.
func stream(w *bufio.Writer, message io.Reader) error {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	lines := lines{fresh: true}
	for {
		n, err := message.Read(block[:])
		if !lines.paired(block[:n]) || err == io.EOF && lines.cr {
			return ErrBareLine
		}
		if werr := lines.copy(w, block[:n]); werr != nil {
			return dropped(werr)
		}
		switch {
		case err == io.EOF:
			if !lines.fresh {
				_, _ = w.WriteString("\r\n") // a chunked message may end within a line; the error stays in w
			}
			return nil
		case err != nil:
			return fmt.Errorf("relay: read message: %w", err)
		}
	}
}

// lines is where in a line the next octet is.
type lines struct {
	cr    bool // after a CR
	fresh bool // at the beginning
}

var (
	cr   = []byte{'\r'}
	lf   = []byte{'\n'}
	crlf = []byte{'\r', '\n'}
)

// paired tells whether each CR has its LF and each LF its CR.
func (s *lines) paired(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if s.cr {
		if b[0] != '\n' {
			return false
		}
		b = b[1:]
	}
	s.cr = len(b) > 0 && b[len(b)-1] == '\r'
	if s.cr {
		b = b[:len(b)-1]
	}
	pairs := bytes.Count(b, crlf)
	return bytes.Count(b, cr) == pairs && bytes.Count(b, lf) == pairs
}

// copy doubles the dots that begin a line.
func (s *lines) copy(w *bufio.Writer, b []byte) error {
	for len(b) > 0 {
		if s.fresh && b[0] == '.' {
			_ = w.WriteByte('.') // the error comes with the next Write
		}
		n := len(b)
		if i := bytes.Index(b, []byte("\n.")); i >= 0 {
			n = i + 1
		}
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		s.fresh = b[n-1] == '\n'
		b = b[n:]
	}
	return nil
}
