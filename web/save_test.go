package web_test

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigill/vault"
	"sigill/web"
)

// filesText has attachments whose names meet, one encoded and one as it is.
const filesText = `From: anna.ek@exempel.se
To: astrid@example.com
Subject: Filer
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Se bifogat.
--b
Content-Type: text/plain; name="Siffror.txt"
Content-Disposition: attachment; filename="Siffror.txt"
Content-Transfer-Encoding: base64

MDEyMzQ1Njc4OTAxMjM0NTY3ODkw
MTIzNDU2Nzg5
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="siffror.TXT"

klar text
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="con.txt"

x
--b--
`

const digits = "012345678901234567890123456789"

func TestRanges(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := "/messages/" + s.send(filesText, astrid).ID.String()
	v := s.person(astridID)
	whole := v.get(id + "/parts/2").is(http.StatusOK)
	header(t, whole, "Accept-Ranges", "bytes")
	header(t, whole, "Content-Length", "30")
	tag := whole.Header.Get("ETag")
	for _, row := range []struct {
		asked, condition string
		status           int
		body, answer     string
		reason           string
	}{
		{"bytes=0-3", "", http.StatusPartialContent, digits[:4], "bytes 0-3/30", "the beginning"},
		{"bytes=25-", "", http.StatusPartialContent, digits[25:], "bytes 25-29/30", "the rest of a download that was cut off"},
		{"bytes=-3", "", http.StatusPartialContent, digits[27:], "bytes 27-29/30", "the end"},
		{"bytes=20-22", tag, http.StatusPartialContent, digits[20:23], "bytes 20-22/30", "the file is the one that was begun"},
		{"bytes=20-22", `"other"`, http.StatusOK, digits, "", "another file was begun"},
		{"bytes=30-", "", http.StatusRequestedRangeNotSatisfiable, "", "bytes */30", "past the end"},
		{"lines=1-2", "", http.StatusRequestedRangeNotSatisfiable, "", "", "no unit we know"},
	} {
		r := v.request("GET", id+"/parts/2", nil)
		r.Header.Set("Range", row.asked)
		if row.condition != "" {
			r.Header.Set("If-Range", row.condition)
		}
		a := v.do(r).is(row.status)
		if row.body != "" && a.body != row.body || a.Header.Get("Content-Range") != row.answer {
			t.Errorf("%s (%s): %q, %q", row.asked, row.reason, a.body, a.Header.Get("Content-Range"))
		}
	}
	r := v.request("GET", id+"/parts/2", nil)
	r.Header.Set("Range", "bytes=28-29,0-1")
	if a := v.do(r).is(http.StatusPartialContent); strings.Index(a.body, "89\r\n") > strings.Index(a.body, "01\r\n") || !strings.Contains(a.body, "Content-Range: bytes 0-1/30") {
		t.Errorf("two ranges, the later first: %s", a.body)
	}
	r.Header.Set("Range", "bytes="+strings.Repeat("29-29,0-0,", 10)+"1-1")
	if a := v.do(r).is(http.StatusOK); a.body != digits {
		t.Errorf("many ranges, of which each one back would decode the file anew: %s", a.body)
	}
	raw := v.request("GET", id+"/raw", nil)
	raw.Header.Set("Range", "bytes=0-4")
	if a := v.do(raw).is(http.StatusPartialContent); a.body != "From:" {
		t.Errorf("the original from 0 to 4 is %q", a.body)
	}
}

// TestAllFilesInOne: one ZIP file, which another program than ours unpacks too, with names that do not meet.
func TestAllFilesInOne(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(filesText, astrid)
	id := "/messages/" + sent.ID.String()
	v := s.person(astridID)
	v.get(id).has(`href="` + id + `/zip"`)
	status(t, s, sent.ID, vault.Opened)
	a := v.get(id + "/zip").is(http.StatusOK)
	status(t, s, sent.ID, vault.Saved)
	header(t, a, "Content-Type", "application/zip")
	header(t, a, "Cache-Control", "no-store")
	header(t, a, "Content-Security-Policy", filePolicy)
	z, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	must(t, err)
	var got []string
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		got = append(got, f.Name+": "+string(b))
	}
	want := []string{"Siffror.txt: " + digits, "siffror (2).TXT: klar text", "_con.txt: x"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the file holds %q, want %q", got, want)
	}
	v.get("/messages/" + s.send(letterText, astrid).ID.String() + "/zip").is(http.StatusNotFound)
	s.person(otherID).get(id + "/zip").is(http.StatusNotFound)

	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs the Debian package python3")
	}
	name := filepath.Join(t.TempDir(), "files.zip")
	must(t, os.WriteFile(name, []byte(a.body), 0o600))
	if out, err := exec.Command("python3", "-m", "zipfile", "-t", name).CombinedOutput(); err != nil || strings.Contains(string(out), "bad") {
		t.Errorf("python3 -m zipfile: %v: %s", err, out)
	}
}

func TestReceiptAsPDF(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.person(astridID)
	receipt := v.replyTo(sent.ID, v.form(sent.ID), "Tack!", upload{"intyg.txt", "text/plain", "x"}).is(http.StatusSeeOther).Header.Get("Location")
	v.get(receipt).has(`href="` + receipt + `/pdf"`)
	a := v.get(receipt + "/pdf").is(http.StatusOK)
	header(t, a, "Content-Type", "application/pdf")
	if !strings.HasPrefix(a.Header.Get("Content-Disposition"), `attachment; filename="Kvittens-2026-`) || !strings.HasPrefix(a.body, "%PDF-") {
		t.Errorf("%s: %.20q", a.Header.Get("Content-Disposition"), a.body)
	}
	v.get("/receipts/" + sent.ID.String() + "/pdf").is(http.StatusNotFound)
	s.person(otherID).get(receipt + "/pdf").is(http.StatusNotFound)
	status(t, s, sent.ID, vault.Replied)
}
