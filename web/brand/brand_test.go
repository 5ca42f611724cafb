package brand

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestContrast(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want float64
		why  string
	}{
		{"#000000", "#ffffff", 21, "the most there is"},
		{"#ffffff", "#ffffff", 1, "the least"},
		{"#777777", "#ffffff", 4.48, "the grey that just fails, as every checker tells"},
		{"#767676", "#ffffff", 4.54, "the grey that just passes"},
	} {
		if got := Contrast(mustColour(row.a), mustColour(row.b)); math.Abs(got-row.want) > 0.005 {
			t.Errorf("%s on %s: %.3f, want %.2f (%s)", row.a, row.b, got, row.want, row.why)
		}
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ light, dark, want, why string }{
		{"#12506e", "", "", "our own, with a shade of it in the dark"},
		{"#12506e", "#8ecbe6", "", "both said"},
		{"#000000", "", "", "black is lightened until it shows in the dark"},
		{"#3399ff", "", "#3399ff on white (#ffffff) has a contrast of 2.94:1, and links and buttons need 4.5:1", "too light"},
		{"#767676", "", "on the grey of the pages (#f3f5f7) has a contrast of 4.1", "enough on white alone"},
		{"#12506e", "#12506e", "the sheets of the dark scheme", "one colour cannot serve both"},
		{"blue", "", "is no colour", "names are not taken"},
		{"#abc", "", "is no colour", "nor short forms"},
		{"#+12345", "", "is no colour", "a sign is no digit"},
	} {
		_, err := NewColours(row.light, row.dark)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s, %s: %v, want %q (%s)", row.light, row.dark, err, row.want, row.why)
		}
	}
}

// TestReadable: whatever colour is taken, all that the pages make of it can be read.
func TestReadable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := Colour{rapid.Uint8().Draw(t, "red"), rapid.Uint8().Draw(t, "green"), rapid.Uint8().Draw(t, "blue")}
		c, err := NewColours(in.String(), "")
		if err != nil {
			return
		}
		for accent, s := range map[Colour]scheme{c.light: light, c.dark: dark} {
			over, tint := mix(accent, s.over, s.share), s.tint(accent)
			for _, front := range []Colour{accent, over} {
				for _, back := range append(s.surfaces, surface{"tint", tint}, surface{"text on it", s.on}) {
					if got := Contrast(front, back.Colour); got < Readable {
						t.Fatalf("%s: %s on %s (%s) is %.2f", in, front, back.Colour, back.name, got)
					}
				}
			}
			if Contrast(s.ink, tint) < 7 || Contrast(s.muted, tint) < Readable {
				t.Fatalf("%s: text on the tint %s", in, tint)
			}
		}
	})
}

func TestLogo(t *testing.T) {
	t.Parallel()
	svg := func(inside string) string {
		return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 8 8">` + inside + `</svg>`
	}
	var small, wide bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&wide, image.NewGray(image.Rect(0, 0, maxSide+1, 1))); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ in, want, why string }{
		{svg(`<style>.a{fill:#123}</style><use xlink:href="#x"/><path class="a" d="M0 0h8"/>`), "", "a drawing"},
		{`<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">` + svg(""), "", "as drawing programs save it"},
		{small.String(), "", "a PNG"},
		{wide.String(), "is no PNG", "a PNG that fills the memory of a telephone"},
		{"GIF89a", "neither a PNG nor an SVG", "another picture"},
		{"<html><body/></html>", "neither a PNG nor an SVG", "no picture"},
		{svg("<g>"), "can be read", "not well-formed"},
		{"", "can be read", "empty"},
		{svg("<script>1</script>"), "<script>", "a script"},
		{svg(`<SCRIPT/>`), "<SCRIPT>", "in any case"},
		{svg(`<g onload="x()"/>`), "script in onload", "a handler"},
		{svg(`<foreignObject/>`), "<foreignObject>", "HTML within"},
		{svg(`<image href="https://t.example/p.gif"/>`), "leads out", "a picture elsewhere"},
		{svg(`<use xlink:href="other.svg#a"/>`), "leads out", "by the old name"},
		{svg(`<image href="data:image/png;base64,AA=="/>`), "", "a picture within"},
		{svg(`<style>@import "x"</style>`), "imports", "a style sheet elsewhere"},
		{svg(`<g style="fill:url( 'https://t.example/a')"/>`), "elsewhere", "by its style"},
		{svg(`<g fill="url(#a)"/>`), "", "a gradient within"},
		{`<!DOCTYPE svg [<!ENTITY a "b">]>` + svg(""), "DOCTYPE with entities", "entities"},
		{svg(strings.Repeat(" ", MaxLogo)), "may have 16384", "too large"},
	} {
		_, err := NewLogo([]byte(row.in))
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%.80q: %v, want %q (%s)", row.in, err, row.want, row.why)
		}
	}
}
