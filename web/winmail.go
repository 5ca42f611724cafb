package web

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"sigill/vault"
	"sigill/vault/message"
	"sigill/vault/message/tnef"
)

// maxWinmail is the longest winmail.dat that is unpacked, since that is done in memory, at each reading. A longer one is
// a file like another.
const maxWinmail = 40 << 20

// packed is a file that lies in a winmail.dat.
type packed struct {
	file
	data []byte
}

// winmail gives the files in a winmail.dat (TNEF), as which Outlook may send a mail; none if the part is something else,
// or if not all of it can be read: then the part itself is a file, and nothing is hidden. Of a mail that has no other
// text the text in it is a file too.
func winmail(v *visit, c *vault.Content, p *message.Part, at []int) (out []packed, err error) {
	kind := p.Type + "/" + p.Subtype
	if kind != "application/ms-tnef" && kind != "application/vnd.ms-tnef" && !strings.EqualFold(p.FileName(), "winmail.dat") || p.Decoded > maxWinmail || c.Fenced(p) {
		return nil, nil
	}
	raw, err := io.ReadAll(message.Body(p, c.Section(p.Body)))
	if err != nil {
		return nil, err
	}
	m, err := tnef.Decode(raw)
	if err != nil || len(m.Defects) > 0 {
		return nil, nil
	}
	add := func(name, kind string, data []byte) {
		place := partName(at) + "-" + strconv.Itoa(len(out)+1)
		out = append(out, packed{file{Part: place, Name: cleanName(name), Type: kind, Size: int64(len(data))}, data})
	}
	if len(c.Index().Texts("html")) == 0 {
		name := v.lang.text("file.message")
		switch {
		case len(m.HTML) > 0:
			add(name+".html", "text/html", m.HTML)
		case len(m.RTF) > 0:
			add(name+".rtf", "application/rtf", m.RTF)
		case m.Text != "":
			add(name+".txt", "text/plain", []byte(m.Text))
		}
	}
	for _, a := range m.Attachments {
		kind := strings.ToLower(a.Type)
		if kind == "" {
			kind = "application/octet-stream"
		}
		add(a.Name, kind, a.Data)
	}
	return out, nil
}

// packedPart downloads a file that lies in a winmail.dat.
func (s *Server) packedPart(v *visit, c *vault.Content, p *message.Part, at []int, place string) error {
	files, err := winmail(v, c, p, at)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Part == place {
			return s.download(v, nameOf(v, f.file), safeType(f.Type), bytes.NewReader(f.data))
		}
	}
	return vault.ErrNotFound
}
