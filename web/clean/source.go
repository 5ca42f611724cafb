package clean

import (
	"io"
	"strings"

	"golang.org/x/net/html"
)

// source is what is left of a mail. The tokenizer gets no more of it at a time than up to where a tag may end, so that
// after most tags it has nothing left, and the mail can be read on without it.
type source struct {
	mail string
	fed  int // octets the tokenizer got since that was so
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
	if s.mail == "" {
		return 0, io.EOF
	}
	n := min(len(p), len(s.mail))
	if s.fed < n {
		if i := strings.IndexByte(s.mail[s.fed:n], '>'); i >= 0 {
			n = s.fed + i + 1
		}
	}
	copy(p, s.mail[:n])
	s.skip(n)
	s.fed += n
	return n, nil
}

func (s *source) skip(n int) { s.mail = s.mail[n:] }

// text takes the text before the next <, as the tokenizer gives it. A < that begins no tag is left to that.
func (s *source) text() string {
	s.fed = 0
	n := strings.IndexByte(s.mail, '<')
	if n < 0 {
		n = len(s.mail)
	}
	text := s.mail[:n]
	s.skip(n)
	if strings.IndexByte(text, '&') >= 0 {
		text = html.UnescapeString(text)
	}
	return text
}

// tag is what the tag that comes is spelt like, if it holds no > but its last; "" if it is too long to be remembered.
func (s *source) tag() string {
	return s.mail[:strings.IndexByte(s.mail[:min(len(s.mail), maxTag)], '>')+1]
}
