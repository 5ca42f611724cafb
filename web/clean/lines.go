package clean

import "strings"

// lines builds text of lines from words. What stands between words (a space, a line end, a gap) waits until the next
// word says that it is needed.
type lines struct {
	out       strings.Builder
	height    int    // line ends written
	gap       int    // line ends that wait
	space     bool   // a space waits
	separator bool   // the mark between two cells waits
	fresh     bool   // nothing of a cell has been written: it starts where it starts
	quotes    int    // open quotes
	quoted    int    // quotes of the last line with something on it
	mark      string // what a list's item starts with
	begun     bool   // the line has something on it
}

// breakLine asks for n line ends before the next word. Asking twice gives the larger.
func (l *lines) breakLine(n int) {
	l.space = false
	if l.out.Len() > 0 && !l.fresh {
		l.gap = max(l.gap, n)
	}
}

// newline ends a line, also an empty one, as <br> does.
func (l *lines) newline() {
	if l.out.Len() == 0 {
		return
	}
	l.gap = min(l.gap, 1)
	l.flush()
	l.gap = 1
	l.space = false
}

// flush writes the line ends that wait.
func (l *lines) flush() {
	for ; l.gap > 0; l.gap-- {
		if !l.begun {
			l.out.WriteString(strings.TrimRight(marks(min(l.quotes, l.quoted)), " "))
		}
		l.out.WriteByte('\n')
		l.height++
		l.begun = false
	}
}

// prefix starts a line with its quote marks.
func (l *lines) prefix() {
	l.begun = true
	l.quoted = l.quotes
	l.out.WriteString(marks(l.quotes))
}

// maxQuote is how deep quotes nest. Deeper ones are shown at that depth.
const maxQuote = 10

func marks(quotes int) string { return strings.Repeat("> ", min(quotes, maxQuote)) }

// word writes s and what waits before it.
func (l *lines) word(s string) {
	l.begin()
	l.out.WriteString(s)
}

// begin writes what waits before a word.
func (l *lines) begin() {
	switch {
	case l.gap > 0:
		l.flush()
	case l.separator && l.begun:
		l.out.WriteString(" | ")
	case l.space && l.begun && l.mark == "":
		l.out.WriteByte(' ')
	}
	l.space, l.separator, l.fresh = false, false, false
	if !l.begun {
		l.prefix()
	}
	l.out.WriteString(l.mark)
	l.mark = ""
}

// verbatim writes s with its spaces and line ends.
func (l *lines) verbatim(s string) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			l.newline()
		}
		if line != "" {
			l.word(line)
		}
	}
}
