package export

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestStructure has qpdf read the whole file: cross-references, streams, objects.
func TestStructure(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("qpdf")
	if err != nil {
		t.Skip("needs the Debian package qpdf")
	}
	long := sample()
	long.Body = "Davvisámegiella: áčđŋšŧž. Åarjelsaemien: ïïæøöå.\nΕλληνικά. Кириллица.\n" + long.Body
	for _, m := range []Message{sample(), long, rightToLeftSample()} {
		name := filepath.Join(t.TempDir(), "message.pdf")
		if err := os.WriteFile(name, pdf(t, m), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "--check", name).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("No syntax or stream encoding errors")) || bytes.Contains(out, []byte("WARNING")) {
			t.Errorf("qpdf --check: %v\n%s", err, out)
		}
	}
}

// TestFilesByChecksum: each attachment is listed with its SHA-256, so that a file can be told to be the one.
func TestFilesByChecksum(t *testing.T) {
	t.Parallel()
	m := sample()
	text := poppler(t, pdf(t, m), "pdftotext", "-layout", "FILE", "-")
	if n := len(regexp.MustCompile(`SHA-256: [0-9a-f]{8}`).FindAllString(text, -1)); n != len(m.Attachments) {
		t.Errorf("%d checksums of %d attachments in\n%s", n, len(m.Attachments), text)
	}
}
