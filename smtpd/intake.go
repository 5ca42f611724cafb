package smtpd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"

	"sigill/vault/message"
)

// intake reads the message of one DATA or BDAT and lets through only lines that end in CRLF.
//
// Bare CR and NUL are refused, and so is bare LF in DATA (RFC 5321 section 2.3.8): mail systems differ in what they take
// for a line end, and between two that differ a mail can be smuggled. In BDAT a bare LF becomes CRLF, because Exchange
// Online uses BDAT for just those mails. A bare CR is refused there too: no mail program needs it, and whatever it were
// made into could end the header before its subject.
type intake struct {
	r     io.Reader
	bdat  bool
	conn  *conn
	whole func() bool // BDAT has come to its end
	limit int64
	size  int64
	fault error // what every further read ends with

	raw     [4 << 10]byte // of BDAT
	pending []byte        // of raw, not looked at yet

	cr   bool // the last octet was a CR
	next byte // an octet that did not fit: the LF of a CRLF

	libCR bool // go-smtp's reader takes the next LF for a line end
	over  int  // octets of an end of data that go-smtp's reader overlooks
	ended bool // it has overlooked one
}

// end of data, after a line end
const endOfData = ".\r\n"

func (s *session) intake(r io.Reader) *intake {
	// go-smtp hands DATA over as its own reader and BDAT as a pipe.
	_, bdat := r.(*io.PipeReader)
	return &intake{r: r, bdat: bdat, conn: s.conn, whole: s.whole, limit: s.server.limits.MessageSize}
}

func (in *intake) Read(p []byte) (n int, err error) {
	if in.fault != nil {
		return 0, in.fault
	}
	if in.bdat {
		n, err = in.chunk(p)
	} else {
		n, err = in.octets(p)
	}
	if err != nil {
		in.fault = err
	}
	return n, err
}

// octets reads DATA octet by octet. After CR CR LF go-smtp's reader overlooks the end of data and waits for more until
// the deadline, so a longer read would never return, and the client never learn what is wrong with its mail.
func (in *intake) octets(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var got int
		if got, err = in.r.Read(p[n : n+1]); got == 0 {
			continue
		}
		c := p[n]
		was := in.cr
		in.watch(c)
		in.cr = c == '\r'
		if c == 0 || was != (c == '\n') {
			return 0, errBareLine
		}
		n++
		if in.size++; in.size > in.limit {
			return 0, errTooLarge
		}
	}
	if err == io.EOF && in.cr {
		return 0, errBareLine
	}
	return n, err
}

// watch follows go-smtp's reader to see the end of data that it overlooks: one after a CRLF whose CR it took for the
// second of a pair.
func (in *intake) watch(c byte) {
	switch {
	case c == '\n' && in.cr && !in.libCR:
		in.over = 1
	case in.over > 0 && c == endOfData[in.over-1]:
		if in.over++; in.over > len(endOfData) {
			in.ended, in.over = true, 0
		}
	default:
		in.over = 0
	}
	in.libCR = c == '\r' && !in.libCR
}

// chunk reads BDAT.
func (in *intake) chunk(p []byte) (n int, err error) {
	for n < len(p) {
		if in.next != 0 {
			p[n], in.next = in.next, 0
			n++
			continue
		}
		if len(in.pending) == 0 {
			if n > 0 {
				return n, nil
			}
			got, err := in.r.Read(in.raw[:])
			if in.pending = in.raw[:got]; got == 0 {
				switch {
				case err == io.EOF && !in.whole():
					return 0, io.ErrUnexpectedEOF
				case err == io.EOF && in.cr:
					return 0, errBareLine
				case err != nil:
					return 0, err
				}
				continue
			}
			in.conn.progress()
			if in.size += int64(got); in.size > in.limit {
				return 0, errTooLarge
			}
		}
		c := in.pending[0]
		in.pending = in.pending[1:]
		switch {
		case c == 0, in.cr && c != '\n':
			return 0, errBareLine
		case c == '\n' && !in.cr:
			p[n], in.next = '\r', '\n'
		default:
			p[n] = c
		}
		in.cr = c == '\r'
		n++
	}
	return n, nil
}

// whole tells a BDAT message that has come to its end from one whose last chunk was cut off by the client's end of TLS
// (close_notify): go-smtp gives EOF for both. A client that goes on talking before the reply has sent all of it; the
// octet that shows it is lost then, and the connection with it.
//
// go-smtp waits for the result of Data meanwhile and reads nothing.
func (s *session) whole() bool {
	secure, ok := s.smtp.Conn().(*tls.Conn)
	if !ok {
		return true // a conn has no EOF
	}
	s.conn.peek(true)
	defer s.conn.peek(false)
	n, err := secure.Read(make([]byte, 1))
	if n > 0 {
		s.conn.end(errLeave, false)
		s.conn.kill()
	}
	return n > 0 || isTimeout(err)
}

// drain reads what the client still sends of the message, so that the reply comes after it: as many octets again as a
// message may have, or until an end of data that go-smtp's reader overlooked. Then the connection is dead, since nobody
// knows where the next command is.
func (in *intake) drain() {
	if in.fault == io.EOF {
		return
	}
	var one [1]byte
	buf := one[:]
	if in.bdat {
		buf = in.raw[:]
	}
	for left := in.limit; left > 0 && !in.ended; {
		n, err := in.r.Read(buf)
		if n > 0 && !in.bdat {
			in.watch(buf[0])
			in.cr = buf[0] == '\r'
		}
		if err != nil {
			return
		}
		left -= int64(n)
	}
	in.conn.kill()
}

// mail is a message whose header has been read.
type mail struct {
	header []byte // with the empty line that ends it
	start  []byte // of the body
	rest   io.Reader
	fault  string // why the header cannot be read; "" if it can
}

// readHeader reads until the header is whole, or limit octets.
func readHeader(in io.Reader, limit int) (mail, error) {
	var b bytes.Buffer
	for size := 8 << 10; ; size *= 2 {
		_, err := io.CopyN(&b, in, int64(min(size, limit)-b.Len()))
		if err != nil && !errors.Is(err, io.EOF) {
			return mail{}, err
		}
		all := b.Bytes()
		if end := message.HeaderEnd(all); end >= 0 {
			return mail{header: all[:end], start: all[end:], rest: in}, nil
		}
		switch {
		case err != nil:
			return mail{header: all, rest: in}, nil // a message may be all header
		case size >= limit:
			return mail{header: all, rest: in, fault: "it is too long"}, nil
		}
	}
}
