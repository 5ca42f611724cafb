package web

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigill/vault"
	"sigill/vault/message"
	"sigill/web/clean"
)

// zip downloads all attachments as one file, made while it is sent. They are not compressed: most are already, and a
// reader's processor has less to do than ours.
func (s *Server) zip(v *visit, r *vault.Reader) error {
	c, info, err := s.saved(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	used, err := shownInText(c)
	if err != nil {
		return err
	}
	if len(slices.DeleteFunc(c.Index().Attachments(used), c.Fenced)) == 0 {
		return vault.ErrNotFound
	}
	fileHeaders(v.w.Header(), v.lang.text("message.files")+"-"+dayName(info)+".zip", "application/zip")
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	to := s.paced(v)
	z := &zipped{Writer: zip.NewWriter(to), at: info.At, used: map[string]bool{}}
	if err := z.all(v, c, used); err != nil {
		s.cutOff(v, to, err)
	}
	return nil
}

// shownInText are the Content-IDs of what the mail's HTML shows, which is not listed as attached.
func shownInText(c *vault.Content) (map[string]bool, error) {
	p, ok := c.Index().BestText("html")
	if !ok || p.Decoded > clean.MaxSize {
		return nil, nil
	}
	text, _, err := message.TextString(p, c.Section(p.Body), clean.MaxSize)
	return message.ContentIDs(text), err
}

// zipped is a ZIP file that is written.
type zipped struct {
	*zip.Writer
	at   time.Time
	used map[string]bool // names, in lower case
}

// all writes the files that are handed out.
func (z *zipped) all(v *visit, c *vault.Content, used map[string]bool) error {
	for f, err := range attachedTo(v, c, used) {
		if err == nil && !f.Fenced {
			err = z.add(nameOf(v, f.file), f.open())
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

func (z *zipped) add(name string, from io.Reader) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: z.name(name), Method: zip.Store, Modified: z.at.In(stockholm)})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}

// devices are names that Windows takes for something else than files.
var devices = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// name is one that the file does not have yet, on systems too that do not tell "A" from "a".
func (z *zipped) name(name string) string {
	if devices.MatchString(name) {
		name = "_" + name
	}
	ending := path.Ext(name)
	stem, unique := strings.TrimSuffix(name, ending), name
	for n := 2; z.used[strings.ToLower(unique)]; n++ {
		unique = fmt.Sprintf("%s (%d)%s", stem, n, ending)
	}
	z.used[strings.ToLower(unique)] = true
	return unique
}
