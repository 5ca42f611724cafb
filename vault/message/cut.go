package message

import (
	"bytes"
	"encoding/base64"
	"strings"

	"sigill/policy"
)

// cutter writes a text again without some of its runes.
type cutter struct {
	raw  []byte
	u    unfolded
	t    *text
	eol  string
	made int // encoded words the last cut had to make
}

// run is a stretch of what is written: octets of an encoded word, or runes that stand plain.
type run struct {
	word   bool
	octets []byte
	glyphs []glyph // if plain
	// from and to are the octets of the text it was made of; runs that touch there touched before.
	from, to int
	gap      []byte // the white space before a word that follows a word
}

// cut writes the text without the runes.
func (c *cutter) cut(at policy.Span) []byte {
	c.made = 0
	var out []byte
	for _, r := range c.separate(c.runs(at)) {
		out = append(out, r.gap...)
		if r.word {
			out = append(out, r.octets...)
			continue
		}
		for _, g := range r.glyphs {
			out = append(out, c.source(g.from, g.to)...)
		}
	}
	return noEmptyLines(out)
}

// needs tells whether a cut has to make encoded words.
func (c *cutter) needs(at policy.Span) bool {
	c.cut(at)
	return c.made > 0
}

// fold tells whether a line begins with the rune.
func (c *cutter) fold(i int) bool {
	g := c.t.glyphs[i]
	return g.group < 0 && g.from > 0 && c.u.from[g.from] != c.u.from[g.from-1]+1
}

// source is the raw octets of a stretch of the text, with the line end before it: a fold belongs to the white space
// that begins its second line.
func (c *cutter) source(from, to int) []byte {
	start := c.u.from[from]
	if from > 0 {
		start = c.u.from[from-1] + 1
	}
	return c.raw[start : c.u.from[to-1]+1]
}

// runs are what is left of each piece, without those that are left empty.
func (c *cutter) runs(at policy.Span) []run {
	kept, cut := make([][]glyph, len(c.t.pieces)), make([][]glyph, len(c.t.groups))
	for i, g := range c.t.glyphs {
		switch inside := i >= at.Start && i < at.End; {
		case inside && g.group >= 0:
			cut[g.group] = append(cut[g.group], g)
		case !inside && g.group < 0:
			kept[g.piece] = append(kept[g.piece], g)
		}
	}
	var out []run
	var space []byte // the gap to come
	for i := 0; i < len(c.t.pieces); i++ {
		p := c.t.pieces[i]
		switch {
		case p.kind == gap:
			if space == nil {
				space = c.source(p.start, p.end)
			}
			continue
		case p.kind == plain && len(kept[i]) > 0:
			k := kept[i]
			out = append(out, run{glyphs: k, from: k[0].from, to: k[len(k)-1].to})
		case p.kind == coded:
			g := p.group
			r := run{word: true, from: p.start, to: p.end}
			if group := c.t.groups[g]; group.opaque && len(cut[g]) > 0 {
				r.octets, r.to = c.again(g, at), c.t.pieces[group.last].end
				i = group.last
			} else {
				r.octets = c.word(p, cut[g])
			}
			if len(r.octets) == 0 {
				// It disappears with the white space that followed it, so the gap before it stays; without one before,
				// the next word needs none.
				if i+1 < len(c.t.pieces) && c.t.pieces[i+1].kind == gap && (space != nil || len(out) == 0 || !out[len(out)-1].word) {
					i++
				}
				continue
			}
			r.gap = space
			out = append(out, r)
		}
		space = nil
	}
	return out
}

// word writes an encoded word again without the data of the runes that were cut.
func (c *cutter) word(p piece, cut []glyph) []byte {
	w, gone := p.word, 0
	drop := make([]bool, len(w.data))
	for _, g := range cut {
		for i := max(g.from, p.base); i < min(g.to, p.base+len(w.data)); i++ {
			drop[i-p.base] = true
			gone++
		}
	}
	if gone == 0 {
		return c.source(p.start, p.end)
	}
	if gone == len(w.data) {
		return nil
	}
	head := "=?" + w.charset + "?" + string(w.letter) + "?"
	var left, written []byte
	for i, gone := range drop {
		if gone {
			continue
		}
		left = append(left, w.data[i])
		if w.from != nil {
			written = append(written, c.t.source[w.from[i]:w.from[i+1]]...)
		}
	}
	if w.from == nil {
		written = base64.StdEncoding.AppendEncode(nil, left)
	}
	return []byte(head + string(written) + "?=")
}

// again writes a group whose charset cannot be cut as UTF-8.
func (c *cutter) again(g int, at policy.Span) []byte {
	var left strings.Builder
	for i, r := range c.t.glyphs {
		if r.group == g && (i < at.Start || i >= at.End) {
			left.WriteRune(r.r)
		}
	}
	return []byte(encodeWords(left.String(), c.t.pieces[c.t.groups[g].first].word.letter, c.eol+" "))
}

// noEmptyLines takes out the folds that leave a line of nothing but white space: to some programs it ends the header
// (RFC 5322 section 3.2.2).
func noEmptyLines(body []byte) []byte {
	var out []byte
	for i, line := range bytes.SplitAfter(body, []byte("\n")) {
		if i > 0 && len(bytes.Trim(line, " \t\r\n")) == 0 {
			line = bytes.TrimRight(line, "\r\n")
		}
		out = append(out, line...)
	}
	return bytes.TrimRight(out, " \t\r\n")
}
