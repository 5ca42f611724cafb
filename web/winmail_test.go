package web_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	"sigill/web"
)

// winmail is a small file of Outlook's: a body and two files, the first with a name that is to be cleaned.
func winmail() []byte {
	out := []byte("\x78\x9f\x3e\x22\x01\x00")
	for _, a := range []struct {
		level byte
		id    uint32
		data  string
	}{
		{1, 0x0002800c, "Hej i winmail\x00"},
		{2, 0x00069002, ""}, {2, 0x00018010, "..\\..\\plan.pdf\x00"}, {2, 0x0006800f, "%PDF-1.4"},
		{2, 0x00069002, ""}, {2, 0x00018010, "b.txt\x00"}, {2, 0x0006800f, "andra filen"},
	} {
		sum := uint16(0)
		for _, c := range []byte(a.data) {
			sum += uint16(c)
		}
		out = binary.LittleEndian.AppendUint32(append(out, a.level), a.id)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(a.data))), a.data...)
		out = binary.LittleEndian.AppendUint16(out, sum)
	}
	return out
}

func withWinmail(text string, packed []byte) string {
	return "From: anna.ek@exempel.se\nTo: astrid@example.com\nSubject: Plan\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" + text +
		"--b\nContent-Type: application/ms-tnef; name=\"winmail.dat\"\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString(packed) + "\n--b--\n"
}

// Readers get the files that lie in a winmail.dat, and the mail is kept as it came.
func TestWinmail(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	text := "--b\nContent-Type: text/plain\n\nHej\n"
	whole := withWinmail(text, winmail())
	id := "/messages/" + s.send(whole, astrid).ID.String()
	v := s.person(astridID)
	v.get(id).is(http.StatusOK).has("plan.pdf", "b.txt", "/parts/2-1", "/parts/2-2").lacks("winmail.dat", "/parts/2-3", `..\`)
	pdf := v.get(id + "/parts/2-1").is(http.StatusOK)
	header(t, pdf, "Content-Disposition", `attachment; filename="plan.pdf"; filename*=UTF-8''plan.pdf`)
	header(t, pdf, "Content-Security-Policy", filePolicy)
	if b := v.get(id + "/parts/2-2").is(http.StatusOK); b.body != "andra filen" || pdf.body != "%PDF-1.4" {
		t.Errorf("%q %q", pdf.body, b.body)
	}
	for _, place := range []string{"2-0", "2-3", "2-", "1-1", "2-1-1", "2-01", "-1"} {
		v.get(id + "/parts/" + place).is(http.StatusNotFound)
	}
	v.get(id + "/pdf").is(http.StatusOK)
	if raw := v.get(id + "/raw"); raw.body != strings.ReplaceAll(whole, "\n", "\r\n") {
		t.Error("the mail is not what came in")
	}

	alone := "/messages/" + s.send(withWinmail("", winmail()), astrid).ID.String()
	v.get(alone).is(http.StatusOK).has(".txt", "/parts/1-3")
	if b := v.get(alone + "/parts/1-1").is(http.StatusOK); b.body != "Hej i winmail" {
		t.Errorf("the text in a mail of nothing else: %q", b.body)
	}
	broken := "/messages/" + s.send(withWinmail(text, winmail()[:80]), astrid).ID.String()
	v.get(broken).is(http.StatusOK).has("winmail.dat", "/parts/2\"").lacks("/parts/2-")
}
