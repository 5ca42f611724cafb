package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
)

// upload is a body that is read as it comes. [http.Request.ParseMultipartForm] would keep attachments in files in clear,
// so nothing here uses it.
type upload struct {
	pace
	from io.Reader
	left int64
	err  error // the first of its own, also where a reader above hides it
}

// overhead is the octets of a form beside text and attachments.
const overhead = 1 << 20

func (s *Server) upload(v *visit) *upload {
	return &upload{
		pace: pace{control: http.NewResponseController(v.w), now: s.now, answer: verdictTime},
		from: v.r.Body,
		left: s.config.Limits.ReplySize + int64(s.config.Limits.ReplyText) + overhead,
	}
}

func (u *upload) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.on()
	n, err := u.from.Read(p)
	if u.left -= int64(n); u.left < 0 {
		u.err = errTooLarge
		return 0, u.err
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.err = errTooSlow
	case err != nil && !errors.Is(err, io.EOF):
		u.err = err
	}
	if u.err != nil {
		err = u.err
	}
	return n, err
}

// drain reads what is left, within reason: a browser that is still sending does not look at an answer.
func (u *upload) drain() {
	const most = 512 << 20
	b := make([]byte, 64<<10)
	for total := 0; total < most && (u.err == nil || errors.Is(u.err, errTooLarge)); {
		u.on()
		n, err := u.from.Read(b)
		if total += n; err != nil {
			return
		}
	}
}

// postForm is a form with attachments while it comes in. The files are its last field, and browsers send the fields in
// their order (HTML, "constructing the entry list"), so all others are whole before the first attachment begins.
type postForm struct {
	values map[string]string
	parts  *multipart.Reader
	first  *multipart.Part // the first attachment, nil if there is none
	u      *upload
}

// maxToken is more than the octets of a form's token.
const maxToken = 1024

// replyFields are the fields of a reply. More text than the limit is kept for the page that tells so.
func replyFields(maxText int) map[string]int {
	return map[string]int{"form": maxToken, "text": 2 * maxText}
}

// readForm reads up to the first attachment: the first value of each of the fields, of so many octets at most. With an error
// comes what was read before it, if anything was.
func readForm(u *upload, r *http.Request, fields map[string]int) (*postForm, error) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{u, r.Body}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, errBadForm
	}
	f := &postForm{values: map[string]string{}, parts: parts, u: u}
	for {
		p, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return f, f.fault()
		}
		name := p.FormName()
		if name == "files" && p.FileName() != "" {
			f.first = p
			return f, nil
		}
		if most := fields[name]; most > 0 && f.values[name] == "" {
			if f.values[name], err = readField(p, most); err != nil {
				return f, errors.Join(err, f.fault())
			}
		}
	}
}

// next is the next attachment, nil after the last.
func (f *postForm) next() (*multipart.Part, error) {
	if p := f.first; p != nil {
		f.first = nil
		return p, nil
	}
	for {
		p, err := f.parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, f.fault()
		case p.FormName() == "files" && p.FileName() != "":
			return p, nil
		}
	}
}

// fault is why the form could not be read on.
func (f *postForm) fault() error {
	if f.u.err != nil {
		return f.u.err
	}
	return errBadForm
}

func readField(p *multipart.Part, most int) (string, error) {
	b, err := io.ReadAll(io.LimitReader(p, int64(most)+1))
	if err == nil && len(b) > most {
		err = errTooLarge
	}
	return string(b), err
}

// heard tells whether it was the reader that failed, where reading and writing are one call.
type heard struct {
	io.Reader
	err error
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}
