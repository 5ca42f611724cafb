package brand

import "fmt"

// Readable is the contrast that text needs (WCAG 2.2, success criterion 1.4.3).
const Readable = 4.5

// scheme is what an accent colour meets in the light or the dark scheme. The colours are those of the pages' style sheet,
// which a test compares.
type scheme struct {
	name     string
	ink      Colour // text, also on the tint
	muted    Colour // small text, also on the tint
	surfaces []surface
	over     Colour  // what the accent is mixed with under the pointer,
	share    float64 // and how much of it
	on       Colour  // text on the accent
	advice   string
}

type surface struct {
	name string
	Colour
}

var (
	light = scheme{
		name: "light", ink: mustColour("#1c2833"), muted: mustColour("#50606f"),
		surfaces: []surface{{"white", mustColour("#ffffff")}, {"the grey of the pages", mustColour("#f3f5f7")}},
		over:     mustColour("#000000"), share: 0.25, on: mustColour("#ffffff"), advice: "take a darker one",
	}
	dark = scheme{
		name: "dark", ink: mustColour("#e7ecf0"), muted: mustColour("#a9b6c1"),
		surfaces: []surface{{"the sheets of the dark scheme", mustColour("#1a2229")}, {"its background", mustColour("#10161b")}},
		over:     mustColour("#ffffff"), share: 0.35, on: mustColour("#0b1b24"), advice: "take a lighter one",
	}
)

// Colours are the accent colours of the two schemes, known to be readable there. The zero value is the product's own.
type Colours struct{ light, dark Colour }

// IsZero tells that they are the product's own.
func (c Colours) IsZero() bool { return c == Colours{} }

// NewColours takes the accent of the light scheme, and that of the dark one or "" for a lighter shade of the first.
func NewColours(accent, darkAccent string) (c Colours, err error) {
	if c.light, err = LightAccent(accent); err != nil {
		return Colours{}, err
	}
	if darkAccent == "" {
		c.dark = lighter(c.light)
		return c, nil
	}
	c.dark, err = DarkAccent(darkAccent)
	return c, err
}

// LightAccent is the colour of buttons and links in the light scheme, refused if it cannot be read there.
func LightAccent(text string) (Colour, error) { return light.accent(text) }

// DarkAccent is that of the dark scheme.
func DarkAccent(text string) (Colour, error) { return dark.accent(text) }

func (s scheme) accent(text string) (Colour, error) {
	c, err := ParseColour(text)
	if err != nil {
		return c, err
	}
	for _, on := range s.surfaces {
		if ratio := Contrast(c, on.Colour); ratio < Readable {
			// Rounded down: 4.49 must not be told as 4.5.
			return c, fmt.Errorf("brand: %s on %s (%s) has a contrast of %.2f:1, and links and buttons need %.1f:1 (WCAG 2.2, 1.4.3): %s",
				c, on.name, on.Colour, float64(int(ratio*100))/100, Readable, s.advice)
		}
	}
	return c, nil
}

// lighter is the first shade towards white that is easy to read in the dark scheme.
func lighter(c Colour) Colour {
	const easy = 7
	for share := 0.0; ; share += 0.02 {
		shade := mix(c, mustColour("#ffffff"), share)
		if Contrast(shade, dark.surfaces[0].Colour) >= easy {
			return shade
		}
	}
}

// tint is a sheet with a breath of the accent in it: as much as leaves all that stands on it readable.
func (s scheme) tint(accent Colour) Colour {
	sheet := s.surfaces[0].Colour
	for share := 0.14; share > 0; share -= 0.01 {
		t := mix(sheet, accent, share)
		if Contrast(accent, t) >= Readable && Contrast(s.muted, t) >= Readable && Contrast(s.ink, t) >= 7 {
			return t
		}
	}
	return sheet
}

// CSS sets the variables of the pages' style sheet, which it follows. On paper there is no tint.
func (c Colours) CSS() string {
	return "@media screen {\n" + light.css(c.light) + "@media (prefers-color-scheme: dark) {\n" + dark.css(c.dark) + "}\n}\n"
}

func (s scheme) css(accent Colour) string {
	return fmt.Sprintf(":root { --accent: %s; --accent-over: %s; --on-accent: %s; --tint: %s; }\n",
		accent, mix(accent, s.over, s.share), s.on, s.tint(accent))
}
