package clean

import (
	"regexp"
	"strconv"
	"strings"
)

// maxStyle is how long a style attribute may be, in octets. A longer one is dropped whole.
const maxStyle = 4096

// filterStyle gives the declarations of a style attribute that are on the list, as `name: value; name: value`. Nothing
// in it needs quoting in HTML but quotes, and nothing in it can be read in two ways: declarations with an escape, a
// comment or an unknown function are dropped, not repaired.
func filterStyle(s string) string {
	if len(s) > maxStyle || strings.ContainsAny(s, "\\{}<>@\x00") || strings.Contains(s, "/*") {
		// Each of these is a way to hide a declaration from a filter and to show it to a browser.
		return ""
	}
	var kept []string
	for _, d := range strings.Split(strings.ToLower(s), ";") {
		name, value, ok := strings.Cut(d, ":")
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		value = strings.Join(strings.Fields(strings.TrimSuffix(strings.TrimSpace(value), "!important")), " ")
		if name == "background" {
			name = "background-color" // the one thing of the shorthand that loads nothing
		}
		if allowed := properties[name]; allowed != nil && value != "" && allowed(value) && len(value) <= 200 {
			kept = append(kept, name+": "+value)
		}
	}
	return strings.Join(kept, "; ")
}

type check func(value string) bool

// properties are those that a style may have, with what tells their values. What moves content over other content
// (position, z-index, transform, negative margins) or loads something (every url()) is missing on purpose.
var properties = map[string]check{
	"color":            isColor,
	"background-color": isColor,

	"font-family":     regexp.MustCompile(`^[a-z0-9 ,'"-]+$`).MatchString,
	"font-size":       either(words("xx-small x-small small medium large x-large xx-large smaller larger"), length(5, 100)),
	"font-style":      words("normal italic oblique"),
	"font-weight":     words("normal bold bolder lighter 100 200 300 400 500 600 700 800 900"),
	"font-variant":    words("normal small-caps"),
	"line-height":     either(words("normal"), length(0.8, 150), number(0.8, 5)),
	"letter-spacing":  either(words("normal"), length(0, 20)),
	"text-align":      words("left right center justify start end"),
	"text-decoration": each(words("none underline line-through overline solid dotted dashed double")),
	"text-indent":     length(-100, 200), // negative in the lists of Word
	"text-transform":  words("none uppercase lowercase capitalize"),
	"vertical-align":  either(words("baseline top middle bottom text-top text-bottom sub super"), length(0, 100)),
	"white-space":     words("normal nowrap pre pre-wrap pre-line"),
	"word-break":      words("normal break-all break-word keep-all"),
	"word-wrap":       words("normal break-word"),
	"overflow-wrap":   words("normal break-word anywhere"),
	"direction":       words("ltr rtl"),

	"display": words("none block inline inline-block table table-row table-cell list-item"),
	"float":   words("none left right"),
	"clear":   words("none left right both"),

	"width": size, "max-width": size, "min-width": size, "height": size, "max-height": size, "min-height": size,

	"margin": each(space), "margin-top": space, "margin-right": space, "margin-bottom": space, "margin-left": space,
	"padding": each(space), "padding-top": space, "padding-right": space, "padding-bottom": space, "padding-left": space,

	"border": border, "border-top": border, "border-right": border, "border-bottom": border, "border-left": border,
	"border-color": each(isColor), "border-style": each(borderStyle), "border-width": each(borderWidth),
	"border-top-color": isColor, "border-right-color": isColor, "border-bottom-color": isColor, "border-left-color": isColor,
	"border-collapse": words("collapse separate"),
	"border-spacing":  each(length(0, 50)),
	"border-radius":   each(length(0, 100)),
	"table-layout":    words("auto fixed"),

	"list-style-type": words("none disc circle square decimal lower-alpha upper-alpha lower-latin upper-latin lower-roman upper-roman"),
}

var (
	size        = either(words("auto none"), length(0, 3000))
	space       = either(words("auto"), length(0, 300))
	borderStyle = words("none hidden solid dotted dashed double groove ridge inset outset")
	borderWidth = either(words("thin medium thick"), length(0, 30))
	border      = each(either(borderStyle, borderWidth, isColor))

	colorWord = regexp.MustCompile(`^[a-z]{3,24}$`)
	colorHex  = regexp.MustCompile(`^#[0-9a-f]{3,8}$`)
	colorFunc = regexp.MustCompile(`^(rgb|hsl)a?\([0-9.%, ]{5,40}\)$`)
	quantity  = regexp.MustCompile(`^(-?[0-9]{0,5}(?:\.[0-9]{1,8})?)(px|pt|em|rem|ex|ch|cm|mm|in|pc|%)?$`)
)

func isColor(v string) bool {
	return colorWord.MatchString(v) || colorHex.MatchString(v) || colorFunc.MatchString(v)
}

func words(list string) check {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return func(v string) bool { return set[v] }
}

func either(checks ...check) check {
	return func(v string) bool {
		for _, c := range checks {
			if c(v) {
				return true
			}
		}
		return false
	}
}

// each takes up to four values of the same sort, as shorthands do. A colour function counts as one value.
func each(c check) check {
	return func(v string) bool {
		v = colorSpaces.Replace(v)
		fields := strings.Fields(v)
		for _, f := range fields {
			if !c(f) {
				return false
			}
		}
		return len(fields) > 0 && len(fields) <= 4
	}
}

var colorSpaces = strings.NewReplacer(", ", ",", "( ", "(", " )", ")")

// pixels is how many CSS pixels a unit is; of a relative one, about.
var pixels = map[string]float64{
	"px": 1, "pt": 4.0 / 3, "em": 16, "rem": 16, "ex": 8, "ch": 8, "cm": 37.8, "mm": 3.78, "in": 96, "pc": 16,
}

// length takes a length from low to high CSS pixels, zero without a unit, or a percentage up to 100 (of a font 300).
func length(low, high float64) check {
	return func(v string) bool {
		m := quantity.FindStringSubmatch(v)
		if m == nil || low >= 0 && m[1] != "" && m[1][0] == '-' { // -0 is no less than 0
			return false
		}
		n, err := strconv.ParseFloat(m[1], 64)
		switch {
		case err != nil:
			return false
		case m[2] == "":
			return n == 0 && low <= 0
		case m[2] == "%":
			return n >= max(low, 0) && n <= 300 && (n <= 100 || low > 0)
		}
		n *= pixels[m[2]]
		return n >= low && n <= high
	}
}

func number(low, high float64) check {
	return func(v string) bool {
		n, err := strconv.ParseFloat(v, 64)
		return err == nil && n >= low && n <= high && decimal.MatchString(v)
	}
}

var decimal = regexp.MustCompile(`^[0-9.]+$`)
