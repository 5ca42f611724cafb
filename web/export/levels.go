package export

import (
	"slices"

	"golang.org/x/text/unicode/bidi"
)

// levelsOf gives the embedding levels of a line that has no explicit marks of direction, which have no shape and are left out
// before: 0, 1 from right to left, 2 for what stands from left to right among it. The library has the classes of characters
// and the directions of runs, but not these levels, without which a number among letters cannot be told from one beside them.
func levelsOf(line []rune, rtl bool) []int {
	base, around := 0, bidi.L
	if rtl {
		base, around = 1, bidi.R
	}
	classes := weak(line, around)
	brackets(line, classes, around)
	neutral(classes, around)
	levels := make([]int, len(line))
	for i, c := range classes { // rules I1 and I2
		switch {
		case c == bidi.R:
			levels[i] = 1
		case c == bidi.L:
			levels[i] = 2 * base
		default:
			levels[i] = 2
		}
	}
	return levels
}

// weak gives the classes of characters after rules W1 to W7: L, R, EN and AN, and ON for what else there is.
func weak(line []rune, around bidi.Class) []bidi.Class {
	c := make([]bidi.Class, len(line))
	last, strong := around, around
	for i, r := range line {
		c[i] = classOf(r)
		switch {
		case c[i] == bidi.NSM: // W1
			c[i] = last
		case c[i] == bidi.EN && strong == bidi.AL: // W2
			c[i] = bidi.AN
		case c[i] == bidi.L || c[i] == bidi.R || c[i] == bidi.AL:
			strong = c[i]
		}
		last = c[i]
	}
	for i := 1; i+1 < len(c); i++ { // W4
		number := c[i-1] == c[i+1] && (c[i-1] == bidi.EN || c[i-1] == bidi.AN)
		if number && (c[i] == bidi.CS || c[i] == bidi.ES && c[i-1] == bidi.EN) {
			c[i] = c[i-1]
		}
	}
	for i := range c { // W5, forwards and back
		if c[i] == bidi.ET && i > 0 && c[i-1] == bidi.EN {
			c[i] = bidi.EN
		}
	}
	for i := len(c) - 2; i >= 0; i-- {
		if c[i] == bidi.ET && c[i+1] == bidi.EN {
			c[i] = bidi.EN
		}
	}
	strong = around
	for i := range c {
		switch c[i] {
		case bidi.AL: // W3
			c[i], strong = bidi.R, bidi.R
		case bidi.L, bidi.R:
			strong = c[i]
		case bidi.EN: // W7
			if strong == bidi.L {
				c[i] = bidi.L
			}
		case bidi.AN:
		default: // W6
			c[i] = bidi.ON
		}
	}
	return c
}

// side is the direction that a class counts as among neutral ones; 0 if it is neutral.
func side(c bidi.Class) bidi.Class {
	switch c {
	case bidi.R, bidi.EN, bidi.AN:
		return bidi.R
	case bidi.L:
		return bidi.L
	}
	return bidi.ON
}

// maxBrackets is how many may be open (definition BD16).
const maxBrackets = 63

// brackets gives the two of a pair the same direction (rule N0).
func brackets(line []rune, c []bidi.Class, around bidi.Class) {
	for _, pair := range pairs(line, c) {
		inside, same := false, false
		for _, in := range c[pair[0]+1 : pair[1]] {
			inside = inside || side(in) != bidi.ON
			same = same || side(in) == around
		}
		if !inside {
			continue
		}
		towards := around
		if !same { // the other direction is inside; what is before decides
			before := around
			for i := pair[0] - 1; i >= 0; i-- {
				if before = side(c[i]); before != bidi.ON {
					break
				}
				before = around
			}
			if before != around {
				towards = before
			}
		}
		c[pair[0]], c[pair[1]] = towards, towards
		for _, at := range pair { // marks on a bracket go with it
			for i := at + 1; i < len(line) && classOf(line[i]) == bidi.NSM; i++ {
				c[i] = towards
			}
		}
	}
}

// pairs are the places of brackets that belong together, in the order of the first of each.
func pairs(line []rune, c []bidi.Class) (out [][2]int) {
	var open []int
	for i, r := range line {
		p, _ := bidi.LookupRune(r)
		switch {
		case !p.IsBracket() || c[i] != bidi.ON:
		case p.IsOpeningBracket():
			if len(open) == maxBrackets {
				return nil
			}
			open = append(open, i)
		default:
			for n := len(open) - 1; n >= 0; n-- {
				if mirrored(line[open[n]]) == r {
					out = append(out, [2]int{open[n], i})
					open = open[:n]
					break
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]int) int { return a[0] - b[0] })
	return out
}

// neutral gives neutral characters the direction on both sides of them, or else that of the line (rules N1 and N2).
func neutral(c []bidi.Class, around bidi.Class) {
	for from := 0; from < len(c); from++ {
		to := from
		for to < len(c) && c[to] == bidi.ON {
			to++
		}
		before, after := around, around
		if from > 0 {
			before = side(c[from-1])
		}
		if to < len(c) {
			after = side(c[to])
		}
		if before != after {
			before = around
		}
		for i := from; i < to; i++ {
			c[i] = before
		}
		from = max(from, to-1)
	}
}
