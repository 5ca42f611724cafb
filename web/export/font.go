package export

import (
	"sync"
	"unicode"

	"github.com/go-fonts/dejavu/dejavusans"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// The Go fonts, and for what they lack DejaVu Sans, in one style.
const (
	family = "go"
	spare  = "dejavu"
)

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

// measures are the widths of all characters in all faces, and which of them the spare font has to draw; it has marks
// without a width, too.
type measures struct {
	widths [len(faces)]advances
	spare  [1 << 16]bool
}

// measured is done once. The faces hold the same characters.
var measured = sync.OnceValue(func() *measures {
	var m measures
	for i, f := range faces {
		measure(f.data, &m.widths[i], func(rune) {})
	}
	var widths advances
	measure(dejavusans.TTF, &widths, func(r rune) {
		m.spare[r] = m.widths[regular][r] == 0 && !unicode.In(r, unicode.Co, unicode.Cc, unicode.Cf)
	})
	for r, spare := range m.spare {
		for i := range m.widths {
			if spare {
				m.widths[i][r] = widths[r]
			}
		}
	}
	return &m
})

// measure panics if the font of the library is none.
func measure(data []byte, to *advances, found func(rune)) {
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
		found(r)
		if a, err := f.GlyphAdvance(&buf, glyph, fixed.I(1000), font.HintingNone); err == nil {
			to[r] = uint16(a.Round())
		}
	}
}

// has tells whether the fonts have a glyph for r.
func has(r rune) bool {
	return r >= ' ' && r < 1<<16 && (measured().widths[regular][r] > 0 || measured().spare[r])
}

// spared tells that the spare font has to draw r.
func spared(r rune) bool { return r < 1<<16 && measured().spare[r] }

// width is how wide s is in millimetres, at a size in points.
func (f face) width(s string, points float64) float64 {
	table, sum := &measured().widths[f], 0
	for _, r := range s {
		if r < 1<<16 {
			sum += int(table[r])
		}
	}
	return float64(sum) * points * mmPerPoint / 1000
}

const mmPerPoint = 25.4 / 72
