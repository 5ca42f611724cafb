package client

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/emersion/go-message/mail"
)

// webAddress is one in running text, less the punctuation after it.
var webAddress = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)\]]`)

// LinksIn are the web addresses in a mail's texts.
func LinksIn(raw []byte) []string {
	return webAddress.FindAllString(strings.Join(Texts(raw), "\n"), -1)
}

// Texts are the decoded subject and text parts of a mail, and the names of its files.
func Texts(raw []byte) (out []string) {
	r, err := mail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return []string{string(raw)}
	}
	defer r.Close()
	if subject, err := r.Header.Subject(); err == nil {
		out = append(out, subject)
	}
	for {
		part, err := r.NextPart()
		if err != nil {
			return out
		}
		switch h := part.Header.(type) {
		case *mail.InlineHeader:
			if kind, _, _ := h.ContentType(); kind != "" && !strings.HasPrefix(kind, "text/") {
				continue
			}
			if b, err := io.ReadAll(part.Body); err == nil {
				out = append(out, string(b))
			}
		case *mail.AttachmentHeader:
			if name, err := h.Filename(); err == nil && name != "" {
				out = append(out, name)
			}
		}
	}
}

// telling tells whether a line of a mail is known again by itself. What has fewer letters ("Hej!", "Meddelande", a row of
// dashes) may stand in any notice.
func telling(line string) bool {
	letters := 0
	for _, r := range line {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			letters++
		}
	}
	return letters >= 20 || letters >= 10 && len(strings.Fields(line)) >= 3
}

// Leaks says whether a notice gives away anything of a secret mail: its subject, a line of its text, a file name.
func Leaks(notice, secret []byte) error {
	said := strings.ToLower(string(notice) + "\n" + strings.Join(Texts(notice), "\n"))
	lines, _ := subjects(secret)
	for _, text := range Texts(secret) {
		lines = append(lines, strings.Split(text, "\n")...)
	}
	for i, line := range lines {
		line = strings.ToLower(strings.TrimSpace(line))
		if telling(line) && strings.Contains(said, line) {
			return fmt.Errorf("the notice holds a line of the mail (%d of %d)", i+1, len(lines))
		}
	}
	return nil
}
