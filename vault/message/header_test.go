package message

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestParseHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, raw string
		want        []string // name=value
		size        int
		defects     []string
	}{
		{"fields in order", "B: 1\r\nA: 2\r\n\r\nbody", []string{"B=1", "A=2"}, 14, nil},
		{"bare LF", "A: 1\nB: 2\n\nbody", []string{"A=1", "B=2"}, 11, nil},
		{"CR CR LF", "A: 1\r\r\nB: 2\r\r\n\r\r\nbody", []string{"A=1", "B=2"}, 17, nil},
		{"folds are joined, white space kept (RFC 5322 section 2.2.3)", "A: 1\r\n 2\r\n\t3\r\n\r\n", []string{"A=1 2\t3"}, 16, nil},
		{"a value on the next line", "A:\r\n 1\r\n\r\n", []string{"A=1"}, 10, nil},
		{"white space before the colon (RFC 5322 section 4.5)", "Subject : a\r\n\r\n", []string{"Subject=a"}, 15, nil},
		{"no white space after it", "A:1\r\n\r\n", []string{"A=1"}, 7, nil},
		{"an empty value", "A:\r\n\r\n", []string{"A="}, 6, nil},
		{"a line without a colon", "A: 1\r\njunk\r\nB: 2\r\n\r\n", []string{"A=1", "B=2"}, 20, []string{defectJunkLine}},
		{"what continues junk is junk", "junk\r\n  more: x\r\nB: 2\r\n\r\n", []string{"B=2"}, 25, []string{defectJunkLine}},
		{"a name with a space is none", "Hello there: x\r\nB: 2\r\n\r\n", []string{"B=2"}, 24, []string{defectJunkLine}},
		{"an empty name is none", ": x\r\nB: 2\r\n\r\n", []string{"B=2"}, 13, []string{defectJunkLine}},
		{"a name of 8-bit octets is none", "\xc4mne: x\r\nB: 2\r\n\r\n", []string{"B=2"}, 17, []string{defectJunkLine}},
		{"a fold first", " x: 1\r\nB: 2\r\n\r\n", []string{"B=2"}, 15, []string{defectJunkLine}},
		{"an mbox line", "From a@b Mon Jan  1 10:00:00 2026\r\nB: 2\r\n\r\n", []string{"B=2"}, 43, []string{defectMbox}},
		{"an mbox line that was escaped", ">From a@b x\r\nB: 2\r\n\r\n", []string{"B=2"}, 21, []string{defectMbox}},
		{"a line of white space hides nothing behind it", "A: 1\r\n \r\nSubject: x\r\n\r\n", []string{"A=1", "Subject=x"}, 23, nil},
		{"no empty line", "A: 1\r\nB: 2", []string{"A=1", "B=2"}, 10, []string{defectEmptyLine}},
		{"an empty header", "\r\nbody: x\r\n", nil, 2, nil},
		{"a bare CR is no line end", "A: 1\rB: 2\r\n\r\n", []string{"A=1\rB: 2"}, 13, nil},
		{"a name twice", "A: 1\r\na: 2\r\n\r\n", []string{"A=1", "a=2"}, 14, nil},
	} {
		h := ParseHeader([]byte(tt.raw))
		var got []string
		for _, f := range h.Fields {
			got = append(got, f.Name+"="+f.Value)
			if s := tt.raw[f.Range.Offset : f.Range.Offset+f.Range.Size]; !strings.HasPrefix(s, f.Name) {
				t.Errorf("%s: the range of %s holds %q", tt.reason, f.Name, s)
			}
		}
		if !slices.Equal(got, tt.want) || h.Size != tt.size || !slices.Equal(h.Defects, tt.defects) {
			t.Errorf("%s: %q, size %d, defects %q; want %q, %d, %q", tt.reason, got, h.Size, h.Defects, tt.want, tt.size, tt.defects)
		}
		if end := HeaderEnd([]byte(tt.raw)); end >= 0 && end != h.Size {
			t.Errorf("%s: HeaderEnd %d, ParseHeader %d", tt.reason, end, h.Size)
		}
	}
}

func TestHeaderEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		reason, raw string
		want        int
	}{
		{"CRLF", "A: 1\r\n\r\nbody", 8},
		{"LF", "A: 1\n\nbody", 6},
		{"mixed", "A: 1\n\r\nbody", 7},
		{"CR CR LF", "A: 1\r\r\n\r\r\nbody", 10},
		{"nothing seen", "", -1},
		{"half of the line end", "A: 1\r\n\r", -1},
		{"no empty line yet", "A: 1\r\n", -1},
		{"an empty header", "\r\nbody", 2},
		{"white space does not end it", "A: 1\r\n \r\n", -1},
	} {
		if got := HeaderEnd([]byte(tt.raw)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.reason, got, tt.want)
		}
	}
}

func TestGetFieldsByName(t *testing.T) {
	t.Parallel()
	h := ParseHeader([]byte("Subject: =?utf-8?q?r=C3=A4k?=\r\nsubject: b\r\n\r\n"))
	if h.Get("SUBJECT") != "=?utf-8?q?r=C3=A4k?=" || h.Text("subject") != "räk" || h.Get("To") != "" {
		t.Errorf("Get %q, Text %q", h.Get("SUBJECT"), h.Text("subject"))
	}
	if got := h.Values("Subject"); len(got) != 2 || got[1] != "b" {
		t.Errorf("Values %q", got)
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{"A: 1\r\n 2\r\n\r\nx", "From x\n>: y\n\n", "\r\r\n", "Subject : =?utf-8?q?=5B?=\n\t\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := ParseHeader(b)
		at := int64(0)
		for _, field := range h.Fields {
			if field.Range.Offset < at || field.Range.Size <= 0 || field.Name == "" || strings.ContainsRune(field.Value, '\n') {
				t.Fatalf("field %+v after %d", field, at)
			}
			raw := b[field.Range.Offset : field.Range.Offset+field.Range.Size]
			if u := unfold(raw, bytes.IndexByte(raw, ':')+1); u.text != field.Value {
				t.Fatalf("%q reads %q and, to be cut, %q", raw, field.Value, u.text)
			}
			at = field.Range.Offset + field.Range.Size
		}
		if at > int64(h.Size) || h.Size > len(b) {
			t.Fatalf("fields to %d, header to %d of %d", at, h.Size, len(b))
		}
		if end := HeaderEnd(b); end >= 0 && end != h.Size {
			t.Fatalf("HeaderEnd %d, size %d", end, h.Size)
		}
	})
}
