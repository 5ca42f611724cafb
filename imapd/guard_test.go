package imapd

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestGuard plays the library: it reads lines, and answers each as the table says.
func TestGuard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in      string
		answers string // for each line: . nothing, + continuation request, ! a status response
		want    string
		bye     bool
		why     string
	}{
		{"a NOOP\r\nb NOOP\r\n", "!!", "a NOOP\r\n|b NOOP\r\n|", false, "one line at a time"},
		{"\r\n\r\na NOOP\r\n", "!", "a NOOP\r\n|", false, "empty lines are no commands"},
		{"a LOGIN {3}\r\nabc {2}\r\nxy\r\nb NOOP\r\n", "++!!", "a LOGIN {3}\r\n|abc| {2}\r\n|xy|\r\n|b NOOP\r\n|", false, "literals that are waited for"},
		{"a LOGIN {3+}\r\nabc {2+}\r\nxy\r\n", "..!", "a LOGIN {3+}\r\n|abc| {2+}\r\n|xy|\r\n|", false, "RFC 7888"},
		{"a FOO {9}\r\nb NOOP\r\n", "!!", "a FOO {9}\r\n|b NOOP\r\n|", false, "refused: the client sends a new command"},
		{"a FOO {8+}\r\nx DELETE y\r\nb NOOP\r\n", "!!", "a FOO {8+}\r\n|b NOOP\r\n|", false, "refused: the literal is no command"},
		{"a FOO {2+}\r\nxy {2+}\r\nxy z\r\nb NOOP\r\n", "!!", "a FOO {2+}\r\n|b NOOP\r\n|", false, "nor is the next"},
		{"a X {4097+}\r\n", ".", "", true, "RFC 7888 section 4"},
		{"a X {99999999999999999999+}\r\n", "!", "a X {99999999999999999999+}\r\n|", false, "no number"},
		{"a X \"{5}\"\r\n", "!", "a X \"{5}\"\r\n|", false, "a quoted string is no literal"},
		{"a IDLE\r\n\r\nDONE\r\n", "+.!", "a IDLE\r\n|\r\n|DONE\r\n|", false, "after a continuation request an empty line is an answer"},
		{"a " + strings.Repeat("x", 5000) + " {3+}\r\nabc\r\n", "..!", "a " + strings.Repeat("x", 4094) + "|" + strings.Repeat("x", 906) + " {3+}\r\n|abc|\r\n|", false, "a line longer than the buffer"},
		{"a SEARCH SMALLER 5 LARGER {1}\r\n1 SMALLER 3\r\nb NOOP\r\n", "+!!", "a SEARCH NOT LARGER 4 LARGER {1}\r\n|1| NOT LARGER 2\r\n|b NOOP\r\n|", false, "in other words (rewrite.go)"},
		{"a LIST \"\" &x*\r\nb LOGIN a b&x\r\n", "!!", "a LIST \"\" &-x*\r\n|b LOGIN a b&x\r\n|", false, "names of mailboxes, no passwords"},
	} {
		g := &guard{in: bufio.NewReader(strings.NewReader(c.in))}
		var got strings.Builder
		buf := make([]byte, 8192)
		answers := c.answers
		var err error
		for err == nil {
			var n int
			n, err = g.Read(buf)
			if n == 0 {
				continue
			}
			got.Write(buf[:n])
			got.WriteByte('|')
			if buf[n-1] == '\n' && answers != "" {
				switch answers[0] {
				case '+':
					g.answered([]byte("+ go on\r\n"))
				case '!':
					g.answered([]byte("a OK\r\n"))
				}
				answers = answers[1:]
			}
		}
		var r *refusal
		if got.String() != c.want && !c.bye || errors.As(err, &r) != c.bye || !c.bye && err != io.EOF {
			t.Errorf("%s: got %q, %v", c.why, got.String(), err)
		}
	}
}

func FuzzGuard(f *testing.F) {
	f.Add([]byte("a LOGIN {3}\r\nabc {2}\r\nxy\r\nb NOOP\r\n"), byte(1))
	f.Add([]byte("a FOO {2+}\r\nxy {2+}\r\nxy z\r\nb NOOP\r\n"), byte(7))
	f.Fuzz(func(t *testing.T, in []byte, answers byte) {
		g := &guard{in: bufio.NewReader(strings.NewReader(string(in)))}
		buf := make([]byte, 100)
		read := 0
		for i := 0; ; i++ {
			n, err := g.Read(buf)
			if read += n; err != nil {
				break
			}
			if n == 0 {
				t.Fatal("nothing read and no error")
			}
			if answers>>(i%8)&1 == 1 {
				g.answered([]byte("+ \r\n"))
			}
		}
		if read > 2*len(in) { // what is rewritten is longer
			t.Fatalf("%d octets of %d", read, len(in))
		}
	})
}
