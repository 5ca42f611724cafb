package web

import (
	"archive/zip"
	"bytes"
	"testing"
)

// FuzzRevisions: whatever somebody attaches, looking through it ends and says something.
func FuzzRevisions(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := w.Write([]byte(`<w:del w:id="1"><w:comment/></w:del>`)); err != nil {
		f.Fatal(err)
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	if got := revisionsIn(b.Bytes()); got != (revisions{Changes: true, Comments: true}) {
		f.Fatalf("found %v", got)
	}
	f.Add(b.Bytes())
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(_ *testing.T, document []byte) { revisionsIn(document) })
}
