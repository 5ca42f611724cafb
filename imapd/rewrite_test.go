package imapd

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, want, why string }{
		{`a SEARCH SMALLER 5`, `a SEARCH NOT LARGER 4`, "the same"},
		{`a UID SEARCH (smaller 0) SMALLER 1`, `a UID SEARCH (NOT LARGER 0) NOT LARGER 0`, "none is so small"},
		{`a SEARCH SMALLER 99999999999999999999`, `a SEARCH SMALLER 99999999999999999999`, "no number"},
		{`a SEARCH SUBJECT SMALLER 5`, `a SEARCH SUBJECT SMALLER 5`, "a text, then a sequence number"},
		{`a SEARCH HEADER SMALLER 5 SMALLER 5`, `a SEARCH HEADER SMALLER 5 NOT LARGER 4`, "a field, its text, and then the key"},
		{`a SEARCH BODY " SMALLER 5" SMALLER 5`, `a SEARCH BODY " SMALLER 5" NOT LARGER 4`, "a quoted string"},
		{`a SEARCH BODY "\" SMALLER 5"`, `a SEARCH BODY "\" SMALLER 5"`, "with a quote"},
		{`a NOOP SMALLER 5 &`, `a NOOP SMALLER 5 &`, "another command"},
		{`a SELECT "M&APY-te"`, `a SELECT "M&APY-te"`, "modified UTF-7"},
		{`a SELECT R&-D`, `a SELECT R&-D`, "the letter"},
		{`a SELECT R&D`, `a SELECT R&-D`, "a shift that does not end"},
		{`a LIST "" &BA-`, `a LIST "" &-BA-`, "half a letter"},
		{`a LIST "" &AGE-`, `a LIST "" &-AGE-`, "RFC 3501 section 5.1.3: what is ASCII is not shifted"},
		{`a LIST "" &2D0-`, `a LIST "" &-2D0-`, "half a pair"},
		{`a RENAME &APY-&APY- &2D3eAA-`, `a RENAME &APY-&-APY- &2D3eAA-`, "shifts that follow each other"},
		{`a LOGIN x R&D`, `a LOGIN x R&D`, "a password"},
	} {
		if got := string(rewriterOf([]byte(c.line)).rewrite([]byte(c.line))); got != c.want {
			t.Errorf("%s: %s becomes %s, want %s", c.why, c.line, got, c.want)
		}
	}
	f := newFixture(t)
	w := f.login(anna)
	w.ok("CREATE M&APY-te")
	for _, c := range []struct{ command, want string }{
		{`LIST "" M&APY-*`, "OK "}, {`LIST "" !#$$&'+,-.0123456789:;<=>?@^_|[}%*`, "OK "}, {`LSUB "" &*`, "OK "},
		{`SELECT R&D`, "NO [NONEXISTENT]"}, {`STATUS "R&D" (MESSAGES)`, "NO [NONEXISTENT]"}, {`DELETE &AGE-`, "NO [NONEXISTENT]"},
		{`CREATE R&D`, "NO [CANNOT]"}, {`RENAME M&APY-te &2D0-`, "NO [CANNOT]"}, {`SELECT M&APY-te`, "OK "},
	} {
		if _, status := w.do("%s", c.command); !strings.HasPrefix(status, c.want) {
			t.Errorf("%s: %s, want %s", c.command, status, c.want)
		}
	}
}

// FuzzRewrite: what was rewritten is not rewritten again, and nothing but searches and names is.
func FuzzRewrite(f *testing.F) {
	f.Add(`a SEARCH (SMALLER 5) BODY "x" SMALLER 7`)
	f.Add(`a LIST "" &APY-&APY-&`)
	f.Fuzz(func(t *testing.T, line string) {
		r := rewriterOf([]byte(line))
		once := r.rewrite([]byte(line))
		if twice := r.rewrite(once); string(twice) != string(once) {
			t.Errorf("%q becomes %q and then %q", line, once, twice)
		}
		if r == asItIs && string(once) != line {
			t.Errorf("%q becomes %q", line, once)
		}
	})
}
