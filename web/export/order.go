package export

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// turned tells characters that are written from right to left, or make others stand so; of the basic plane, since the fonts
// have no others. Numbers in Arabic digits are among them.
func turned(r rune) bool {
	return r >= 0x590 && r < 0x900 || r >= 0xFB1D && r < 0xFE00 || r >= 0xFE70 && r < 0xFF00
}

// rightToLeft is a paragraph's direction, by its first letter (Unicode Annex 9, rules P2 and P3).
func rightToLeft(s string) bool {
	for _, r := range s {
		switch classOf(r) {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			return true
		}
	}
	return false
}

func classOf(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

// visual gives a line of a paragraph in the order in which its characters stand on paper, from left to right (rule L2). From
// right to left a mark comes ahead of its letter: the glyphs of marks take no room and hang over the one that follows.
func visual(line string, rtl bool) string {
	if !rtl && !strings.ContainsFunc(line, turned) {
		return line
	}
	out := []rune(line)
	levels := levelsOf(out, rtl)
	for i, level := range levels {
		if level == 1 {
			out[i] = mirrored(out[i])
		}
	}
	reverse(out, levels, 2)
	reverse(out, levels, 1)
	return string(out)
}

// reverse turns around each stretch of at least that level. The levels stay with their places, which lower levels do not mind.
func reverse(line []rune, levels []int, level int) {
	for from := 0; from < len(line); from++ {
		to := from
		for to < len(line) && levels[to] >= level {
			to++
		}
		slices.Reverse(line[from:to])
		from = max(from, to-1)
	}
}

// mirrors are pairs of which one stands for the other between letters from right to left (rule L4).
const mirrors = "()[]{}<>«»‹›≤≥"

func mirrored(r rune) rune {
	pairs := []rune(mirrors)
	for i, m := range pairs {
		if m == r {
			return pairs[i^1]
		}
	}
	return r
}
