package message

import (
	"strconv"
	"strings"
	"time"
)

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// ParseDate reads a Date field, also obsolete (RFC 5322 section 4.3) and slightly broken ones; false if it is no date.
// The order of day, month, year, time and zone makes no difference, since programs differ in it. A missing or unknown
// zone is UTC.
func ParseDate(field string) (time.Time, bool) {
	field = strings.TrimSpace(withoutComments(field))
	if len(field) > len(time.DateOnly) && field[len(time.DateOnly)] == 'T' {
		if t, err := time.Parse(time.RFC3339, field); err == nil {
			return t, 0 <= t.Year() && t.Year() <= 9999
		}
	}
	d := date{day: -1, year: -1, hour: -1}
	words := strings.FieldsFunc(strings.ToLower(field), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	for _, w := range words[:min(len(words), 12)] {
		d.read(w)
	}
	return d.time()
}

// date is what has been read of one.
type date struct {
	day, year int // -1 if not seen
	month     time.Month
	hour      int // -1 if not seen
	min, sec  int
	zone      int // seconds east of UTC
}

func (d *date) read(w string) {
	if len(w) > 3 && (w[:3] == "gmt" || w[:3] == "utc") {
		w = w[3:] // GMT+0200
	}
	n, isNumber := number(w)
	switch {
	case w[0] == '+' || w[0] == '-' && d.hour >= 0:
		d.offset(w)
	case strings.Contains(w, ":"):
		d.clock(w)
	case isNumber && d.day < 0 && len(w) <= 2:
		d.day = n
	case isNumber && d.year < 0:
		d.year = fullYear(n, len(w))
	case !isNumber && strings.Count(w, "-") == 2:
		for part := range strings.SplitSeq(w, "-") { // 1-Jan-2026, 2026-01-31
			if part != "" {
				d.part(part)
			}
		}
	case d.month == 0 && monthOf(w) > 0:
		d.month = monthOf(w)
	default:
		d.zone += zones[w] * 3600
	}
}

// number reads a word of digits; false for most, without the cost of an error.
func number(w string) (int, bool) {
	if strings.ContainsFunc(w, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseUint(w, 10, 16)
	return int(n), err == nil
}

// part reads a piece of a date with hyphens.
func (d *date) part(w string) {
	n, isNumber := number(w)
	switch {
	case !isNumber:
		d.month = monthOf(w)
	case len(w) == 4:
		d.year = n
	case d.year >= 0 && d.month == 0 && n <= 12:
		d.month = time.Month(n)
	case d.day < 0:
		d.day = n
	case d.year < 0:
		d.year = fullYear(n, len(w))
	}
}

// fullYear completes years of two and three digits (RFC 5322 section 4.3).
func fullYear(n, digits int) int {
	switch {
	case digits == 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

func (d *date) clock(w string) {
	var n [3]int
	i := 0
	for s := range strings.SplitSeq(w, ":") {
		s, _, _ = strings.Cut(s, ".") // fractions of seconds
		v, err := strconv.ParseUint(s, 10, 8)
		if err != nil || i == len(n) {
			return
		}
		n[i] = int(v)
		i++
	}
	d.hour, d.min, d.sec = n[0], n[1], n[2]
}

func (d *date) offset(w string) {
	n, err := strconv.Atoi(strings.ReplaceAll(w, ":", ""))
	if err != nil || len(w) < 5 || n/100 > 23 || n/100 < -23 || n%100 > 59 || n%100 < -59 {
		return
	}
	d.zone = (n/100*60 + n%100) * 60
}

const day = 24 * 60 * 60 // seconds

func (d *date) time() (time.Time, bool) {
	if d.day < 1 || d.month == 0 || d.year < 0 || d.year > 9999 || d.hour > 23 || d.min > 59 || d.sec > 60 {
		return time.Time{}, false
	}
	zone := time.UTC
	if d.zone != 0 && max(d.zone, -d.zone) < day { // zones that add up to more are none
		zone = time.FixedZone("", d.zone)
	}
	t := time.Date(d.year, d.month, d.day, max(d.hour, 0), d.min, d.sec, 0, zone)
	return t, t.Year() <= 9999 && (t.Day() == d.day || d.sec == 60)
}

// monthOf reads English month names, short or long, and the two Swedish ones that are spelled differently.
func monthOf(w string) time.Month {
	switch strings.TrimRight(w, ".") {
	case "maj":
		return time.May
	case "okt", "oktober":
		return time.October
	}
	for i, m := range months {
		if strings.HasPrefix(w, m) {
			return time.Month(i + 1)
		}
	}
	return 0
}

// zones are hours east of UTC (RFC 5322 section 4.3, and those of Sweden). Military zones are UTC there too.
var zones = map[string]int{
	"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
	"cet": 1, "cest": 2, "met": 1, "mest": 2, "eet": 2, "eest": 3, "bst": 1,
}

func withoutComments(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '(' {
			end := commentEnd(s, i)
			if end < 0 {
				break
			}
			out.WriteByte(' ')
			i = end - 1
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
