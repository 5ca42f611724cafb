package web

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"sigill/vault"
	"sigill/vault/message"
)

// file is an attachment in a list.
type file struct {
	Part string // its place in the mail, for the address
	Name string // "" if it has none
	Type string
	Size int64
	// Fenced tells that it may be malware and is not handed out.
	Fenced bool
}

// Kind is the type in a word: the ending of the name if it has a short one, else what the mail says.
func (f file) Kind() string {
	ending := strings.TrimPrefix(path.Ext(f.Name), ".")
	if n := len(ending); n > 0 && n < 6 && !strings.ContainsFunc(ending, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return strings.ToUpper(ending)
	}
	return f.Type
}

// filesOf are the files that a reader is offered.
func filesOf(v *visit, c *vault.Content, used map[string]bool) (out []file, err error) {
	for f, err := range attachedTo(v, c, used) {
		if err != nil {
			return nil, err
		}
		out = append(out, f.file)
	}
	return out, nil
}

func fileOf(c *vault.Content, p *message.Part, at []int) file {
	return file{Part: partName(at), Name: cleanName(p.FileName()), Type: p.Type + "/" + p.Subtype, Size: p.Decoded, Fenced: c.Fenced(p)}
}

// partName is a path of child indexes as it stands in an address: "1.2", "0" for the message itself.
func partName(at []int) string {
	if len(at) == 0 {
		return "0"
	}
	names := make([]string, len(at))
	for i, n := range at {
		names[i] = strconv.Itoa(n + 1)
	}
	return strings.Join(names, ".")
}

// maxFileName is short enough for every file system, in octets of UTF-8.
const maxFileName = 150

// cleanName is the last element of the name a file gives itself, without what a file system or an eye can be fooled by.
func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`:*?"<>|`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(strings.Join(strings.Fields(name), " "), ". ")
	if len(name) > maxFileName {
		end := strings.LastIndexByte(name, '.')
		ending := ""
		if end > 0 && len(name)-end < 12 {
			ending = name[end:]
		}
		name = strings.ToValidUTF8(name[:maxFileName-len(ending)], "") + ending
	}
	return name
}

// safeTypes are what a download may be called; all else is octets. No browser runs any of them.
var safeTypes = []string{
	"application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "text/plain", "text/csv",
	"application/msword", "application/vnd.ms-excel", "application/zip", "message/rfc822",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
}

// part downloads a part of the message.
func (s *Server) part(v *visit, r *vault.Reader) error {
	c, info, err := s.saved(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	place := v.r.PathValue("part")
	outer, _, inside := strings.Cut(place, "-")
	for at, p := range c.Index().Walk() {
		if partName(at) != outer || p.Type == "multipart" {
			continue
		}
		if c.Fenced(p) {
			return vault.ErrFenced
		}
		if inside {
			return s.packedPart(v, c, p, at, place)
		}
		f := file{Part: partName(at), Name: cleanName(p.FileName()), Type: p.Type + "/" + p.Subtype}
		tag := info.ID.String() + "-" + place
		return s.resumable(v, nameOf(v, f), safeType(f.Type), tag, p.Decoded, func() io.Reader { return message.Body(p, c.Section(p.Body)) })
	}
	return vault.ErrNotFound
}

// nameOf is what a file is saved under.
func nameOf(v *visit, f file) string {
	switch {
	case f.Name == "" && f.Type == "message/rfc822":
		return v.lang.text("file.message") + ".eml"
	case f.Name == "":
		return v.lang.text("file.unnamed") + "-" + f.Part
	}
	return f.Name
}

func safeType(kind string) string {
	if slices.Contains(safeTypes, kind) {
		return kind
	}
	return "application/octet-stream"
}

// saved opens the message of the address to be kept by its reader; its sender is told that a person has a copy.
func (s *Server) saved(v *visit, r *vault.Reader) (*vault.Content, vault.Info, error) {
	c, info, err := s.opened(v, r)
	if err != nil || !v.who.IsPerson() || !slices.ContainsFunc(info.Recipients, func(r vault.RecipientState) bool { return r.Status != vault.Saved && r.Status != vault.Replied }) {
		return c, info, err
	}
	if err := r.Saved(v.r.Context(), info.ID); err != nil {
		c.Close()
		return nil, info, err
	}
	return c, info, nil
}

// dayName is the day of a message in the name of a file.
func dayName(info vault.Info) string { return info.At.In(stockholm).Format("2006-01-02") }

// raw downloads the mail as it came in.
func (s *Server) raw(v *visit, r *vault.Reader) error {
	c, info, err := s.saved(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Fenced(&c.Index().Root) {
		return vault.ErrFenced
	}
	id := info.ID.String()
	return s.resumable(v, v.lang.text("file.message")+"-"+id[:8]+".eml", "message/rfc822", id, c.Size(), func() io.Reader { return io.NewSectionReader(c, 0, c.Size()) })
}

// download streams a file. Its first octet is read before the header goes out, so that a fault there is a page; a later
// one cuts the connection, so that half a file is not taken for a whole.
func (s *Server) download(v *visit, name, kind string, from io.Reader) error {
	b := bufio.NewReaderSize(from, 64<<10)
	if _, err := b.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	fileHeaders(v.w.Header(), name, kind)
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	to := s.paced(v)
	if _, err := io.Copy(to, onlyReader{b}); err != nil {
		s.cutOff(v, to, err)
	}
	return nil
}

func fileHeaders(h http.Header, name, kind string) {
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(name))
	h.Set("Content-Security-Policy", policyFile)
}

// cutOff ends a download that failed.
func (s *Server) cutOff(v *visit, to *pacedWriter, err error) {
	if to.err == nil { // ours, not the visitor's
		s.log.Error("web: a download was cut off", "route", v.r.Pattern, "err", err)
	}
	panic(http.ErrAbortHandler)
}

type onlyReader struct{ io.Reader }

type pacedWriter struct {
	io.Writer
	pace
	err error
}

func (s *Server) paced(v *visit) *pacedWriter {
	return &pacedWriter{Writer: v.w, pace: pace{control: http.NewResponseController(v.w), now: s.now}}
}

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	w.on()
	n, err = w.Writer.Write(p)
	w.err = err
	return n, err
}

// disposition is Content-Disposition with the name twice (RFC 6266 section 4.3): in ASCII for old programs, and by RFC 8187.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	encoded := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + encoded
}
