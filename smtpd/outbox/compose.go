package outbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// compose makes the mail of a job, with CRLF line ends and without signatures. The same job gives the same Message-ID at
// each attempt, so that a mail system that took it before can tell.
func compose(from mail.Address, to policy.Address, j vault.Job, n notice, languages []string, now time.Time) []byte {
	id := sha256.Sum256(append([]byte("notice "), j.ID[:]...))
	name := hex.EncodeToString(id[:16])
	_, domain, _ := strings.Cut(from.Address, "@")
	boundary := "=_" + name

	var b bytes.Buffer
	for _, field := range [][2]string{
		{"Date", now.Format(time.RFC1123Z)},
		{"From", from.String()},
		{"To", "<" + to.String() + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", n.Subject)},
		{"Message-ID", "<" + name + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834 section 5
		{"X-Auto-Response-Suppress", "All"},  // what Exchange looks at
		{"Content-Language", strings.Join(languages, ", ")},
		{"MIME-Version", "1.0"},
		{"Content-Type", "multipart/alternative; boundary=\"" + boundary + "\""},
	} {
		b.WriteString(fold(field[0] + ": " + field[1]))
	}
	for _, p := range [][2]string{{"plain", n.Text}, {"html", n.HTML}} {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", boundary, p[0])
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(strings.ReplaceAll(p[1], "\n", "\r\n"))) // a bytes.Buffer takes all
		_ = w.Close()
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes()
}

// fold breaks a header field at spaces into lines of at most 78 characters where it can (RFC 5322 section 2.1.1).
func fold(field string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(field, " ") {
		switch {
		case i == 0:
		case column+1+len(word) > 78:
			b.WriteString("\r\n ")
			column = 1
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\r\n"
}
