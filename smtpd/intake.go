package smtpd

import (
	"bytes"
	"crypto/tls"
	"io"

	"github.com/emersion/go-smtp"
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

	raw     *block // nil until it is needed; of BDAT, or thrown away
	pending []byte // of raw, not looked at yet

	cr   bool // the last octet was a CR
	next byte // an octet that did not fit: the LF of a CRLF

	direct bool // DATA is read from the connection itself
	text   text
	bare   bool // it has been seen to hold other line ends

	libCR bool // go-smtp's reader takes the next LF for a line end
	over  int  // octets of an end of data that go-smtp's reader overlooks
	ended bool // it has overlooked one
}

func (s *session) intake(r io.Reader) *intake {
	// go-smtp hands DATA over as its own reader and BDAT as a pipe.
	_, bdat := r.(*io.PipeReader)
	in := &intake{r: r, bdat: bdat, conn: s.conn, whole: s.whole, limit: s.server.limits.MessageSize}
	in.direct = !bdat && s.conn.plain && s.conn.line
	in.text.fresh = true
	return in
}

func (in *intake) Read(p []byte) (n int, err error) {
	if in.fault != nil {
		return 0, in.fault
	}
	if in.bdat {
		n, err = in.chunk(p)
	} else {
		n, err = in.lines(p)
	}
	if err != nil {
		in.fault = err
	}
	return n, err
}

// lines reads DATA.
func (in *intake) lines(p []byte) (n int, err error) {
	for n < len(p) && err == nil && (n == 0 || in.conn.ready()) {
		var got int
		got, err = in.sip(p[n:])
		part := p[n : n+got]
		if !in.clean(part) {
			in.bare = true
			return 0, errBareLine
		}
		n += got
		if in.size += int64(got); in.size > in.limit {
			return 0, errTooLarge
		}
	}
	if err == io.EOF && in.cr {
		return 0, errBareLine
	}
	return n, err
}

// sip reads what there is of DATA and waits only for the first of it. After CR CR LF go-smtp's reader overlooks the end of
// data and waits for more until the deadline, so a longer read would never return, and the client never learn what is
// wrong with its mail.
func (in *intake) sip(p []byte) (n int, err error) {
	if in.direct {
		return in.take(p)
	}
	defer in.conn.allow(anyNumber)
	for reads := 0; n == 0; reads = 1 { // first what the layers above the connection have
		in.conn.allow(reads)
		if n, err = in.r.Read(p); isTimeout(err) {
			err = nil
		}
		if err != nil {
			break
		}
	}
	return n, err
}

// take reads what there is of DATA past go-smtp's reader, which takes octet after octet. It leaves the end of data to it.
func (in *intake) take(p []byte) (n int, err error) {
	for enough := true; ; enough = false {
		b, err := in.conn.next(enough)
		if err != nil {
			return 0, err
		}
		n, took, end, err := in.text.copy(p, b)
		in.conn.skip(took)
		switch {
		case end:
			return n, io.EOF
		case took > 0 || err != nil:
			return n, err
		}
	}
}

// clean tells whether each CR of b has its LF and each LF its CR, and no octet is NUL. As long as that holds go-smtp's
// reader sees the same lines; after that what it overlooks is watched for.
func (in *intake) clean(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	begins, ends := in.cr, b[len(b)-1] == '\r'
	pairs := bytes.Count(b, crlf)
	if begins != (b[0] == '\n') || bytes.Count(b, lf) != pairs+count(begins) || bytes.Count(b, cr) != pairs+count(ends) ||
		bytes.IndexByte(b, 0) >= 0 {
		in.watch(b)
		return false
	}
	in.cr, in.libCR = ends, ends
	return true
}

var (
	cr   = []byte{'\r'}
	lf   = []byte{'\n'}
	crlf = []byte{'\r', '\n'}
)

func count(one bool) int {
	if one {
		return 1
	}
	return 0
}

// watch follows go-smtp's reader to see the end of data that it overlooks: one after a CRLF whose CR it took for the
// second of a pair.
func (in *intake) watch(b []byte) {
	for _, c := range b {
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
		in.cr = c == '\r'
	}
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
			got, err := in.r.Read(in.room()[:])
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

// room is where octets are put that nobody has room for.
func (in *intake) room() *block {
	if in.raw == nil {
		in.raw = blocks.Get().(*block)
	}
	return in.raw
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
	s.conn.allow(0)
	defer s.conn.allow(anyNumber)
	n, err := secure.Read(make([]byte, 1))
	if n > 0 {
		s.conn.end(errLeave, false)
		s.conn.kill()
	}
	return n > 0 || isTimeout(err)
}

// heardOut is how many octets of a refused message are read where a message may not have as many.
const heardOut = 64 << 20

// end reads what the client still sends of the message, so that the reply comes after it: as many octets again as a
// message may have, heardOut at least, or until an end of data that go-smtp's reader overlooked. Then the connection is
// dead, since nobody knows where the next command is. What follows a line that is too long is heard out when it is closed.
// If a message that was read from the connection itself holds other line ends, who sent it may have meant another end.
func (in *intake) end() {
	defer func() {
		if in.raw != nil {
			in.raw.free()
		}
	}()
	if in.fault == io.EOF {
		return
	}
	next := in.sip
	if in.bdat {
		next = in.r.Read
	}
	for left := max(in.limit, heardOut); left > 0 && !in.ended; {
		b := in.room()[:]
		n, err := next(b)
		switch {
		case in.direct:
			in.bare = !in.clean(b[:n]) || in.bare
		case !in.bdat:
			in.watch(b[:n])
		}
		if err != nil {
			in.fault = err
		}
		if err == smtp.ErrTooLongLine || err == io.EOF && in.bare { // the first as every further read will
			break
		}
		if err != nil {
			return
		}
		left -= int64(n)
	}
	in.conn.kill()
}
