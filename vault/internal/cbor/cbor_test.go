package cbor

import (
	"strings"
	"testing"
	"time"
)

// TestReader: what is read and what is given up, by the encodings of RFC 8949 appendix A.
func TestReader(t *testing.T) {
	t.Parallel()
	number := func(r *Reader) any { return r.Int() }
	text := func(r *Reader) any { return r.Text() }
	at := func(r *Reader) any { return r.Time() }
	for _, row := range []struct {
		why, in string
		read    func(*Reader) any
		want    any // nil: given up
	}{
		{"the least", "\x00", number, int64(0)},
		{"in the first octet", "\x17", number, int64(23)},
		{"in one more", "\x18\x18", number, int64(24)},
		{"in eight", "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", number, int64(1000000000000)},
		{"negative", "\x39\x03\xe7", number, int64(-1000)},
		{"beyond 63 bits", "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", number, nil},
		{"a float", "\xf9\x3c\x00", number, nil},
		{"cut off in the argument", "\x19\x03", number, nil},
		{"nothing", "", number, nil},
		{"more than one", "\x00\x00", number, nil},
		{"text", "\x62\xc3\xbc", text, "ü"},
		{"longer than there is", "\x63\xc3\xbc", text, nil},
		{"longer than memory", "\x7b\xff\xff\xff\xff\xff\xff\xff\xff", text, nil},
		{"in pieces", "\x7f\x61a\xff", text, nil},
		{"octets are no text", "\x41a", text, nil},
		{"a time", "\xc0\x742013-03-21T20:04:00Z", at, time.Date(2013, 3, 21, 20, 4, 0, 0, time.UTC)},
		{"no time", "\xf6", at, time.Time{}},
		{"seconds", "\xc1\x1a\x51\x4b\x67\xb0", at, nil},
		{"not as RFC 3339 has it", "\xc0\x61x", at, nil},
	} {
		r := NewReader([]byte(row.in))
		got := row.read(&r)
		if want := row.want != nil; r.OK() != want || want && got != row.want {
			t.Errorf("%s: %v, %v, want %v", row.why, got, r.OK(), row.want)
		}
	}
}

// TestCounts: no count makes a caller go on for longer than there are octets.
func TestCounts(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "\x82\x00", "\xa1\x00", "\xbf\xff", "\x9f\xff", "\x00"} {
		r := NewReader([]byte(in))
		if n := r.List() + r.Map(); n != 0 || r.OK() {
			t.Errorf("%x: %d items, %v", in, n, r.OK())
		}
	}
}

// TestFields: field numbers are text, 1 to 99; all else is field 0, which nobody has.
func TestFields(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"1": 1, "9": 9, "10": 10, "99": 99, "0": 0, "01": 0, "100": 0, "": 0, "a": 0, "1a": 0} {
		r := NewReader([]byte(string(rune(0x60+len(name))) + name))
		if got := r.Field(); got != want || !r.OK() {
			t.Errorf("%q is field %d, want %d", name, got, want)
		}
	}
}

// TestTextsLieInTheRecord: no text is copied.
func TestTextsLieInTheRecord(t *testing.T) {
	record := []byte("\x78\x64" + strings.Repeat("x", 100))
	if n := testing.AllocsPerRun(10, func() {
		r := NewReader(record)
		r.Text()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
