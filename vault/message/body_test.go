package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, encoding, in, want string }{
		{"base64", "base64", "SGVq\r\nIGRp\r\nZw==", "Hej dig"},
		{"base64 with junk (RFC 2045 section 6.8)", "base64", "SG!Vq-\x00IGRpZw", "Hej dig"},
		{"base64 without padding", "base64", "SGVqIGRpZw", "Hej dig"},
		{"base64 with a lone character at the end", "base64", "SGVqI", "Hej"},
		{"base64 joined after padding", "base64", "SA==ZWo=", "Hej"},
		{"base64 in other capitals", "BASE64", "SGVq", "Hej"},
		{"quoted-printable", "quoted-printable", "r=C3=A4k=\r\n x", "räk x"},
		{"lower case hex", "quoted-printable", "r=c3=a4k", "räk"},
		{"a soft line break with white space", "quoted-printable", "a= \t\r\nb", "ab"},
		{"a soft line break in LF", "quoted-printable", "a=\nb", "ab"},
		{"a soft line break in CR CR LF", "quoted-printable", "a=\r\r\nb", "ab"},
		{"a soft line break at the end", "quoted-printable", "a=", "a"},
		{"no hex after =", "quoted-printable", "a=b=zz=4", "a=b=zz=4"},
		{"= after =", "quoted-printable", "a==41=", "a=A"},
		{"white space at the end of a line goes (RFC 2045 section 6.7, rule 3)", "quoted-printable", "-- \r\nA \t\nB \t", "--\r\nA\nB"},
		{"but not before a soft line break, if encoded, or in a line", "quoted-printable", "a =\r\nb=20\r\n c  d", "a b \r\n c  d"},
		{"nor before a CR that ends no line", "quoted-printable", "a \rb \r", "a \rb \r"},
		{"nor what is longer than a line", "quoted-printable", strings.Repeat(" ", 81) + "\r\n" + strings.Repeat(" ", 80) + "\r\n" + strings.Repeat(" ", 81), strings.Repeat(" ", 81) + "\r\n\r\n" + strings.Repeat(" ", 81)},
		{"7bit", "7bit", "a=41", "a=41"},
		{"uuencode stays as it is", "x-uuencode", "begin 644 a", "begin 644 a"},
	} {
		p := &Part{Encoding: tt.encoding, Trimmed: true}
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "octet by octet": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := io.ReadAll(Body(p, r))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s, %s: %q %v, want %q", tt.reason, name, got, err, tt.want)
			}
		}
	}
}

// TestUntrimmed: messages that were indexed by the first versions are decoded as they were counted then.
func TestUntrimmed(t *testing.T) {
	t.Parallel()
	const in = "-- \r\na \t"
	if got, err := io.ReadAll(Body(&Part{Encoding: "quoted-printable"}, strings.NewReader(in))); err != nil || string(got) != in {
		t.Errorf("%q %v", got, err)
	}
}

func TestBodyKeepsTheErrorOfItsSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, encoding := range []string{"base64", "quoted-printable", "7bit"} {
		got, err := io.ReadAll(Body(&Part{Encoding: encoding}, io.MultiReader(strings.NewReader("SGVq"), iotest.ErrReader(broken))))
		if !errors.Is(err, broken) || len(got) == 0 {
			t.Errorf("%s: %q %v", encoding, got, err)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, charset, in, want string }{
		{"UTF-8", "utf-8", "räk", "räk"},
		{"none, UTF-8", "", "räk", "räk"},
		{"none, windows-1252", "", "r\xe4k \x80", "räk €"},
		{"US-ASCII that is not", "us-ascii", "r\xe4k", "räk"},
		{"UTF-8 that is not", "utf-8", "r\xe4k", "räk"},
		{"UTF-8 cut off", "utf-8", "a\xc3", "aÃ"},
		{"ISO-8859-1 is windows-1252, as browsers have it", "ISO-8859-1", "\x80\xe4", "€ä"},
		{"its number alone", "8859-1", "\xe4", "ä"},
		{"ansi", "ansi", "\xe4", "ä"},
		{"cp-850", "cp-850", "\x84", "ä"},
		{"cp932", "cp932", "\x93\xfa", "日"},
		{"utf-7", "utf-7", "r+AOQ-k +- +2D3eAQ-", "räk + 😁"},
		{"utf-16 with a mark", "utf-16", "\xfe\xff\x00\xe4", "ä"},
		{"utf-16 without", "utf-16", "\xe4\x00", "ä"},
		{"koi8-r", "KOI8-R", "\xc1", "а"},
		{"unknown, UTF-8", "x-none", "ä", "ä"},
		{"unknown, not UTF-8", "x-none", "\xe4", "ä"},
		{"a charset browsers refuse", "iso-2022-kr", "abc", "abc"},
		{"in quotes", `"utf-8"`, "ä", "ä"},
	} {
		p := &Part{Params: []Param{{"charset", tt.charset}}}
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(tt.in), "octet by octet": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := io.ReadAll(Text(p, r))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s, %s: %q %v, want %q", tt.reason, name, got, err, tt.want)
			}
		}
	}
}

func TestTextStringCutsBetweenRunes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit int
		want  string
		cut   bool
	}{{10, "aää", false}, {5, "aää", false}, {4, "aä", true}, {3, "aä", true}, {0, "", true}} {
		got, cut, err := TextString(&Part{}, strings.NewReader("aää"), tt.limit)
		if got != tt.want || cut != tt.cut || err != nil {
			t.Errorf("%d: %q %v %v", tt.limit, got, cut, err)
		}
	}
}

// Text is valid UTF-8 in every charset, whatever the octets are.
func TestTextIsUTF8(t *testing.T) {
	t.Parallel()
	names := []string{"", "utf-8", "utf-7", "utf-16", "utf-32", "iso-8859-1", "ansi", "cp850", "cp932", "iso-2022-jp", "gb18030", "hz-gb-2312", "big5", "euc-kr", "koi8-u", "x-none", "macintosh"}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "in")
		p := &Part{Encoding: rapid.SampledFrom([]string{"7bit", "base64", "quoted-printable"}).Draw(t, "encoding"), Params: []Param{{"charset", rapid.SampledFrom(names).Draw(t, "charset")}}}
		got, err := io.ReadAll(Text(p, bytes.NewReader(in)))
		if err != nil || !utf8.Valid(got) {
			t.Fatalf("%q %v", got, err)
		}
	})
}
