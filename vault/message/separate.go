package message

import "strings"

// separate sees to it that encoded words stay apart from each other and from plain text, as RFC 2047 section 5 wants,
// where a cut has brought them together, and that the white space between them stays what it was, text or none.
func (c *cutter) separate(in []run) []run {
	var out []run
	for i, r := range in {
		if r.word {
			out = append(out, c.apart(out, r))
			continue
		}
		afterWord := i > 0 && in[i-1].word
		beforeWord := i+1 < len(in) && in[i+1].word
		head, tail := 0, len(r.glyphs)
		if afterWord && in[i-1].to != r.from {
			head = tokenEnd(r.glyphs)
		}
		if beforeWord && in[i+1].from != r.to {
			tail = tokenStart(r.glyphs)
		}
		if left, right := afterWord || head > 0, beforeWord || tail < len(r.glyphs); head > tail || left && right && allSpace(r.glyphs[head:tail]) {
			// White space between two words would be no text.
			head, tail = len(r.glyphs), len(r.glyphs)
		}
		if head > 0 {
			out = append(out, c.apart(out, c.encode(r.glyphs[:head])))
		}
		if head < tail {
			out = append(out, run{glyphs: r.glyphs[head:tail], from: r.from, to: r.to})
		}
		if tail < len(r.glyphs) {
			out = append(out, c.apart(out, c.encode(r.glyphs[tail:])))
		}
	}
	return out
}

// apart gives a word the white space it needs after what was written last: some after a word, none after text.
func (c *cutter) apart(out []run, r run) run {
	switch after := len(out) > 0 && out[len(out)-1].word; {
	case !after:
		r.gap = nil
	case r.gap == nil:
		r.gap = []byte(" ")
	}
	return r
}

// encode makes an encoded word of plain runes.
func (c *cutter) encode(glyphs []glyph) run {
	c.made++
	var s strings.Builder
	for _, g := range glyphs {
		s.WriteRune(g.r)
	}
	last := glyphs[len(glyphs)-1]
	return run{word: true, octets: []byte(encodeWords(s.String(), 'Q', c.eol+" ")), from: glyphs[0].from, to: last.to}
}

func isBlank(g glyph) bool { return g.r == ' ' || g.r == '\t' }

func allSpace(glyphs []glyph) bool {
	for _, g := range glyphs {
		if !isBlank(g) {
			return false
		}
	}
	return true
}

// tokenEnd is the length of what stands before the first white space.
func tokenEnd(glyphs []glyph) int {
	n := 0
	for n < len(glyphs) && !isBlank(glyphs[n]) {
		n++
	}
	return n
}

// tokenStart is where what stands after the last white space begins.
func tokenStart(glyphs []glyph) int {
	n := len(glyphs)
	for n > 0 && !isBlank(glyphs[n-1]) {
		n--
	}
	return n
}
