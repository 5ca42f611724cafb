package detect

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
)

// zipStart begins an archive of PKWARE's APPNOTE.TXT, and with it every document of Office Open XML and OpenDocument.
const zipStart = "PK\x03\x04"

var errLimit = errors.New("detect: beyond the limit")

// archive looks through the files of an archive that are text, documents, or archives themselves.
func (l *look) archive(packed []byte, depth int) counts {
	n := l.none()
	// Counted before the directory is read, because reading it makes a record of each.
	if depth > l.limits.Depth || bytes.Count(packed, []byte("PK\x01\x02")) > l.limits.Entries {
		l.beyond = true
		return n
	}
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		l.beyond = true // a document that an office program may still mend
		return n
	}
	for _, f := range z.File {
		const encrypted = 1
		if f.Flags&encrypted != 0 || f.FileInfo().IsDir() || furniture(f.Name) {
			continue
		}
		n.add(l.texts(path.Base(f.Name)))
		n.add(l.entry(f, depth))
	}
	return n
}

func (l *look) entry(f *zip.File, depth int) counts {
	name := strings.ToLower(f.Name)
	nested := hasAny(name, ".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".odt", ".ods", ".odp", ".zip", ".eml")
	r, err := f.Open()
	if err != nil {
		l.beyond = true
		return l.none()
	}
	defer r.Close()
	limited := &bounded{look: l, r: r, free: 1 << 20, packed: int64(f.CompressedSize64)}
	if !nested {
		return l.file(name, limited)
	}
	inner, err := io.ReadAll(limited)
	if err != nil {
		l.beyond = true
		return l.none()
	}
	if hasAny(name, ".eml") {
		return l.mail(inner, depth+1)
	}
	return l.archive(inner, depth+1)
}

// furniture tells the files of a document that hold nothing its author wrote.
func furniture(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "_rels/") || strings.Contains(name, "/_rels/") || strings.Contains(name, "/theme/") ||
		name == "[content_types].xml" || path.Base(name) == "fonttable.xml" || path.Base(name) == "websettings.xml"
}

// bounded reads an entry of an archive as far as the limits go. What stands in the archive about its size is not asked.
type bounded struct {
	*look
	r      io.Reader
	read   int64
	free   int64 // octets before the ratio counts
	packed int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 || b.read > b.free && b.read > b.packed*b.limits.Ratio {
		b.beyond = true
		return 0, errLimit
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.read += int64(n)
	b.left -= int64(n)
	return n, err
}

// xml looks through the text of XML. Word and its like cut a word into runs wherever its format changes, so elements do
// not end a word, save those that stand for a paragraph, a cell, a line or a tabulator.
func (l *look) xml(r io.Reader) counts {
	s := l.begin()
	d := xml.NewDecoder(r)
	d.Strict = false
	for {
		// RawToken keeps no stack, so depth costs nothing.
		token, err := d.RawToken()
		switch token := token.(type) {
		case xml.CharData:
			_, _ = s.Write(token)
		case xml.StartElement:
			if breaks[token.Name.Local] {
				s.gap()
			}
			if token.Name.Local == "noBreakHyphen" {
				s.WriteString("-")
			}
		case xml.EndElement:
			if breaks[token.Name.Local] {
				s.gap()
			}
		}
		if err != nil {
			l.beyond = l.beyond || !errors.Is(err, io.EOF)
			return s.end()
		}
	}
}

// breaks are the names, without prefix, of what ends a word in WordprocessingML, SpreadsheetML, DrawingML and
// OpenDocument.
var breaks = map[string]bool{
	"p": true, "h": true, "br": true, "cr": true, "tab": true, "tc": true, "tr": true, "c": true, "v": true, "si": true, "row": true,
	"s": true, "line-break": true, "table-cell": true, "list-item": true, "comment": true, "footnote": true, "endnote": true, "title": true,
	"subject": true, "creator": true, "keywords": true, "description": true,
}
