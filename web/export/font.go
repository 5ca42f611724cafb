package export

import (
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const family = "go"

// face is one of the faces of the font family, by its place in faces.
type face int

const (
	regular face = iota
	bold
	italic
)

var faces = [...]struct {
	style string
	data  []byte
}{{"", goregular.TTF}, {"B", gobold.TTF}, {"I", goitalic.TTF}}

// advances are the widths of a face's characters in thousandths of its size; 0 where it has none.
type advances [1 << 16]uint16

// widths are measured once. The faces hold the same characters.
var widths = sync.OnceValue(func() *[len(faces)]advances {
	var all [len(faces)]advances
	for i, f := range faces {
		measure(f.data, &all[i])
	}
	return &all
})

// measure panics if the font of the library is none.
func measure(data []byte, to *advances) {
	f, err := sfnt.Parse(data)
	if err != nil {
		panic("export: " + err.Error())
	}
	var buf sfnt.Buffer
	for r := rune(' '); r < 1<<16; r++ {
		glyph, err := f.GlyphIndex(&buf, r)
		if err != nil || glyph == 0 {
			continue
		}
		if a, err := f.GlyphAdvance(&buf, glyph, fixed.I(1000), font.HintingNone); err == nil {
			to[r] = uint16(a.Round())
		}
	}
}

// has tells whether the fonts have a glyph with a width for r.
func has(r rune) bool { return r >= ' ' && r < 1<<16 && widths()[regular][r] > 0 }

// width is how wide s is in millimetres, at a size in points.
func (f face) width(s string, points float64) float64 {
	table, sum := &widths()[f], 0
	for _, r := range s {
		if r < 1<<16 {
			sum += int(table[r])
		}
	}
	return float64(sum) * points * mmPerPoint / 1000
}

const mmPerPoint = 25.4 / 72
