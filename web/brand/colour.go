package brand

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Colour is one of sRGB, with 8 bits for each of red, green and blue.
type Colour [3]uint8

// ParseColour reads "#12506e".
func ParseColour(text string) (Colour, error) {
	digits, ok := strings.CutPrefix(text, "#")
	n, err := strconv.ParseUint(digits, 16, 24)
	if !ok || len(digits) != 6 || err != nil {
		return Colour{}, fmt.Errorf("brand: %q is no colour: write red, green and blue in hexadecimal, such as \"#12506e\"", text)
	}
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// mustColour is for the constants of this package.
func mustColour(text string) Colour {
	c, err := ParseColour(text)
	if err != nil {
		panic(err)
	}
	return c
}

func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance is the relative luminance of WCAG 2.2, from 0 for black to 1 for white.
func (c Colour) luminance() float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		part := float64(c[i]) / 255
		if part <= 0.04045 {
			part /= 12.92
		} else {
			part = math.Pow((part+0.055)/1.055, 2.4)
		}
		sum += weight * part
	}
	return sum
}

// Contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func Contrast(a, b Colour) float64 {
	one, other := a.luminance(), b.luminance()
	return (max(one, other) + 0.05) / (min(one, other) + 0.05)
}

// mix is a with a share of b, from 0 to 1.
func mix(a, b Colour, share float64) (out Colour) {
	for i := range out {
		out[i] = uint8(math.Round(float64(a[i])*(1-share) + float64(b[i])*share))
	}
	return out
}
