package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is kept of one part; more is nothing a mail program writes.
const (
	maxParams = 32
	maxValue  = 2048 // octets of a parameter or a descriptive field
)

// rawParam is a parameter as it is written.
type rawParam struct{ name, value string }

// parseValue reads a field of the form "value; name=value; …" (RFC 2045 section 5.1, RFC 2183) as tolerantly as mail
// programs do: unquoted values may hold spaces, quotes may be left open, comments may stand anywhere outside quotes.
func parseValue(s string) (value string, params []rawParam) {
	value, rest := cutParam(s)
	for rest != "" && len(params) < 4*maxParams {
		var one string
		one, rest = cutParam(rest)
		name, val, found := strings.Cut(one, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if found && name != "" {
			params = append(params, rawParam{name, unquoteValue(strings.TrimSpace(val))})
		}
	}
	return strings.TrimSpace(value), params
}

// cutParam gives what stands before the first semicolon outside quotes and comments, without comments. Parentheses in
// an unquoted value are part of it: name=Bild (1).png.
func cutParam(s string) (one, rest string) {
	var out strings.Builder
	inValue, open := false, true // open: comments have ended so far
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ';':
			return out.String(), s[i+1:]
		case c == '"':
			end := quoteEnd(s, i)
			if end < 0 {
				end = len(s) // left open: to the end
			}
			out.WriteString(s[i:end])
			i, inValue = end-1, false
			continue
		case c == '(' && open && !inValue:
			end := commentEnd(s, i)
			if open = end > 0; open {
				i = end - 1
				continue
			}
		case c == '=':
			inValue = true
		}
		out.WriteByte(s[i])
	}
	return out.String(), ""
}

// unquoteValue takes off the quotes of a value and what follows them. A backslash quotes (RFC 5322 section 3.2.4) only
// a quote or itself, since file names with Windows paths are seen.
func unquoteValue(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var out strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return out.String()
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// quoteEnd gives the index after the quoted string that begins at s[i], -1 if it does not end.
func quoteEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// commentEnd gives the index after the comment that begins at s[i] (RFC 5322 section 3.2.2), -1 if it does not end.
func commentEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// section is a piece of a value of RFC 2231.
type section struct {
	rawParam
	number   int
	extended bool // percent-encoded, the first with a charset before it
}

// decodeParams joins and decodes parameters of RFC 2231, and of RFC 2047 where mail programs wrongly use it. Where a
// name is given twice the RFC 2231 form counts, else the first.
func decodeParams(raw []rawParam) []Param {
	var order []string
	plainly, sections := map[string]string{}, map[string][]section{}
	for _, p := range raw {
		name, s, split := splitName(p)
		_, seen := plainly[name]
		if !seen && sections[name] == nil {
			order = append(order, name)
		}
		if split {
			sections[name] = append(sections[name], s)
		} else if !seen {
			plainly[name] = p.value
		}
	}
	var params []Param
	for _, name := range order[:min(len(order), maxParams)] {
		value := DecodeText(plainly[name])
		if s := sections[name]; s != nil {
			value = joinSections(s)
		}
		params = append(params, Param{lenientString(name), clip(value, maxValue)})
	}
	return params
}

// splitName takes a name apart: title*2* is section 2 of title, percent-encoded (RFC 2231 section 4.1).
func splitName(p rawParam) (name string, s section, split bool) {
	s.rawParam = p
	name, s.extended = strings.CutSuffix(p.name, "*")
	if star := strings.LastIndexByte(name, '*'); star > 0 {
		if n, err := strconv.Atoi(name[star+1:]); err == nil && n >= 0 {
			s.number, split = n, true
			name = name[:star]
		}
	}
	if name == "" {
		return p.name, s, false
	}
	return name, s, split || s.extended
}

func joinSections(s []section) string {
	slices.SortStableFunc(s, func(a, b section) int { return cmp.Compare(a.number, b.number) })
	label, data, extended := "", strings.Builder{}, false
	for i, one := range s {
		value := one.value
		if i > 0 && one.number == s[i-1].number {
			continue // given twice
		}
		if one.extended {
			if first, rest, ok := strings.Cut(value, "'"); i == 0 && ok {
				if _, text, ok := strings.Cut(rest, "'"); ok {
					label, value = first, text
				}
			}
			value, extended = unpercent(value), true
		}
		data.WriteString(value)
	}
	if !extended {
		return DecodeText(data.String())
	}
	if e := charset(label); e != nil {
		return strings.Map(printable, string(decodeBytes(e, []byte(data.String()))))
	}
	return strings.Map(printable, lenientString(data.String()))
}

func unpercent(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			out.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
			i += 2
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// clip cuts valid UTF-8 to at most n octets, between runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
