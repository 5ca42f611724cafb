package web

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// decoded makes an attachment's octets seekable, for requests of ranges (RFC 9110 section 14): a download that was cut
// off goes on where it stopped. Seeking back begins anew and seeking on reads past, which costs the decoding and needs
// no memory.
type decoded struct {
	begin func() io.Reader
	size  int64
	from  io.Reader // nil before the first octet is read
	at    int64     // where from is
	want  int64     // where the next octet is to be from
	err   error     // what from failed with
}

func (d *decoded) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += d.want
	case io.SeekEnd:
		offset += d.size
	}
	if offset < 0 {
		return 0, errors.New("web: seek before the first octet")
	}
	d.want = offset
	return offset, nil
}

func (d *decoded) Read(p []byte) (n int, err error) {
	if d.from == nil || d.want < d.at {
		d.from, d.at = d.begin(), 0
	}
	if d.at < d.want {
		past, err := io.CopyN(io.Discard, d.from, d.want-d.at)
		if d.at += past; err != nil {
			return 0, d.fault(err)
		}
	}
	n, err = d.from.Read(p)
	d.at += int64(n)
	d.want = d.at
	return n, d.fault(err)
}

func (d *decoded) fault(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
	}
	return err
}

// maxRanges is how many ranges one request gets. A range that lies before the last one has the file decoded anew, and a
// header has room for thousands.
const maxRanges = 8

// resumable streams a file as download does, whole or the ranges that are asked for. What a message holds never changes,
// so tag, its place in the vault, is a strong validator.
func (s *Server) resumable(v *visit, name, kind, tag string, size int64, begin func() io.Reader) error {
	if strings.Count(v.r.Header.Get("Range"), ",") >= maxRanges {
		v.r.Header.Del("Range") // RFC 9110 section 14.2: a server may ignore it
	}
	d := &decoded{begin: begin, size: size}
	if _, err := d.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	h := v.w.Header()
	fileHeaders(h, name, kind)
	h.Set("ETag", `"`+tag+`"`)
	d.want = 0
	to := s.paced(v)
	http.ServeContent(&pacedResponse{v.w, to}, v.r, "", time.Time{}, d)
	if d.err != nil {
		s.cutOff(v, to, d.err)
	}
	return nil
}

// pacedResponse is the visitor's answer, whose body goes by a pacedWriter.
type pacedResponse struct {
	http.ResponseWriter
	to *pacedWriter
}

func (w *pacedResponse) Write(p []byte) (int, error) { return w.to.Write(p) }
