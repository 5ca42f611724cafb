package message

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
)

// inside gives the subjects of the messages inside a mail, written in pieces of a size.
func inside(raw string, size int) (subjects []string, limited bool) {
	x := NewIndexer(Limits{})
	x.OnAttached(func(h Header) { subjects = append(subjects, h.Get("Subject")) })
	for len(raw) > 0 {
		n := min(size, len(raw))
		io.WriteString(x, raw[:n])
		raw = raw[n:]
	}
	x.Close()
	return subjects, x.Limited()
}

// inBase64 is base64 in lines.
func inBase64(s string) string {
	var b strings.Builder
	for all := base64.StdEncoding.EncodeToString([]byte(s)); all != ""; {
		n := min(76, len(all))
		b.WriteString(all[:n] + "\n")
		all = all[n:]
	}
	return b.String()
}

func TestMessagesInside(t *testing.T) {
	t.Parallel()
	const mixed = "Subject: out\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSe nedan.\n--b\n"
	const eml = "Content-Type: application/octet-stream; name=x\nContent-Disposition: attachment; filename=\"Beslut.EML\"\n"
	const inner = "Subject: in\n\nText\n"
	packed := inner
	for i := range maxLevel + 1 {
		packed = fmt.Sprintf("Subject: %d\nContent-Type: application/octet-stream; name=a.eml\n\n%s", maxLevel-i, packed)
	}
	for _, tt := range []struct {
		reason, raw, want string
		limited           bool
	}{
		{"nothing inside", mixed + "\nSubject: in\n--b--\n", "", false},
		{"an embedded message", mixed + "Content-Type: message/rfc822\n\n" + inner + "--b--\n", "in", false},
		{"a mail that is one", "Content-Type: message/rfc822\n\n" + inner, "in", false},
		{"one in one", mixed + "Content-Type: message/rfc822\n\nSubject: a\nContent-Type: message/rfc822\n\n" + inner, "a in", false},
		{"one that is encoded, against RFC 2046 section 5.2.1", mixed + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + inBase64(inner) + "--b--\n", "in", false},
		{"a file by its name", mixed + eml + "Content-Transfer-Encoding: base64\n\n" + inBase64(inner) + "--b--\n", "in", false},
		{"a file in quoted-printable", mixed + eml + "Content-Transfer-Encoding: quoted-printable\n\nSub=\nject: i=6E\n=0A\n--b--\n", "in", false},
		{"a file as it is", mixed + eml + "\n" + inner + "--b--\n", "in", false},
		{"a file named by RFC 2231", mixed + "Content-Type: text/plain; name*=utf-8''%C3%A5.eml\n\n" + inner, "in", false},
		{"two of them, one after the other", mixed + eml + "\n" + inner + "--b\n" + eml + "\nSubject: in2\n\n--b--\n", "in in2", false},
		{"a message in a file", mixed + eml + "Content-Transfer-Encoding: base64\n\n" + inBase64("Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"+inner+"--b--\n") + "--b--\n", "a in", false},
		{"the header of a returned message, without an empty line", mixed + "Content-Type: text/rfc822-headers\n\nSubject: in\n--b--\n", "in", false},
		{"another file", mixed + "Content-Type: application/pdf; name=a.eml.pdf\n\n" + inner, "", false},
		{"a file that is no message", mixed + eml + "\n%PDF\n--b--\n", "", false},
		{"cut off in its header", mixed + "Content-Type: message/rfc822\n\nSubject: in", "in", false},
		{"no boundary, so it is shown as text", "Content-Type: multipart/mixed\n\n--b\nContent-Type: message/rfc822\n\n" + inner, "", false},
		{"files in files beyond the limit", packed, "", true},
		{"nested beyond the limit", strings.Repeat("Content-Type: message/rfc822\nSubject: x\n\n", 60) + inner, "", true},
		{"more parts than the limit", mixed + strings.Repeat("\n--b\n", 1000) + "Content-Type: message/rfc822\n\n" + inner, "", true},
		{"a header beyond the limit", mixed + "Content-Type: message/rfc822\n\nX: " + strings.Repeat("x", 256<<10) + "\n" + inner, "", true},
		{"more in headers than is kept", mixed + strings.Repeat("Content-Description: "+strings.Repeat("x", 2048)+"\nContent-Location: "+
			strings.Repeat("x", 2048)+"\nContent-Type: message/rfc822\n\nSubject:"+strings.Repeat(" y", 32<<10)+"\n\n--b\n", 80) + eml + "\n" + inner, "", true},
	} {
		for _, size := range []int{1 << 20, 7, 1} {
			if len(tt.raw) > 100<<10 && size <= 7 {
				continue
			}
			got, limited := inside(crlf(tt.raw), size)
			if seen := strings.Join(got, " "); limited != tt.limited || seen != tt.want && !(limited && tt.want == "") {
				t.Errorf("%s, in pieces of %d: %q, limited %v", tt.reason, size, seen, limited)
			}
		}
	}
}
