package web

import (
	"io"
	"net/http"

	"sigill/vault"
	"sigill/vault/message"
)

// A file that may be malware is not handed out where files are. Staff whose message it is may have it all the same, from a
// page that says what was found and what to do first; each time is in the audit. A person cannot: theirs is what they sent.

// wholeMail stands for the mail as it came in, in the place of a part.
const wholeMail = "raw"

type fencedBody struct {
	ID    string
	File  file
	Found string // "" as long as the scanner has not looked
	Whole bool   // the mail with all its files
}

// fencedPage says what was found, and offers the step.
func (s *Server) fencedPage(v *visit, r *vault.Reader) error {
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	b := fencedBody{ID: info.ID.String()}
	if b.File, err = fencedFile(v, c); err != nil {
		return err
	}
	if b.Whole = v.r.PathValue("part") == wholeMail; info.Fence != nil {
		b.Found = info.Fence.Found
	}
	return s.render(v, http.StatusOK, "fenced", v.lang.text("fenced.title"), b)
}

// takeFenced downloads what is behind the fence.
func (s *Server) takeFenced(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	fenced, err := r.Open(v.r.Context(), id)
	if err != nil {
		return err
	}
	f, err := fencedFile(v, fenced[0])
	fenced[0].Close()
	if err != nil {
		return err
	}
	c, err := r.OpenFenced(v.r.Context(), id)
	if err != nil {
		return err
	}
	defer c.Close()
	var from io.Reader = io.NewSectionReader(c, 0, c.Size())
	if f.Part != wholeMail {
		p := partOf(c, f.Part)
		from = message.Body(p, c.Section(p.Body))
	}
	return s.download(v, nameOf(v, f), "application/octet-stream", from)
}

// fencedFile is the file of the address. ErrNotFound if there is none, or if it is not behind the fence.
func fencedFile(v *visit, c *vault.Content) (f file, err error) {
	place := v.r.PathValue("part")
	if place == wholeMail {
		f = file{Part: place, Type: "message/rfc822", Size: c.Size(), Fenced: c.Fenced(&c.Index().Root)}
	} else if p := partOf(c, place); p != nil {
		f = file{Part: place, Name: cleanName(p.FileName()), Type: p.Type + "/" + p.Subtype, Size: p.Decoded, Fenced: c.Fenced(p)}
	}
	if !f.Fenced {
		err = vault.ErrNotFound
	}
	return f, err
}

// partOf is the part of a place; nil if there is none.
func partOf(c *vault.Content, place string) *message.Part {
	for at, p := range c.Index().Walk() {
		if partName(at) == place && p.Type != "multipart" {
			return p
		}
	}
	return nil
}
