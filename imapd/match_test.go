package imapd

import (
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const omsorg = "Shared/omsorg@kommun.example"
	for _, c := range []struct {
		ref, pattern, name string
		want               bool
		why                string
	}{
		{"", "*", omsorg + "/Sent", true, "a star takes delimiters"},
		{"", "%", "Sent", true, "one level"},
		{"", "%", omsorg, false, "not two"},
		{"", "Shared/%", omsorg, true, "the second level"},
		{"", "Shared/%", omsorg + "/Sent", false, "not the third"},
		{"Shared/", "%", omsorg, true, "the reference goes before the pattern"},
		{"Shared/", "/Sent", "Sent", true, "a pattern from the root has no reference"},
		{"", "inbox", inbox, true, "INBOX is the same in any case"},
		{"", "iN%", inbox, true, "also in a pattern"},
		{"", "sent", "Sent", false, "other names are not"},
		{"", "*omsorg*", omsorg, true, "a part"},
		{"", "", "Sent", false, "nothing"},
		{"", "%/%/%", omsorg + "/Sent", true, "three levels"},
	} {
		m, err := newMatcher(c.ref, []string{c.pattern})
		if err != nil || m(c.name) != c.want {
			t.Errorf("%s: %q %q on %q: got %v, %v", c.why, c.ref, c.pattern, c.name, !c.want, err)
		}
	}
}

// The library's matcher takes years for this pattern: the test would not end.
func TestMatchTime(t *testing.T) {
	t.Parallel()
	m, err := newMatcher("", []string{strings.Repeat("*a", 400) + "b"})
	if err != nil {
		t.Fatal(err)
	}
	if m(strings.Repeat("a", 300)) {
		t.Error("matched")
	}
	if _, err := newMatcher("", []string{strings.Repeat("*", maxPattern+1)}); err != errPattern {
		t.Errorf("a long pattern: %v", err)
	}
}
