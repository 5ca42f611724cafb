package clean

import (
	"io"
	"strings"

	"golang.org/x/net/html"
)

// source is a mail that is read. The tokenizer gets no more of it at a time than up to where a tag may end, so that after most
// tags it has nothing left, and the mail can be read on without it.
type source struct {
	mail string
	at   int // what comes
	fed  int // octets the tokenizer got since it had nothing left
}

// newSource is a whole mail, with line ends as HTML has them ("13.2.3.5 Preprocessing the input stream").
func newSource(mail string) *source {
	if strings.Contains(mail, "\r") {
		mail = strings.ReplaceAll(strings.ReplaceAll(mail, "\r\n", "\n"), "\r", "\n")
	}
	return &source{mail: mail}
}

// Read implements io.Reader. It gives twice as much each time, as a token that is long is copied each time.
func (s *source) Read(p []byte) (int, error) {
	rest := s.mail[s.at:]
	if rest == "" {
		return 0, io.EOF
	}
	n := min(len(p), len(rest))
	if s.fed < n {
		if i := strings.IndexByte(rest[s.fed:n], '>'); i >= 0 {
			n = s.fed + i + 1
		}
	}
	copy(p, rest[:n])
	s.at += n
	s.fed += n
	return n, nil
}

// text takes the text before the next <, as the tokenizer gives it. A < that begins no tag is left to that.
func (s *source) text() string {
	s.fed = 0
	text := s.mail[s.at:]
	if i := strings.IndexByte(text, '<'); i >= 0 {
		text = text[:i]
	}
	s.at += len(text)
	if strings.IndexByte(text, '&') >= 0 {
		text = html.UnescapeString(text)
	}
	return text
}

// tag is what the tag that comes is spelt like, if it holds no > but its last; "" if it is too long to be remembered.
func (s *source) tag() string {
	rest := s.mail[s.at:min(len(s.mail), s.at+maxTag)]
	return rest[:strings.IndexByte(rest, '>')+1]
}

// skip passes so many octets.
func (s *source) skip(n int) { s.at += n }
