package web

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"path"
	"strings"
)

// revisions is what a word processor's document tells beside its text: changes that were tracked, and comments. People
// send it without knowing. The elements are those of ECMA-376 part 1, section 17.13.
type revisions struct{ Changes, Comments bool }

// Bounds of what is looked at: documents as people write them, and no archive that unpacks without end.
const (
	maxDocument = 8 << 20
	maxUnpacked = 64 << 20
	maxEntries  = 2000
)

// isDocument tells the names of documents that can be looked at.
func isDocument(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".docx", ".docm", ".dotx", ".dotm":
		return true
	}
	return false
}

// revisionsIn looks through a document as far as it can be read; it is advice, and stops nothing.
func revisionsIn(document []byte) (r revisions) {
	if bytes.Count(document, []byte("PK\x01\x02")) > maxEntries {
		return r
	}
	z, err := zip.NewReader(bytes.NewReader(document), int64(len(document)))
	if err != nil {
		return r
	}
	left := int64(maxUnpacked)
	for _, f := range z.File {
		name := strings.ToLower(f.Name)
		if !strings.HasPrefix(name, "word/") || path.Ext(name) != ".xml" || strings.Contains(name, "/theme/") {
			continue
		}
		part, err := f.Open()
		if err != nil {
			continue
		}
		limited := &io.LimitedReader{R: part, N: left}
		r.look(limited)
		left = limited.N
		part.Close()
	}
	return r
}

func (r *revisions) look(part io.Reader) {
	d := xml.NewDecoder(part)
	d.Strict = false
	for {
		token, err := d.RawToken() // keeps no stack, so depth costs nothing
		if err != nil {
			return
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "ins", "del", "moveFrom", "moveTo", "rPrChange", "pPrChange", "tblPrChange", "sectPrChange", "cellIns", "cellDel":
			r.Changes = true
		case "comment":
			r.Comments = true
		}
	}
}
