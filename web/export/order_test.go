package export

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

func TestVisualOrder(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		line string
		rtl  bool
		want string
		why  string
	}{
		{"abc, 123", false, "abc, 123", "nothing to turn"},
		{"abc אבג def", false, "abc גבא def", "a word from right to left in a line from left to right"},
		{"abc אבג 123 דהו", false, "abc והד 123 גבא", "a number in it keeps its digits' order and its place"},
		{"אבג 123", false, "123 גבא", "and so behind it"},
		{"abc 123 אבג", false, "abc 123 גבא", "a number before it is of the text before"},
		{"אבג 10:30", false, "10:30 גבא", "a mark between digits is of the number"},
		{"אבג 50%", false, "50% גבא", "and so is a percent sign"},
		{"אבג 123", true, "123 גבא", "a line from right to left ends at the left"},
		{"אבג abc 1", true, "abc 1 גבא", "words from left to right in it"},
		{"אבג (דהו).", true, ".(והד) גבא", "brackets are mirrored, and the stop stands last"},
		{"« אבג »", true, "« גבא »", "quotation marks are, too"},
		{"אָב", true, "ב\u05b8א", "a mark comes ahead of its letter"},
		{"سلام ١٢٣", true, "١٢٣ مالس", "Arabic digits are written from left to right"},
	} {
		if got := visual(row.line, row.rtl); got != row.want {
			t.Errorf("%s: %q is %q, want %q", row.why, row.line, got, row.want)
		}
	}
}

// TestOrderIsFriBidis compares lines by chance with those of another implementation of Unicode Annex 9.
func TestOrderIsFriBidis(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("fribidi")
	if err != nil {
		t.Skip("needs the Debian package libfribidi-bin")
	}
	letters := []rune("abאבג12٣٤  ,.:-+%$()!")
	by := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for range 2000 {
		line := make([]rune, 1+by.IntN(12))
		for i := range line {
			line[i] = letters[by.IntN(len(letters))]
		}
		lines = append(lines, "x"+string(line)+"x")
		lines = append(lines, "א"+string(line)+"א")
	}
	for _, rtl := range []bool{false, true} {
		direction := "--ltr"
		if rtl {
			direction = "--rtl"
		}
		cmd := exec.Command(program, "--charset", "UTF-8", "--nopad", "--nobreak", direction)
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range strings.Split(string(bytes.TrimRight(out, "\n")), "\n") {
			if got := visual(lines[i], rtl); got != want {
				t.Errorf("from right to left %v: %q is %q, want %q", rtl, lines[i], got, want)
			}
		}
	}
}

func TestJoined(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want, why string }{
		{"Hej", "Hej", "no Arabic"},
		{"ب", "\ufe8f", "alone"},
		{"ببب", "\ufe91\ufe92\ufe90", "first, middle, last"},
		{"دب", "\ufea9\ufe8f", "dal joins to nothing behind it"},
		{"سلام", "\ufeb3\ufefc\ufee1", "lam and alef are one, and join to what is before them"},
		{"لا", "\ufefb", "and by themselves"},
		{"بَب", "\ufe91\u064e\ufe90", "a mark parts nothing"},
		{"می\u200cخ", "\ufee3\ufbfd\u200c\ufea5", "a non-joiner parts Persian letters"},
		{"ب ب", "\ufe8f \ufe8f", "a space does"},
		{"بـ", "\ufe91ـ", "the line that draws words out joins"},
		{"بڵ", "\ufe8fڵ", "a letter of Sorani without shapes stands alone"},
		{"\ufe8f", "\ufe8f", "what has its shape keeps it"},
	} {
		if got := joined(row.text); got != row.want {
			t.Errorf("%s: %q is %+q, want %+q", row.why, row.text, got, row.want)
		}
	}
}
